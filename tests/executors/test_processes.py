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
from endtoend.kit import project_at
from kit import run

from pipeline.core.errors import UserError
from pipeline.params.types.executor import ExecutorSpec
from pipeline.runs.run import Context
from pipeline.store import Store

from .conftest import Notes, assert_same_bits, trained_by
from .driven import alive, assert_all_gone, assert_resumes_here, driver, study

if TYPE_CHECKING:
    from pipeline.engine.jobs import TrainedRun
    from pipeline.engine.stacks import Engine, Stack
    from pipeline.executors.processes import ProcessExecutor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def processes(
    auto: "Engine", project: Path, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[ProcessExecutor]":
    """Two workers for all tests of this file; what they compiled for one is used by the next."""
    from pipeline.executors.choose import executor
    from pipeline.executors.processes import ProcessExecutor

    spec = ExecutorSpec(kind="processes", workers=2)
    processes = executor(spec, auto, "float32", project, Store(tmp_path_factory.mktemp("store")))
    assert isinstance(processes, ProcessExecutor)
    with processes:
        yield processes
        ids = pids(processes)
    assert not any(alive(pid) for pid in ids)


def pids(executor: "ProcessExecutor") -> list[int]:
    return [process.pid for process in executor.processes]


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
                killed.append(
                    next(process.pid for process, task in processes.running.items() if task.stack is stack)
                )
                os.kill(killed[0], signal.SIGKILL)
            super().epoch(stack, *rest)  # type: ignore[arg-type]

    notes = Killing()
    assert_same_bits(trained_by(processes, stacks, notes), here)
    ((_, why),) = notes.losses
    assert "was killed by signal 9" in why
    assert len(notes.started_at) == len(stacks) + 1
    assert set(before) - {killed[0]} < set(pids(processes)) and len(pids(processes)) == 2


def test_an_error_in_a_worker_is_raised_here_and_the_next_stacks_train(
    processes: "ProcessExecutor", stacks: "list[Stack]", context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.engine.stacks import Stack

    foreign = Stack((run(context=replace(context, dataset="mnist")),), "fused", "one graph", True)
    with pytest.raises(UserError, match=r"mnist.* is not prepared"):
        list(processes.train([foreign], Notes()))
    monkeypatch.setattr(processes, "max_tasks_per_worker", 1)  # workers are replaced after each
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
        _, errors = process.communicate(timeout=90)
        assert process.returncode == 130 and "interrupted" in errors and "Traceback" not in errors
        assert_all_gone(workers)
    finally:
        process.kill()
        process.communicate()


def test_a_killed_study_leaves_no_worker_and_is_resumed_anywhere_to_the_same_bytes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project_at(tmp_path / "killed", project, study({"kind": "processes", "workers": 1}))
    process = driver(root)
    workers = wait_for_workers(process, 1)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, errors
    assert_all_gone(workers)
    undisturbed = project_at(tmp_path / "undisturbed", project, study({"kind": "local"}))
    assert_resumes_here(root, undisturbed, monkeypatch)


def wait_for_workers(process: "subprocess.Popen[str]", count: int) -> list[int]:
    deadline = time.monotonic() + 120
    while len(workers := children_of(process.pid)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(workers) == count
    return workers


def children_of(pid: int) -> list[int]:
    """Return the worker processes of a process, recognised by their command lines."""
    workers = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == pid and b"spawn_main" in command:
            workers.append(int(folder.name))
    return workers
