"""Stacks in processes of their own: equal to the last bit, tried again when a process is killed, and none left behind."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from core.kit import run
from endtoend.kit import project_at

from pipeline.errors import UserError
from pipeline.params.executor import ExecutorSpec
from pipeline.runs import Context
from pipeline.store import Store

from .conftest import Notes, assert_same_bits, trained_by
from .driven import alive, assert_all_gone, assert_goes_on_here, driver, study

if TYPE_CHECKING:
    from pipeline.engine.auto import Engine, Stack
    from pipeline.engine.protocol import TrainedRun
    from pipeline.executors.processes import ProcessExecutor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def processes(
    auto: "Engine", project: Path, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[ProcessExecutor]":
    """Two workers that serve all tests of this file; what they compiled for one serves the next."""
    from pipeline.executors.choose import executor
    from pipeline.executors.processes import ProcessExecutor

    spec = ExecutorSpec(kind="processes", workers=2)
    made = executor(spec, auto, "float32", project, Store(tmp_path_factory.mktemp("store")))
    assert isinstance(made, ProcessExecutor)
    with made:
        yield made
        ids = pids(made)
    assert not any(alive(pid) for pid in ids)


def pids(executor: "ProcessExecutor") -> list[int]:
    return [each.pid for each in executor.processes]


def test_numbers_do_not_depend_on_the_executor(
    processes: "ProcessExecutor", stacks: "list[Stack]", here: "dict[str, TrainedRun]"
) -> None:
    notes = Notes()
    assert_same_bits(trained_by(processes, stacks, notes), here)
    assert {where for _, where in notes.started_at} == {"worker 1", "worker 2"}
    assert notes.losses == [] and {epoch for _, epoch, _ in notes.epochs} >= {1}


def test_a_killed_worker_is_replaced_and_its_stack_tried_again(
    processes: "ProcessExecutor", stacks: "list[Stack]", here: "dict[str, TrainedRun]"
) -> None:
    before = pids(processes)
    killed: list[int] = []

    class Killing(Notes):
        def epoch(self, stack: "Stack", *rest: object) -> None:
            if not killed:
                killed.append(next(each.pid for each in processes.processes if each.stack is stack))
                os.kill(killed[0], signal.SIGKILL)
            super().epoch(stack, *rest)  # type: ignore[arg-type]

    notes = Killing()
    assert_same_bits(trained_by(processes, stacks, notes), here)
    ((_, why),) = notes.losses
    assert "was killed by signal 9" in why
    assert len(notes.started_at) == len(stacks) + 1
    assert set(before) - {killed[0]} < set(pids(processes)) and len(pids(processes)) == 2


def test_what_goes_wrong_in_a_worker_is_raised_here_and_the_next_stacks_train(
    processes: "ProcessExecutor", stacks: "list[Stack]", context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.engine.auto import Stack

    foreign = Stack((run(context=replace(context, dataset="mnist")),), "fused", "one graph", True)
    with pytest.raises(UserError, match=r"mnist.* is not prepared"):
        list(processes.train([foreign], Notes()))
    monkeypatch.setattr(processes, "lives", 1)  # and after each they are replaced
    assert len(trained_by(processes, stacks[:1], Notes())) == 3
    assert len(pids(processes)) == 1  # the other had nothing to do


def test_a_worker_that_holds_too_much_memory_is_ended(
    processes: "ProcessExecutor", stacks: "list[Stack]", monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.executors.protocol import StackLostError

    monkeypatch.setattr(processes, "memory", 50_000_000)
    with pytest.raises(StackLostError, match=r"was lost twice .*0\.1 GB allowed \(executor\.memory\)"):
        list(processes.train(stacks[:1], Notes()))


def test_ctrl_c_ends_all_workers_at_once(project: Path, tmp_path: Path) -> None:
    process = driver(
        project_at(tmp_path / "project", project, study({"kind": "processes", "workers": 2}, epochs=100_000))
    )
    try:
        workers = wait_for_workers(process, 2)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=90)
        assert process.returncode == 130 and "interrupted" in said and "Traceback" not in said
        assert_all_gone(workers)
    finally:
        process.kill()
        process.communicate()


def test_a_killed_study_leaves_no_worker_and_goes_on_anywhere_to_the_same_bytes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project_at(tmp_path / "killed", project, study({"kind": "processes", "workers": 1}))
    process = driver(root)
    workers = wait_for_workers(process, 1)
    _, said = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, said
    assert_all_gone(workers)
    peaceful = project_at(tmp_path / "peaceful", project, study({"kind": "local"}))
    assert_goes_on_here(root, peaceful, monkeypatch)


def wait_for_workers(process: "subprocess.Popen[str]", count: int) -> list[int]:
    patience = time.monotonic() + 120
    while len(found := children_of(process.pid)) < count and time.monotonic() < patience:
        time.sleep(0.1)
    assert len(found) == count
    return found


def children_of(pid: int) -> list[int]:
    """Return the worker processes of a process, by what they were started with."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"spawn_main" in command:
            found.append(int(folder.name))
    return found
