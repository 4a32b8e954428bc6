import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from pipeline.tracking.ledger import pending
from pipeline.tracking.tracker import Tracker

from .conftest import Study, held, names

HOME = Path(__file__).parents[2]
NOBODY = "http://me:secret@127.0.0.1:9"


def has_ended(process: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] in ("", "Z")


def worker_of(tracker: Tracker) -> int:
    assert tracker.worker is not None
    return tracker.worker.id


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def test_mlflow_follows_the_store_while_a_study_trains(
    study: Study, capfd: pytest.CaptureFixture[str]
) -> None:
    with Tracker(study.store, interval=0.2):
        study.add("act", "relu")
        wait_until(lambda: names(study.uri) == {"act": ["relu · seed 0"]})
        study.add("act", "gelu")
    assert names(study.uri) == {"act": ["gelu · seed 0", "relu · seed 0"]}
    assert not pending(study.store)
    assert capfd.readouterr() == ("", "")


def test_a_first_database_is_made(study: Study) -> None:
    (study.root / "mlflow.db").unlink()
    study.add("act", "relu")
    with Tracker(study.store):
        pass
    assert names(study.uri) == {"act": ["relu · seed 0"]}


def test_a_replaced_database_is_filled_from_the_start(study: Study, empty_database: Path) -> None:
    study.add("act", "relu")
    for _ in range(2):
        with Tracker(study.store):
            pass
        assert not pending(study.store)
        shutil.move(study.root / "mlflow.db", study.root / "old.db")
        shutil.copy(empty_database, study.root / "mlflow.db")
        assert pending(study.store)


def test_with_nothing_to_say_it_costs_little_more_than_importing_mlflow(tmp_path: Path) -> None:
    study = Study(tmp_path)
    started = time.monotonic()
    with Tracker(study.store):
        pass
    ended = time.monotonic()
    subprocess.run([sys.executable, "-c", "import mlflow.tracking"], check=True)
    assert ended - started < 3 * (time.monotonic() - ended)
    assert not (tmp_path / "mlflow.db").exists()


def test_a_dead_server_costs_one_warning(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    warnings: list[str] = []
    study.add("act", "relu")
    with Tracker(study.store, NOBODY, warn=warnings.append, interval=0.2):
        time.sleep(1)
    (warning,) = warnings
    assert warning.startswith("MLflow at http://127.0.0.1:9 is not up to date")
    assert warning.endswith("the next `dvc repro` will send the rest.")
    assert "secret" not in warning
    assert "\n" not in warning
    assert pending(study.store, NOBODY)


def test_a_worker_that_cannot_start_costs_one_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    study = Study(tmp_path)
    study.store.folder.write_text("a file where a folder should be")
    with Tracker(study.store, warn=warnings.append):
        pass
    assert len(warnings) == 1


def test_a_silent_worker_is_given_up(study: Study) -> None:
    warnings: list[str] = []
    with Tracker(study.store, warn=warnings.append, patience=0.5) as tracker:
        os.kill(worker_of(tracker), signal.SIGSTOP)
    assert "no answer for 0.5 s" in warnings[0]


def test_a_worker_killed_at_work_is_one_warning_and_the_next_one_repairs(study: Study) -> None:
    warnings: list[str] = []
    for seed in range(40):
        study.add("act", "relu", seed)
    with Tracker(study.store, warn=warnings.append, interval=0.1) as tracker:
        wait_until(lambda: len(names(study.uri).get("act", [])) > 3)
        os.kill(worker_of(tracker), signal.SIGKILL)
    assert len(warnings) == 1
    assert len(names(study.uri)["act"]) < 40

    with Tracker(study.store, warn=warnings.append):
        pass
    assert len(warnings) == 1
    assert names(study.uri) == {"act": sorted(f"relu · seed {seed}" for seed in range(40))}
    assert {run.info.status for run in held(study.uri)["act"]} == {"FINISHED"}


def test_workers_side_by_side_make_one_database_and_send_each_run_once(study: Study) -> None:
    warnings: list[str] = []
    (study.root / "mlflow.db").unlink()
    for seed in range(5):
        study.add("act", "relu", seed)
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(Tracker(study.store, warn=warnings.append, interval=0.1))
    assert warnings == []
    assert names(study.uri) == {"act": [f"relu · seed {seed}" for seed in range(5)]}


def test_errors_of_the_training_pass_without_waiting(study: Study) -> None:
    study.add("act", "relu")
    with pytest.raises(KeyboardInterrupt), Tracker(study.store):
        raise KeyboardInterrupt
    wait_until(lambda: not pending(study.store))


def test_a_killed_training_process_leaves_no_worker(study: Study) -> None:
    study.add("act", "relu")
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom pipeline.store import Store\n"
        "from pipeline.tracking.tracker import Tracker\n"
        "with Tracker(Store(Path(sys.argv[1]))) as tracker:\n"
        "    print(tracker.worker.id, flush=True)\n    os.kill(os.getpid(), 9)\n"
    )
    dead = subprocess.run(
        [sys.executable, "-c", code, str(study.store.folder)],
        capture_output=True,
        text=True,
        cwd=HOME,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL
    wait_until(lambda: has_ended(int(dead.stdout)))
    assert names(study.uri) == {"act": ["relu · seed 0"]}
