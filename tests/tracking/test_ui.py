import os
import signal
import socket
import subprocess
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.tracking.ledger import pending
from pipeline.tracking.projection import project
from pipeline.tracking.tracker import Tracker
from pipeline.tracking.ui import compare_urls, landing_page, serve

from .conftest import Study, names

HOME = Path(__file__).parents[2]
CHARTS = (
    "runs?searchFilter=tags.phase%20%3D%20%22summary%22&compareRunsMode=CHART&workflowType=machine_learning"
)


def test_one_ablation_opens_on_its_charts_and_several_on_the_list(study: Study) -> None:
    assert landing_page(study.store, study.uri, 5001) == "http://127.0.0.1:5001/#/experiments"
    study.add("act", "relu")
    project(study.store)
    assert landing_page(study.store, study.uri, 5001) == f"http://127.0.0.1:5001/#/experiments/1/{CHARTS}"

    study.add("opt", "sgd")
    project(study.store)
    assert landing_page(study.store, study.uri, 5001) == "http://127.0.0.1:5001/#/experiments"


def test_an_ablation_has_an_address_once_it_was_sent(study: Study) -> None:
    study.add("act", "relu")
    assert compare_urls(study.store) == {}
    project(study.store)
    assert compare_urls(study.store) == {"act": f"http://127.0.0.1:5000/#/experiments/1/{CHARTS}"}


def test_a_remote_servers_page_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@tracking.example/")
    serve(tmp_path)
    assert opened == ["https://tracking.example/#/experiments"]


def test_without_a_database_the_user_is_told_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no MLflow database yet; `dvc repro` makes it"):
        serve(tmp_path, open_browser=False)


def test_a_busy_port_is_named(study: Study) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: .*--port"):
            serve(study.root, port, open_browser=False)


@contextmanager
def served(root: Path, port: int) -> Iterator[str]:
    """Run `serve` during the block; yield the address that it prints."""
    code = "import sys; from pathlib import Path; from pipeline.tracking.ui import serve\n"
    code += "serve(Path(sys.argv[1]), int(sys.argv[2]), open_browser=False)"
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment["PYTHONPATH"] = str(HOME)
    command = [sys.executable, "-c", code, str(root), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root) as server:
        assert server.stdout is not None
        try:
            page = server.stdout.readline()
            assert page.startswith("MLflow: http://127.0.0.1")
            yield page.removeprefix("MLflow: ").partition("/#")[0]
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(timeout=30) == 0


@pytest.mark.slow
def test_a_server_may_come_and_go(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    warnings: list[str] = []
    project_elsewhere = Study(tmp_path / "elsewhere")
    key = project_elsewhere.add("act", "relu")
    project_elsewhere.keep_model("act", "relu", key)
    with served(study.root, port) as uri, Tracker(project_elsewhere.store, warn=warnings.append):
        assert uri == project_elsewhere.uri
    assert warnings == []
    assert not pending(project_elsewhere.store)

    project_elsewhere.add("act", "gelu")
    with Tracker(project_elsewhere.store, warn=warnings.append, interval=0.2):
        pass
    assert len(warnings) == 1
    assert pending(project_elsewhere.store)

    with served(study.root, port) as uri, Tracker(project_elsewhere.store, warn=warnings.append):
        pass
    assert len(warnings) == 1
    assert names(f"sqlite:///{study.root / 'mlflow.db'}") == {"act": ["gelu · seed 0", "relu · seed 0"]}
