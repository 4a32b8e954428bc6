import math

import pytest

from pipeline.stats.intervals import Interval, t_interval, t_quantile


@pytest.mark.parametrize(
    ("df", "confidence", "table"),
    [
        (1, 0.95, 12.706),
        (2, 0.95, 4.303),
        (4, 0.95, 2.776),
        (9, 0.95, 2.262),
        (4, 0.99, 4.604),
        (29, 0.9, 1.699),
    ],
)
def test_quantiles_are_those_of_the_printed_tables(df: int, confidence: float, table: float) -> None:
    assert t_quantile(df, confidence) == pytest.approx(table, abs=5e-4)


def test_interval_of_a_hand_calculated_sample() -> None:
    interval = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert interval.mean == 3.0
    assert interval.deviation == pytest.approx(math.sqrt(2.5))
    assert interval.low == pytest.approx(3 - 2.776445 * math.sqrt(0.5), abs=1e-6)
    assert interval.high == pytest.approx(3 + 2.776445 * math.sqrt(0.5), abs=1e-6)
    assert interval.n == 5


def test_one_value_has_no_spread() -> None:
    assert t_interval([0.9]) == Interval(0.9, None, None, None, 1)


def test_equal_values_give_an_interval_without_width() -> None:
    assert t_interval([0.5, 0.5, 0.5]) == Interval(0.5, 0.5, 0.5, 0.0, 3)


def test_diverged_replicates_are_left_out() -> None:
    assert t_interval([1.0, math.nan, 3.0, math.inf]) == t_interval([1.0, 3.0])


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_nothing_finite_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one finite value"):
        t_interval(values)
