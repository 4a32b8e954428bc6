"""Published values: the prediction interval by hand and by simulation, rounding, and limits."""

import math

import numpy as np
import pytest

from pipeline.stats.published import agreement, prediction_interval, shown_decimals

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_interval_of_a_hand_calculated_sample() -> None:
    interval = prediction_interval(FIVE)
    half = 2.776445 * math.sqrt(2.5) * math.sqrt(1.2)
    assert interval == (pytest.approx(3 - half, abs=1e-5), pytest.approx(3 + half, abs=1e-5))


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_one_more_run_of_the_same_recipe_agrees_95_times_in_100(n: int) -> None:
    rng = np.random.default_rng(n)
    draws = rng.normal(0.88, 0.003, (4000, n + 1))
    agreed = np.mean([agreement(row[:-1], row[-1], decimals=9).agrees for row in draws])
    assert agreed == pytest.approx(0.95, abs=0.0105)  # three standard errors


def test_the_interval_of_the_mean_would_have_been_the_wrong_measure() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(500, 21))
    agreements = [agreement(row[:-1], row[-1], decimals=9) for row in draws]
    within_mean = np.mean(
        [(one.ours.low or 0) <= one.published <= (one.ours.high or 0) for one in agreements]
    )
    assert within_mean < 0.5 < np.mean([one.agrees for one in agreements])


def test_another_recipe_is_told_apart() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(0.88, 0.003, (300, 5))
    assert np.mean([agreement(row, 0.80).agrees for row in draws]) == 0


@pytest.mark.parametrize(
    ("published", "decimals", "agrees"),
    [(0.85, None, True), (0.855, None, False), (0.855, 2, True), (0.86, None, False), (0.86, 1, True)],
)
def test_a_value_agrees_as_far_as_its_rounding_leaves_it_open(
    published: float, decimals: int | None, agrees: bool
) -> None:
    assert agreement([0.85, 0.85, 0.85], published, decimals=decimals).agrees is agrees


@pytest.mark.parametrize(
    ("kind", "published", "agrees", "gap"),
    [
        ("above", 0.8, True, 0.0),
        ("above", 0.9, False, -0.05),
        ("below", 0.8, False, 0.05),
        ("below", 0.9, True, 0.0),
    ],
)
def test_a_limit_agrees_with_everything_on_its_side(
    kind: str, published: float, agrees: bool, gap: float
) -> None:
    result = agreement([0.849, 0.85, 0.851], published, kind, decimals=6)  # type: ignore[arg-type]
    assert (result.agrees, result.gap) == (agrees, pytest.approx(gap, abs=1e-5))


def test_a_single_replicate_says_nothing_about_spread() -> None:
    result = agreement([0.9, math.nan], 0.5)
    assert (result.agrees, result.low, result.high, result.gap) == (None, None, None, pytest.approx(0.4))


def test_diverged_replicates_are_left_out() -> None:
    assert agreement([*FIVE, math.nan, math.inf], 3.0) == agreement(FIVE, 3.0)


def test_without_any_replicate_nothing_can_be_compared() -> None:
    with pytest.raises(ValueError, match="at least one finite value"):
        agreement([math.nan], 0.9)


@pytest.mark.parametrize(
    ("value", "decimals"),
    [(0.843, 3), (2.0, 0), (0.5, 1), (97.25, 2), (1e-7, 7), (1.5e-7, 8), (0, 0), (1e22, 0)],
)
def test_decimals_are_those_of_the_shortest_form(value: float, decimals: int) -> None:
    assert shown_decimals(value) == decimals
