import pytest

from pipeline.report.measure import ACCURACY, LOSS
from pipeline.report.texts import number, p_value, plain, shortened, value_at
from pipeline.stats.intervals import Interval


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("relu", "relu"),
        (None, "none"),
        (True, "true"),
        (0.001, "0.001"),
        (3.0, "3"),
        (12, "12"),
        ([64, 32], "[64, 32]"),
        ({"name": "selu"}, "selu"),
        ({"name": "leaky_relu", "negative_slope": 0.1}, '{"name": "leaky_relu", "negative_slope": 0.1}'),
    ],
)
def test_plain(value: object, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(3140000, "3,140,000"), (0.0012345, "0.00123"), (1e-5, "1e-05"), (float("inf"), "inf")],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< .001"), (0.0123, ".012"), (0.42, ".42"), (1.0, "1.00")])
def test_p_value(p: float, text: str) -> None:
    assert p_value(p) == text


def test_shortened_keeps_both_ends_and_the_length() -> None:
    assert shortened("short", 5) == "short"
    assert shortened("model.optimizer.learning_rate", 12) == "model.o…rate"


def test_at_follows_dotted_paths_and_keys_with_dots() -> None:
    recipe = {"model": {"activation": {"name": "relu"}}, "a.b": 3}
    assert value_at(recipe, "model.activation.name") == "relu"
    assert value_at(recipe, "a.b") == 3
    assert value_at(recipe, "model.missing.name") is None
    assert value_at(recipe, "model.activation.name.deeper") is None


def test_accuracies_are_shown_in_per_cent_and_points() -> None:
    assert ACCURACY.text(0.97126) == "97.13"
    assert ACCURACY.step(-0.0052) == "−0.52"
    assert ACCURACY.step(0.0052) == "+0.52"
    assert ACCURACY.step(-0.000001) == "0.00"
    assert LOSS.text(0.0312) == "0.0312"
    assert LOSS.text(6e29) == "6.00e+29"
    assert LOSS.step(-6e29) == "−6.00e+29"


def test_intervals_of_differences() -> None:
    assert ACCURACY.interval(Interval(0.01, 0.004, 0.016, 0.005, 5)) == "+1.00 [+0.40, +1.60]"
    assert ACCURACY.interval(Interval(0.01, None, None, None, 1)) == "+1.00"
    assert ACCURACY.interval(None) == ""


def test_an_interval_of_accuracies_ends_where_they_do() -> None:
    assert [ACCURACY.bound(value) for value in (-0.02, 0.5, 1.04)] == ["0.00", "50.00", "100.00"]
    assert [LOSS.bound(value) for value in (-0.02, 1.04)] == ["-0.0200", "1.0400"]
