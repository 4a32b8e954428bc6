"""The best size of a stack: measured where that pays, once, and then remembered."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit import run

from pipeline.engine.fused.sizes import GAIN, Sizes, climb
from pipeline.engine.fused.trainer import full_size, stack_size

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache

MANY = 1e6
"""Steps to come, enough for any measurement to pay."""


def curve(best: int) -> Callable[[int], float]:
    """Return made-up seconds per step and model with a minimum at `best`."""
    return lambda size: 1e-3 * max(size / best, best / size) ** 2


@given(st.integers(0, 4), st.integers(0, 4))
def test_climbing_ends_at_the_best_size(start: int, best: int) -> None:
    seconds = curve(4**best)
    assert climb(4**start, 256, seconds(4**start), seconds) == 4**best


@given(st.integers(1, 300), st.integers(1, 300), st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=7))
def test_climbing_stays_in_bounds_and_never_ends_slower(first: int, most: int, times: list[float]) -> None:
    first = min(first, most)
    measured: dict[int, float] = {}

    def seconds(size: int) -> float:
        assert 1 <= size <= most
        return measured.setdefault(size, times[len(measured) % len(times)])

    size = climb(first, most, seconds(first), seconds)
    assert measured[size] <= measured[first]
    assert size == first or measured[size] <= (1 - GAIN) * measured[first]


def test_what_is_not_much_faster_is_not_taken() -> None:
    assert climb(1, 64, 1.0, lambda size: 1.0 - 0.04 * (size > 1)) == 1


def test_a_size_is_measured_once_and_remembered() -> None:
    known: dict[str, int] = {}
    assert Sizes(known).best("graph", first=1, most=64, steps=MANY, seconds=curve(16)) == 16
    assert known == {"graph": 16}

    def never(size: int) -> float:
        raise AssertionError(f"measured again, {size}")

    assert Sizes(known).best("graph", first=1, most=64, steps=MANY, seconds=never) == 16
    at_most_five = Sizes(known).best("graph", first=1, most=5, steps=MANY, seconds=never)
    assert at_most_five == 5, "there are no more models"


@pytest.mark.parametrize(("steps", "measurements"), [(100, 0), (40_000, 1), (400_000, 2)])
def test_nothing_is_measured_that_does_not_pay(steps: float, measurements: int) -> None:
    sizes: list[int] = []

    def seconds(size: int) -> float:
        sizes.append(size)
        return 1e-3 * size

    assert Sizes().best("graph", first=1, most=64, steps=steps, seconds=seconds) == 1
    assert len(sizes) == measurements


@given(st.integers(1, 500))
def test_full_sizes_need_no_filling(most: int) -> None:
    assert full_size(most) <= most < 2 * full_size(most)
    assert stack_size(full_size(most)) == full_size(most)


@pytest.mark.slow
def test_measuring_a_real_graph_leaves_the_training_as_it_was(model_cache: "ModelCache") -> None:  # type: ignore[name-defined]
    from pipeline.engine.stacks import Engine

    from .training import same_bits, train

    sizes: list[int] = []

    class Curious(Sizes):
        def best(
            self, graph: str, first: int, most: int, steps: float, seconds: Callable[[int], float]
        ) -> int:
            sizes.extend(size for size in (1, 2) if 0 < seconds(size) < 60)
            return super().best(graph, first, most, steps, seconds)

    runs = [run(seed=seed) for seed in range(2)]
    measured, plain = (
        train(Engine(model_cache, "fused", Curious()), runs),
        train(Engine(model_cache, "fused"), runs),
    )
    assert sizes == [1, 2]
    assert all(same_bits(one, other) for one, other in zip(measured, plain, strict=True))


def test_long_trainings_leave_no_core_idle(
    model_cache: "ModelCache", monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.engine.stacks import Engine

    monkeypatch.setattr("pipeline.engine.stacks.cores", lambda: 2)
    runs = [run(seed=seed) for seed in range(10)]
    graph = model_cache.signature(runs[0], runs[0].phases[0])
    sizes = {"measured": Sizes({graph: 8}), "short": Sizes()}
    stacks = {name: Engine(model_cache, "fused", known).stacks(runs) for name, known in sizes.items()}
    assert [len(stack.runs) for stack in stacks["measured"]] == [4, 4, 2]
    assert [len(stack.runs) for stack in stacks["short"]] == [10]
