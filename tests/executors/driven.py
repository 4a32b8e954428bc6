"""A study trained by a process of its own, that can be killed, interrupted and looked at."""

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
from pathlib import Path
import pipeline.ablate
from pipeline.cli import main
from pipeline.store import Store

stored, put_all = [], Store.put_all

def killing(self, stack):
    put_all(self, stack)
    stored.append(stack)
    if len(stored) == 1:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in the background
    Store.put_all = killing
    pipeline.ablate.Tracker = lambda *_, **__: nullcontext()
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
    """Start `ablate tuned` in a project, in a process that kills itself when it has stored its first stack."""
    (root / "drive.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "drive.py"]
    return subprocess.Popen(command, cwd=root, env=environment(), stderr=subprocess.PIPE, text=True)


def alive(pid: int) -> bool:
    """Tell whether a process is still there and not just waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def assert_all_gone(workers: Sequence[int]) -> None:
    """Fail unless these processes end within some seconds."""
    patience = time.monotonic() + 10
    while any(map(alive, workers)) and time.monotonic() < patience:
        time.sleep(0.1)
    assert not any(map(alive, workers))


def assert_goes_on_here(root: Path, peaceful: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finish here what was killed in `root`; fail unless it ends as in `peaceful`, where nothing was trained yet."""
    monkeypatch.setattr("pipeline.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert len(Store(root / ".runs").keys()) == 2  # one of the two stacks of trials
    write_params(root, study({"kind": "local"}))
    for each in (root, peaceful):
        ablate(each, "tuned")
    assert results(root) == results(peaceful) and len(results(root)) == 1
    assert Store(root / ".runs").keys() == Store(peaceful / ".runs").keys()
