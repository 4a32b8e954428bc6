"""A team's server on PostgreSQL: many writers, a server killed and restarted, answers that come too late."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.cli.commands import main
from pipeline.tracking.address import without_passwords
from pipeline.tracking.ledger import pending
from pipeline.tracking.tracker import Tracker

from .conftest import Study, held, names

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
HOME = Path(__file__).parents[2]
ANSWER = 2.0  # seconds that a client waits

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BIN is None, reason="PostgreSQL is not installed (Debian: postgresql)"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """An empty database on a PostgreSQL of its own, which refuses to run as root."""
    pytest.importorskip("psycopg2")
    folder, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    as_user: list[str] = []
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL needs a user other than root, and there is no user postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        assert BIN is not None
        command = [*as_user, str(BIN / program), *arguments]
        with (Path(tempfile.gettempdir()) / "postgres.log").open("ab") as log:
            subprocess.run(command, check=True, cwd=folder, stdout=log, stderr=log)

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", "mlflow", "-A", "trust", "--no-sync")
    run(
        "pg_ctl",
        "-D",
        data,
        "-w",
        "-o",
        f"-p {port} -k {folder} -h 127.0.0.1 -F",
        "-l",
        f"{folder}/log",
        "start",
    )
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "mlflow", "mlflow")
        yield f"postgresql://mlflow:secret@127.0.0.1:{port}/mlflow"
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


class Server:
    """`python -m pipeline serve`, which can be killed and started again."""

    def __init__(self, database: str, folder: Path) -> None:
        self.port, self.database, self.folder = free_port(), database, folder
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "pipeline", "serve", "--port", str(self.port)]
        command += ["--backend", self.database, "--artifacts", str(self.folder / "artifacts")]
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(HOME)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == f"MLflow: {self.uri} on {without_passwords(self.database)}\n" and "secret" not in line
        self.process = process
        return process

    def kill(self) -> None:
        """Kill the server with all its workers, so that no answer is finished."""
        for process in [*children(self.process.pid), self.process.pid]:
            os.kill(process, signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0


@pytest.fixture(scope="module")
def server(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(database, tmp_path_factory.mktemp("server"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def at_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)


def study_of(root: Path, ablation: str, runs: int) -> Study:
    study = Study(root)
    for seed in range(runs):
        key = study.add(ablation, "relu", seed)
    study.keep_model(ablation, "relu", key)
    return study


def track(study: Study, warnings: list[str]) -> None:
    with Tracker(study.store, warn=warnings.append, interval=0.2):
        pass


def test_many_writers_lose_nothing_and_double_nothing(server: Server, tmp_path: Path) -> None:
    """Three projects with one ablation's name, all new, at the same moment."""
    studies = [study_of(tmp_path / f"project_{number}", "shared", 4) for number in range(3)]
    warnings: list[str] = []
    threads = [threading.Thread(target=track, args=(study, warnings)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for study in studies:
        if pending(study.store):  # as the next `dvc repro` does
            track(study, warnings)
        assert not pending(study.store)
    shared = {name: runs for name, runs in names(server.uri).items() if name.startswith("shared")}
    assert len(shared) == 3 and set(shared) >= {"shared"}
    assert all(runs == [f"relu · seed {seed}" for seed in range(4)] for runs in shared.values())
    assert {run.info.status for runs in held(server.uri).values() for run in runs} == {"FINISHED"}


def test_files_go_through_the_server(server: Server, tmp_path: Path) -> None:
    track(study_of(tmp_path / "files", "files", 1), [])
    (run,) = held(server.uri)["files"]
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    import mlflow

    model = run.data.tags["model"]
    folder = mlflow.artifacts.download_artifacts(model, dst_path=str(tmp_path), tracking_uri=server.uri)
    assert (Path(folder) / "data" / "model.keras").read_bytes() == b"a model"
    assert list((server.folder / "artifacts").rglob("model.keras"))


def test_a_server_killed_and_restarted_lacks_nothing(server: Server, tmp_path: Path) -> None:
    study, warnings = study_of(tmp_path / "killed", "killed", 12), list[str]()
    with Tracker(study.store, warn=warnings.append, interval=0.1):
        deadline = time.monotonic() + 60
        while not names(server.uri).get("killed") and time.monotonic() < deadline:
            time.sleep(0.05)
        server.kill()
    server.start()
    if pending(study.store):
        track(study, warnings)
    assert not pending(study.store)
    assert names(server.uri)["killed"] == sorted(f"relu · seed {seed}" for seed in range(12))
    assert {run.info.status for run in held(server.uri)["killed"]} == {"FINISHED"}


def children(process: int) -> list[int]:
    """Return all processes below one."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    own = [pid for pid, parent in pairs if parent == process]
    return [*own, *(below for pid in own for below in children(pid))]


@contextmanager
def late_answers(uri: str, late: int) -> Iterator[str]:
    """A proxy that passes everything on; the answers to the first `late` created runs come too late."""
    left = [late]

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            headers = {
                name: value
                for name, value in self.headers.items()
                if name.lower() in ("content-type", "accept")
            }
            request = urllib.request.Request(uri + self.path, body, headers, method=self.command)
            try:
                with urllib.request.urlopen(request) as answer:
                    status, content, kind = answer.status, answer.read(), answer.headers["Content-Type"]
            except urllib.error.HTTPError as error:
                status, content, kind = error.code, error.read(), error.headers["Content-Type"]
            if self.path.endswith("/runs/create") and left[0] > 0:
                left[0] -= 1
                time.sleep(2 * ANSWER)
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind or "text/plain")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                pass

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_port}"
    finally:
        assert left == [0]
        proxy.shutdown()
        proxy.server_close()
        thread.join()


def test_an_answer_that_comes_too_late_doubles_no_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", f"{ANSWER:g}")
    study, warnings = study_of(tmp_path / "late", "late", 3), list[str]()
    with late_answers(server.uri, late=2) as slow:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", slow)
        track(study, warnings)
        if pending(study.store):
            track(study, warnings)
        assert not pending(study.store)
    assert names(server.uri)["late"] == [f"relu · seed {seed}" for seed in range(3)]
    assert {run.info.status for run in held(server.uri)["late"]} == {"FINISHED"}


def test_a_server_needs_a_database(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MLFLOW_BACKEND_STORE_URI", raising=False)
    assert main(["serve"]) == 2
    assert "--backend" in capsys.readouterr().err
