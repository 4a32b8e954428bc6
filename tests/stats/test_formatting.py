import pytest

from pipeline.stats.formatting import MetricFormat, listed, p_text
from pipeline.stats.intervals import Interval


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.004, "p = .004"), (0.0009, "p < .001"), (0.05, "p = .050"), (0.31, "p = .310"), (1.0, "p = 1")],
)
def test_p_values(p: float, text: str) -> None:
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcdefg", "a, b, c and 4 more")],
)
def test_lists(names: str, text: str) -> None:
    assert listed(list(names)) == text


@pytest.mark.parametrize(
    ("metric", "difference", "text"),
    [
        ("test_accuracy", 0.0132, "1.3 points"),
        ("test_accuracy", 0.123, "12.3 points"),
        ("test_accuracy", 0.0004, "0.04 points"),
        ("test_accuracy", -1e-18, "0.000 points"),
        ("test_loss", 0.0132, "0.013"),
        ("test_loss", -1.32, "-1.3"),
        ("test_loss", 132.0, "132"),
        ("test_loss", 0.0, "0"),
    ],
)
def test_amounts(metric: str, difference: float, text: str) -> None:
    assert MetricFormat(metric, "accuracy" in metric).amount(difference) == text


def test_values() -> None:
    assert MetricFormat("val_accuracy", is_fraction=True).value(0.9734) == "97.3 %"
    assert MetricFormat("test_loss").value(0.08123) == "0.0812"
    assert MetricFormat("test_loss").values(Interval(0.1, None, None, None, 1)) == "0.1"
    assert MetricFormat("test_loss").values(Interval(1.0, -0.1, 2.1, 1, 3)) == "1 (95 % interval -0.1 to 2.1)"
    beyond = Interval(0.98, 0.9, 1.06, 0.03, 3)
    assert (
        MetricFormat("test_accuracy", is_fraction=True).values(beyond)
        == "98.0 % (95 % interval 90.0 % to 100.0 %)"
    )
