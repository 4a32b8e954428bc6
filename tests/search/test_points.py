"""Points known before any is tried: they cover every range, whatever their number."""

from typing import Any

import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.params.types.tune import KINDS, AnyRange
from pipeline.search.points import grid, quasi_random

RATE, SHARE, UNITS, WORD = (
    ("log", [1e-4, 1.0]),
    ("linear", [0.0, 0.9]),
    ("int", [2, 64]),
    ("choice", ["a", "b", "c"]),
)


def spaces(*kinds: tuple[str, Any]) -> dict[str, AnyRange]:
    return {f"p{n}": KINDS[kind].model_validate({kind: ends}) for n, (kind, ends) in enumerate(kinds)}


def two_rates() -> keras_tuner.HyperParameters:
    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.Float("rate", 1e-4, 1.0, sampling="log")
    hyperparameters.Float("decay", 1e-6, 1e-2, sampling="log")
    return hyperparameters


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 70), seed=st.integers(0, 2**31 - 1))
def test_any_number_of_trials_covers_every_range(count: int, seed: int) -> None:
    """Each of the equal parts of a range, as many as the largest power of two up to `count`, has a point."""
    points = quasi_random(two_rates(), count, seed)
    assert len(points) == count
    parts = 1 << (count.bit_length() - 1)
    for name, low, decades in (("rate", -4, 4), ("decay", -6, 4)):
        places = np.array([np.log10(point[name]) - low for point in points]) / decades
        assert set(np.minimum(places * parts, parts - 1).astype(int)) == set(range(parts))


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 40), more=st.integers(0, 40), seed=st.integers(0, 2**31 - 1))
def test_more_trials_keep_the_first_ones(count: int, more: int, seed: int) -> None:
    assert quasi_random(two_rates(), count + more, seed)[:count] == quasi_random(two_rates(), count, seed)


def test_another_seed_draws_other_points() -> None:
    assert quasi_random(two_rates(), 6, 0) != quasi_random(two_rates(), 6, 1)


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from([RATE, SHARE, UNITS, WORD]), min_size=1, max_size=4),
    trials=st.integers(1, 80),
)
def test_a_grid_has_the_ends_of_every_range(kinds: list[tuple[str, Any]], trials: int) -> None:
    space = spaces(*kinds)
    points = grid(space, trials)
    coarsest = np.prod([3 if kind == "choice" else 2 for kind, _ in kinds])
    assert len(points) <= trials
    assert len({repr(point) for point in points}) == len(points)
    if trials < coarsest:
        assert len(points) == trials
        return
    axes = {path: {point[path] for point in points} for path in space}
    assert len(points) == np.prod([len(values) for values in axes.values()])
    for (kind, ends), values in zip(kinds, axes.values(), strict=True):
        assert values == {0, 1, 2} if kind == "choice" else {*map(float, ends)} <= {*map(float, values)}


@pytest.mark.parametrize(("trials", "count"), [(2, 2), (3, 3), (6, 6), (11, 11)])
def test_a_grid_of_one_range_is_as_fine_as_its_trials(trials: int, count: int) -> None:
    values = [point["p0"] for point in grid(spaces(RATE), trials)]
    assert values == pytest.approx(np.geomspace(1e-4, 1.0, count).tolist())


def test_a_grid_of_whole_numbers_ends_where_there_are_no_more() -> None:
    assert [point["p0"] for point in grid(spaces(("int", [2, 4])), 50)] == [2, 3, 4]
    assert [
        point["p0"] for point in grid({"p0": KINDS["int"].model_validate({"int": [1, 10], "step": 4})}, 9)
    ] == [1, 5, 9]
