"""A study trained by a process of its own, which can be killed, interrupted and inspected."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from endtoend.kit import PARAMS, ablate, environment, results, write_params

from pipeline.store import Store

SCRIPT = """
import os, signal, sys
from contextlib import nullcontext
import pipeline.stages.ablate
from pipeline.cli import main
from pipeline.store.runs import FinishedRuns

put_all = FinishedRuns.put_all

def put_and_die(self, runs):
    put_all(self, runs)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    FinishedRuns.put_all = put_and_die
    pipeline.stages.ablate.Tracker = lambda *_, **__: nullcontext()
    sys.exit(main(["ablate", "tuned", "--ahead"]))
"""


def study(executor: Mapping[str, Any], epochs: int = 2) -> dict[str, Any]:
    """Return a study of four stacks, in two rounds, for an executor."""
    params: dict[str, Any] = json.loads(json.dumps(PARAMS))
    del params["ablations"]["width"]
    params["executor"] = executor
    params["base"]["training"]["epochs"] = epochs
    return params


def driver(root: Path) -> "subprocess.Popen[str]":
    """Start `ablate tuned` in a project, in a process that kills itself once it has stored its first stack."""
    (root / "drive.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "drive.py"]
    return subprocess.Popen(command, cwd=root, env=environment(), stderr=subprocess.PIPE, text=True)


def alive(pid: int) -> bool:
    """Return whether a process still runs; one that has ended and waits for its parent (a zombie) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_all_gone(workers: Sequence[int]) -> None:
    """Fail unless these processes end within some seconds."""
    deadline = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(alive, workers))


def assert_resumes_here(root: Path, undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finish here the study killed in `root`; fail unless it ends as in `undisturbed`, where nothing is trained yet."""
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert len(Store(root / ".runs").runs.keys()) == 2  # one of the two stacks of trials
    write_params(root, study({"kind": "local"}))
    for project in (root, undisturbed):
        ablate(project, "tuned")
    assert results(root) == results(undisturbed) and len(results(root)) == 1
    assert Store(root / ".runs").runs.keys() == Store(undisturbed / ".runs").runs.keys()
