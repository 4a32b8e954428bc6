"""One thread an operation where every core has a convolutional net of its own: when, and that nothing else changes."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kit import study

from pipeline.core.machine import cores
from pipeline.params.types.study import Study
from pipeline.planning.state import read_states
from pipeline.store import Store
from pipeline.training.threads import one_net_a_core, set_pool

CONV = {"model": {"layers": [{"filters": 4, "kernel_size": 3}]}}
DENSE = {"model": {"layers": [4]}}
NAMED = {"model": {"layers": [{"name": "SeparableConv2D", "filters": 2, "kernel_size": 3}]}}
LARGE = {"model": {"application": "MobileNetV3Small"}}


@pytest.fixture(autouse=True)
def _two_cores_and_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.training.threads.cores", lambda: 2)
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda _: [])
    monkeypatch.delenv("ABLATION_DATA_MIRROR", raising=False)


def chosen(study: Study, project: Path, stored: set[str] | None = None) -> bool:
    states = read_states(study, Store(project / ".nothing"), project)
    return one_net_a_core(study, states, stored or set())


def of(variants: dict[str, Any], **more: Any) -> Study:
    return study({"one": {"question": "?", "variants": variants}}, **{"seeds": 1, **more})


@pytest.mark.parametrize(
    ("variants", "more", "expected"),
    [
        ({"a": CONV, "b": CONV}, {}, True),
        ({"a": NAMED}, {"seeds": 2}, True),
        ({"a": LARGE}, {"seeds": 2}, True),
        ({"a": CONV}, {}, False),
        ({"a": DENSE, "b": DENSE}, {}, False),
        ({"a": CONV, "b": CONV, "c": DENSE}, {}, False),
        ({"a": CONV, **dict.fromkeys("bcd", CONV), "e": DENSE}, {}, True),
        ({"a": CONV, "b": CONV}, {"engine": "fit"}, False),
        ({"a": CONV, "b": CONV}, {"executor": {"kind": "processes"}}, False),
    ],
)  # fmt: skip
def test_one_thread_where_convolutions_fill_the_cores(
    project: Path, variants: dict[str, Any], more: dict[str, Any], expected: bool
) -> None:
    assert chosen(of(variants, **more), project) == expected


def test_what_a_study_says_is_set_and_a_process_that_has_trained_stays_as_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr("pipeline.training.threads.set_threads", given.append)
    for entry in (
        of({"a": DENSE}, executor={"kind": "local", "threads": 3}),
        of({"a": CONV, "b": CONV}),
        of({"a": DENSE}),
    ):
        set_pool(entry, read_states(entry, Store(project / ".nothing"), project), set())
    assert given == [3, 1]

    def started(_: int) -> None:
        raise RuntimeError("cannot be modified after initialization")

    monkeypatch.setattr("pipeline.training.threads.set_threads", started)
    entry = of({"a": CONV, "b": CONV})
    set_pool(entry, read_states(entry, Store(project / ".nothing"), project), set())


def test_what_is_stored_does_not_count_and_a_gpu_has_its_own_way(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = of({"a": CONV, "b": CONV})
    (state,) = read_states(both, Store(project / ".nothing"), project)
    assert chosen(both, project, {state.variants[0].replicates[0].key}) is False
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda _: ["GPU:0"])
    assert not chosen(both, project)


SIDE_BY_SIDE = """
import sys, threading
sys.path.insert(0, {tests!r})
from pathlib import Path
from engine.training import assert_near, same_bits, train
from kit import run
from pipeline.engine.datasets import DatasetCache
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.stacks import Engine
from pipeline.executors.local import LocalExecutor
from pipeline.executors.worker import set_threads
from benchmarks.quiet import Quiet

set_threads(1)
cache = ModelCache(DatasetCache(Path({project!r})))
layers = [{{"filters": 4, "kernel_size": 3}}, "MaxPooling2D", {{"filters": 3, "kernel_size": 3, "strides": 2}}, 5]
runs = [run({{"model": {{"layers": layers}}}}, seed=seed) for seed in range(4)]
engine = Engine(cache, "fused")
stacks = engine.stacks(runs)
assert [(len(stack.runs), stack.small) for stack in stacks] == [(1, True)] * 4
together = {{one.record.key: one for stack in LocalExecutor(engine, "float32").train(stacks, Quiet()) for one in stack}}
in_turn = train(Engine(cache, "fused"), runs)
by_fit = train(Engine(cache, "fit"), runs[:2])
assert all(same_bits(together[one.record.key], one) for one in in_turn)
for one in by_fit:
    assert_near(together[one.record.key], one)
"""


@pytest.mark.slow
@pytest.mark.skipif(cores() < 2, reason="needs two cores")
def test_side_by_side_nets_have_the_bits_of_nets_in_turn_and_equal_fit(project: Path) -> None:
    code = SIDE_BY_SIDE.format(tests=str(Path(__file__).parents[1]), project=str(project))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
