"""Published values: the prediction interval by hand and by simulation, rounding, and limits."""

import math

import numpy as np
import pytest

from pipeline.stats.published import TOLERANCE, agreement, prediction_interval, ratio_agreement
from pipeline.stats.published_value import Published, shown_decimals
from pipeline.stats.ratios import times_smaller

FIVE = [1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_interval_of_a_hand_calculated_sample() -> None:
    interval = prediction_interval(FIVE)
    half = 2.776445 * math.sqrt(2.5) * math.sqrt(1.2)
    assert interval == (pytest.approx(3 - half, abs=1e-5), pytest.approx(3 + half, abs=1e-5))


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_one_more_run_of_the_same_recipe_agrees_95_times_in_100(n: int) -> None:
    rng = np.random.default_rng(n)
    draws = rng.normal(0.88, 0.003, (4000, n + 1))
    agreed = np.mean([agreement(row[:-1], Published(row[-1], decimals=9)).agrees for row in draws])
    assert agreed == pytest.approx(0.95, abs=0.0105)  # three standard errors


def test_the_interval_of_the_mean_would_have_been_the_wrong_measure() -> None:
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(500, 21))
    agreements = [agreement(row[:-1], Published(row[-1], decimals=9)) for row in draws]
    within_mean = np.mean(
        [(one.ours.low or 0) <= one.published.value <= (one.ours.high or 0) for one in agreements]
    )
    assert within_mean < 0.5 < np.mean([one.agrees for one in agreements])


def test_another_recipe_is_told_apart() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(0.88, 0.003, (300, 5))
    assert np.mean([agreement(row, Published(0.80)).agrees for row in draws]) == 0


@pytest.mark.parametrize(
    ("published", "decimals", "agrees"),
    [(0.85, None, True), (0.855, None, False), (0.855, 2, True), (0.86, None, False), (0.86, 1, True)],
)
def test_a_value_agrees_as_far_as_its_rounding_leaves_it_open(
    published: float, decimals: int | None, agrees: bool
) -> None:
    assert agreement([0.85, 0.85, 0.85], Published(published, decimals=decimals)).agrees is agrees


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
    result = agreement([0.849, 0.85, 0.851], Published(published, kind, decimals=6))  # type: ignore[arg-type]
    assert (result.agrees, result.gap) == (agrees, pytest.approx(gap, abs=1e-5))


@pytest.mark.parametrize(
    ("lower", "upper", "agrees", "gap"),
    [(0.8, 0.9, True, 0.0), (0.86, 0.9, False, -0.01), (0.7, 0.8, False, 0.05), (0.852, 0.9, True, -0.002)],
)
def test_a_range_agrees_where_one_more_run_could_be_within(
    lower: float, upper: float, agrees: bool, gap: float
) -> None:
    result = agreement([0.849, 0.85, 0.851], Published(lower, "between", upper, decimals=6))
    assert (result.agrees, result.gap) == (agrees, pytest.approx(gap, abs=1e-5))


def test_counts_must_be_equal() -> None:
    assert agreement([271346] * 3, Published(271346)).agrees
    assert not agreement([271346] * 3, Published(271345)).agrees
    assert agreement([271346] * 3, Published(271346)).tested


def test_a_comparison_is_a_test_where_the_range_is_narrow_for_the_size_of_what_was_published() -> None:
    half = TOLERANCE * 0.1
    width = half / ((prediction_interval([-1.0, 0.0, 1.0]) or (0, math.nan))[1])
    narrow, wide = ([0.9 - part * width, 0.9, 0.9 + part * width] for part in (0.999, 1.001))
    assert agreement(narrow, Published(0.9), size=0.1).tested
    assert agreement(wide, Published(0.9), size=0.1).tested is False
    assert agreement(wide, Published(0.9), size=0.1).agrees
    assert agreement(wide, Published(0.2), size=0.1).tested  # it disagrees: nothing is more tested than that


def test_three_noisy_runs_agree_with_anything_and_test_nothing() -> None:
    rng = np.random.default_rng(3)
    runs = [agreement(rng.normal(0.986, 0.009, 3), Published(0.9925), size=0.0075) for _ in range(200)]
    assert np.mean([bool(run.agrees) for run in runs]) > 0.9
    assert np.mean([run.tested for run in runs if run.agrees]) < 0.05


@pytest.mark.parametrize("n", [3, 10])
def test_one_more_ratio_is_within_its_range_95_times_in_100(n: int) -> None:
    rng = np.random.default_rng(n)
    draws = np.exp(rng.normal(math.log(1.6), 0.4, (4000, n + 1)))
    agreed = [ratio_agreement(row[:-1], Published(row[-1], decimals=9)).agrees for row in draws]
    assert np.mean(agreed) == pytest.approx(0.95, abs=0.0105)  # three standard errors


def test_the_interval_of_the_mean_ratio_holds_the_true_one_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    draws = np.exp(rng.normal(math.log(1.6), 0.4, (4000, 10)))
    typical = [ratio_agreement(row, Published(1.6, decimals=9)).is_typical for row in draws]
    assert np.mean(typical) == pytest.approx(0.95, abs=0.0105)


def test_a_ratio_of_errors_by_hand() -> None:
    result = ratio_agreement([1.0, 4.0], Published(2.0))
    half = 12.706205 * math.log(4) / math.sqrt(2)  # t(1) times the deviation of 0 and ln 4
    assert result.ours.mean == pytest.approx(2.0)
    assert (result.low, result.high) == tuple(
        pytest.approx(2 * math.exp(sign * half * math.sqrt(1.5)), rel=1e-5) for sign in (-1, 1)
    )
    assert result.ours.low == pytest.approx(2 * math.exp(-half / math.sqrt(2)), rel=1e-5)


def test_a_ratio_has_the_mean_that_the_figure_of_transfer_shows() -> None:
    errors, scratch = {0: 0.02, 1: 0.03, 2: 0.01}, {0: 0.03, 1: 0.04, 2: 0.03}
    shown = times_smaller(errors, scratch)
    ratios = [scratch[seed] / errors[seed] for seed in errors]
    assert ratio_agreement(ratios, Published(3.93)).ours == shown


@pytest.mark.parametrize(
    "raw",
    [
        0.5,
        {"value": 3.93, "decimals": 2, "against": "scratch"},
        {"above": 0.98},
        {"below": 0.5, "decimals": 1},
        {"above": 0.83, "below": 1.0},
    ],
)
def test_what_a_params_file_writes_is_read_and_written_again(raw: object) -> None:
    published = Published.from_json(raw)
    assert published is not None and published.as_json() == raw
    assert Published.from_json(raw, decimals=2).decimals in (1, 2)  # type: ignore[union-attr]


@pytest.mark.parametrize("raw", [None, True, "0.5", {}, {"decimals": 3}])
def test_nothing_else_is_a_published_value(raw: object) -> None:
    assert Published.from_json(raw) is None


def test_a_single_replicate_says_nothing_about_spread() -> None:
    result = agreement([0.9, math.nan], Published(0.5))
    assert (result.agrees, result.low, result.high, result.gap) == (None, None, None, pytest.approx(0.4))


def test_a_single_replicate_that_is_there_is_compatible_and_no_test() -> None:
    result = agreement([0.59], Published(10, "below"))
    assert (result.agrees, result.tested) == (True, False)


def test_diverged_replicates_are_left_out() -> None:
    assert agreement([*FIVE, math.nan, math.inf], Published(3.0)) == agreement(FIVE, Published(3.0))


def test_without_any_replicate_nothing_can_be_compared() -> None:
    with pytest.raises(ValueError, match="at least one finite value"):
        agreement([math.nan], Published(0.9))


@pytest.mark.parametrize(
    ("value", "decimals"),
    [(0.843, 3), (2.0, 0), (0.5, 1), (97.25, 2), (1e-7, 7), (1.5e-7, 8), (0, 0), (1e22, 0)],
)
def test_decimals_are_those_of_the_shortest_form(value: float, decimals: int) -> None:
    assert shown_decimals(value) == decimals
