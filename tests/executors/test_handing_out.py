"""Which stack goes to which worker, how often it may be lost, and what it asks of a node."""

import pytest

from pipeline.executors.machine import share_of_cores
from pipeline.executors.needs import BASE, Needs, Node, Size, largest_node

from .conftest import Notes


class FakeStack:
    """A stack as far as handing out looks at one."""

    engine, reason = "fused", "one graph"

    def __init__(self, key: str, graph: str) -> None:
        self.graph = graph
        self.runs = (type("Run", (), {"key": key}),)


def errands(notes: Notes, tries: int = 2, graphs: str = "aabbc") -> object:
    from pipeline.executors.errands import Errands

    stacks = [FakeStack(f"{graph}{index}", graph) for index, graph in enumerate(graphs)]
    return Errands(stacks, lambda stack: stack.graph, tries, notes)  # type: ignore[arg-type, attr-defined, return-value]


def test_stacks_of_one_graph_go_to_one_worker_while_others_are_left() -> None:
    left = errands(Notes())
    one, two = {"a"}, {"b"}
    taken = [left.next(set(), set()), left.next(set(), one)]  # type: ignore[attr-defined]
    assert [each.graph for each in taken] == ["a", "b"]
    assert left.next(one, two).graph == "a" and left.next(two, one).graph == "b"  # type: ignore[attr-defined]
    assert left.next(one, {"b", "c"}).graph == "c"  # type: ignore[attr-defined]  # rather than idle
    assert len(left) == 0  # type: ignore[arg-type]


def test_a_lost_stack_is_the_next_and_not_for_ever() -> None:
    from pipeline.executors.protocol import StackLostError

    notes = Notes()
    left = errands(notes)
    first = left.next()  # type: ignore[attr-defined]
    left.lose(first, "worker 1 was killed by signal 9")  # type: ignore[attr-defined]
    assert left.next() is first  # type: ignore[attr-defined]
    with pytest.raises(StackLostError, match=r"a stack of 1 run \(fused.* was lost twice .* signal 11"):
        left.lose(first, "worker 2 was killed by signal 11")  # type: ignore[attr-defined]
    assert [key for key, _ in notes.losses] == ["a0", "a0"]


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
    from pipeline.executors.processes import LEAST, number_of_workers, share_of_memory

    monkeypatch.setattr("pipeline.executors.processes.cores", lambda: 64)
    for gigabytes, workers in ((1000, 64), (20, 8), (1, 1)):
        monkeypatch.setattr("pipeline.executors.machine.memory", lambda held=gigabytes: held * 10**9)
        assert number_of_workers(gpus=0) == workers and number_of_workers(gpus=4) == 4
        assert share_of_memory(workers) >= LEAST
    assert share_of_memory(1) == LEAST


SMALL, LARGE = Size(384, 3_000, 115_000, small=True), Size(16, 266_610, 55_000_000, small=False)
NODE = Node(cpus=16.0, memory=64e9, gpus=0.0)


def test_what_a_stack_asks_for_grows_with_it_and_is_never_more_than_a_node_has() -> None:
    needs = Needs(threads=8)
    assert needs.options("g", SMALL, NODE)["num_cpus"] == 1
    large = needs.options("h", LARGE, NODE)
    assert large["num_cpus"] == 8 and "num_gpus" not in large
    assert large["memory"] == BASE + 4 * 8 * 16 * 266_610 + 5 * 55_000_000
    assert needs.options("h", LARGE, Node(2.0, 1e9, 0.0)) == {"num_cpus": 2.0, "memory": 10**9}


def test_what_was_measured_replaces_what_was_reckoned() -> None:
    needs = Needs(threads=8)
    needs.learn("g", 384, 2_000_000_000)
    needs.learn("g", 384, 1_600_000_000)
    assert needs.memory("g", SMALL) == 2_500_000_000
    assert needs.memory("other", SMALL) < 2_000_000_000


def test_a_stack_takes_the_part_of_a_gpu_that_its_arrays_need() -> None:
    node = Node(16.0, 64e9, 4.0)
    assert Needs(8).options("g", LARGE, node)["num_gpus"] == 1.0
    shared = Needs(8, gpu_memory=16e9)
    assert shared.options("g", SMALL, node) == {
        "num_cpus": 1.0,
        "memory": shared.memory("g", SMALL),
        "num_gpus": 0.05,
    }
    assert shared.options("g", Size(300, 1_000_000, 10**8, False), node)["num_gpus"] == 0.79
    assert shared.options("g", Size(3000, 10_000_000, 10**8, False), node)["num_gpus"] == 1.0


def test_the_largest_node_is_taken_resource_by_resource() -> None:
    nodes = [{"CPU": 4.0, "memory": 8e9}, {"CPU": 2.0, "memory": 32e9, "GPU": 1.0}]
    assert largest_node(nodes) == Node(4.0, 32e9, 1.0)
    assert largest_node([]) == Node(0.0, 0.0, 0.0)
