"""Which stack goes to which worker, how often it may be lost, and what it requires of a node."""

from typing import TYPE_CHECKING

import pytest

from pipeline.core.errors import UserError
from pipeline.core.machine import share_of_cores
from pipeline.executors.messages import EpochReport, Failed
from pipeline.executors.requirements import BASE, Node, Requirements, StackSize, largest_node

from .conftest import Notes

if TYPE_CHECKING:
    from pipeline.executors.tasks import TaskQueue


class FakeStack:
    """What a queue of tasks uses of a stack."""

    engine, reason = "fused", "one graph"

    def __init__(self, key: str, graph: str) -> None:
        self.graph = graph
        self.runs = (type("Run", (), {"key": key}),)


def queue(notes: Notes, max_attempts: int = 2, graphs: str = "aabbc") -> "TaskQueue":
    from pipeline.executors.tasks import TaskQueue

    stacks = [FakeStack(f"{graph}{index}", graph) for index, graph in enumerate(graphs)]
    return TaskQueue(stacks, lambda stack: stack.graph, max_attempts, notes)  # type: ignore[arg-type, attr-defined]


def test_stacks_of_one_graph_go_to_one_worker_while_others_are_left() -> None:
    tasks = queue(Notes())
    one, two = {"a"}, {"b"}
    taken = [tasks.next(set(), set()), tasks.next(set(), one)]
    assert [task.graph for task in taken] == ["a", "b"]
    assert tasks.next(one, two).graph == "a" and tasks.next(two, one).graph == "b"
    assert tasks.next(one, {"b", "c"}).graph == "c"  # rather than idle
    assert len(tasks) == 0


def test_a_lost_stack_is_the_next_and_not_for_ever() -> None:
    from pipeline.executors.protocol import StackLostError

    notes = Notes()
    tasks = queue(notes)
    first = tasks.next()
    tasks.lose(first, "worker 1 was killed by signal 9")
    assert tasks.next() is first
    with pytest.raises(StackLostError, match=r"a stack of 1 run \(fused.* was lost twice .* signal 11"):
        tasks.lose(first, "worker 2 was killed by signal 11")
    assert [key for key, _ in notes.losses] == ["a0", "a0"]


def test_messages_of_workers_reach_the_listener_and_errors_are_raised() -> None:
    notes = Notes()
    tasks = queue(notes)
    first = tasks.next()
    assert list(tasks.receive(first, EpochReport(3, [{"loss": [1.0]}]))) == []
    assert notes.epochs == [("a0", 3, 1)] and notes.ended == []
    with pytest.raises(UserError, match=r"^not prepared$"):
        list(tasks.receive(first, Failed.of(UserError("not prepared"))))
    with pytest.raises(RuntimeError, match=r"a worker failed:\n.*ValueError: wrong"):
        list(tasks.receive(first, Failed.of(ValueError("wrong"))))


@pytest.mark.parametrize(("processes", "cores"), [(1, 4), (2, 4), (3, 4), (4, 4)])
def test_processes_share_the_cores_without_overlap(
    processes: int, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(10, 10 + cores)))
    shares = [share_of_cores(index, processes) for index in range(processes)]
    assert sorted(core for share in shares for core in share) == list(range(10, 10 + cores))
    assert all(shares)
    assert share_of_cores(0, cores + 1) == set()  # too many to have one each: left to the system


def test_there_are_no_more_workers_than_memory_allows(
    auto: object,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from pipeline.executors.processes import LEAST_MEMORY, number_of_workers, share_of_memory

    monkeypatch.setattr("pipeline.executors.processes.cores", lambda: 64)
    for gigabytes, workers in ((1000, 64), (20, 8), (1, 1)):
        monkeypatch.setattr("pipeline.core.machine.memory", lambda held=gigabytes: held * 10**9)
        assert number_of_workers(gpus=0) == workers and number_of_workers(gpus=4) == 4
        assert share_of_memory(workers) >= LEAST_MEMORY
    assert share_of_memory(1) == LEAST_MEMORY


SMALL = StackSize(384, 3_000, 115_000, small=True)
LARGE = StackSize(16, 266_610, 55_000_000, small=False)
NODE = Node(cpus=16.0, memory=64e9, gpus=0.0)


def test_what_a_stack_requires_grows_with_it_and_is_never_more_than_a_node_has() -> None:
    requirements = Requirements(threads=8)
    assert requirements.options("g", SMALL, NODE)["num_cpus"] == 1
    large = requirements.options("h", LARGE, NODE)
    assert large["num_cpus"] == 8 and "num_gpus" not in large
    assert large["memory"] == BASE + 4 * 8 * 16 * 266_610 + 5 * 55_000_000
    assert requirements.options("h", LARGE, Node(2.0, 1e9, 0.0)) == {"num_cpus": 2.0, "memory": 10**9}


def test_what_was_measured_replaces_what_was_estimated() -> None:
    requirements = Requirements(threads=8)
    requirements.learn("g", 384, 2_000_000_000)
    requirements.learn("g", 384, 1_600_000_000)
    assert requirements.memory("g", SMALL) == 2_500_000_000
    assert requirements.memory("other", SMALL) < 2_000_000_000


def test_a_stack_takes_the_part_of_a_gpu_that_its_arrays_need() -> None:
    node = Node(16.0, 64e9, 4.0)
    assert Requirements(8).options("g", LARGE, node)["num_gpus"] == 1.0
    shared = Requirements(8, gpu_memory=16e9)
    assert shared.options("g", SMALL, node) == {
        "num_cpus": 1.0,
        "memory": shared.memory("g", SMALL),
        "num_gpus": 0.05,
    }
    assert shared.options("g", StackSize(300, 1_000_000, 10**8, False), node)["num_gpus"] == 0.79
    assert shared.options("g", StackSize(3000, 10_000_000, 10**8, False), node)["num_gpus"] == 1.0


def test_the_largest_node_is_taken_resource_by_resource() -> None:
    nodes = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "memory": 32e9, "GPU": 1.0}]
    assert largest_node(nodes) == Node(4.0, 32e9, 1.0)
    assert largest_node([]) == Node(0.0, 0.0, 0.0)
