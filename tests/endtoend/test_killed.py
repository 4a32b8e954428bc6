"""Processes killed with SIGKILL: the next one goes on, and ends with the bytes of one that was left in peace."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.store import Store

from .kit import call, environment, project_at, results

pytestmark = pytest.mark.slow

# Each kills its own process: before the second epoch of any stack, before the second stack to end is stored, when half
# of a stack has its final names, and when only models are left to be saved.
KILLS = {
    "while training": "from pipeline.engine.fused.on_tensorflow import TensorFlowProgram as Program; "
    "hook(Program, 'epoch', lambda *_: True, 2)",
    "between stacks": "from pipeline.store.runs import FinishedRuns; "
    "hook(FinishedRuns, 'put_all', lambda *_: True, 2)",
    "within a stack": "from pathlib import Path; hook(Path, 'rename', lambda path, _: '.whole-' in str(path.parent), 2)",
    "before the models": "from pipeline.training import runner; hook(runner, 'export_best', lambda *_: True, 1)",
}
SCRIPT = """
import os, signal, sys
from contextlib import nullcontext
import pipeline.stages.ablate
from pipeline.cli import main

def hook(place, name, counts, number):
    right, calls = getattr(place, name), []
    def kill(*arguments, **named):
        calls.extend([1] * counts(*arguments))
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return right(*arguments, **named)
    setattr(place, name, kill)

pipeline.stages.ablate.Tracker = lambda *_, **__: nullcontext()
{kill}
sys.exit(main(["ablate", "tuned", "--ahead"]))
"""


def script(kill: str = "") -> list[str]:
    return [sys.executable, "-c", SCRIPT.replace("{kill}", kill)]


def test_a_study_killed_again_and_again_ends_with_the_same_bytes(project: Path, tmp_path: Path) -> None:
    peaceful = project_at(tmp_path / "peaceful", project)
    call(peaceful, *script())
    killed = project_at(tmp_path / "killed", project)
    stored = []
    for kill in KILLS.values():
        done = subprocess.run(
            script(kill), cwd=killed, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert results(killed) == {}
        stored.append(len(Store(killed / ".runs").runs.keys()))
    assert stored[0] == 0 and stored == sorted(set(stored))
    call(killed, *script())
    assert results(killed) == results(peaceful) and len(results(killed)) == 1
    store, other = Store(killed / ".runs"), Store(peaceful / ".runs")
    assert store.runs.keys() == other.runs.keys()
    assert not [*store.folder.glob(".tmp-*"), *store.folder.glob(".whole-*")]
    kept = [
        {key for key in sorted(each.runs.keys()) if each.runs.model_path(key).is_file()}
        for each in (store, other)
    ]
    assert kept[0] == kept[1] and kept[0]
