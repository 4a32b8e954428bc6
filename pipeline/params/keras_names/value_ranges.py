"""The values that Keras takes for an argument where its signature does not show them: ranges of numbers, and words."""

from collections.abc import Callable, Mapping

from pipeline.params.faults import one_of, show
from pipeline.params.numbers import is_number

Check = Callable[[object], str | None]
"""Returns what a value must be where it is not, else None."""


def _number(requirement: str, fits: Callable[[float], bool]) -> Check:
    def check(value: object) -> str | None:
        return None if is_number(value) and fits(value) else f"must be {requirement}; got {show(value)}"

    return check


def _words(*allowed: str, fold: bool = False) -> Check:
    """Return the check that a value is one of a few words; `fold`: in any case."""

    def check(value: object) -> str | None:
        word = str(value).lower() if fold else str(value)
        return None if word in allowed else one_of(allowed, value)

    return check


FRACTION = _number("a fraction of at least 0 and at most 1", lambda value: 0 <= value <= 1)
BELOW_ONE = _number("a fraction of at least 0 and below 1", lambda value: 0 <= value < 1)
NOT_NEGATIVE = _number("a number of at least 0", lambda value: value >= 0)
POSITIVE = _number("a number greater than 0", lambda value: value > 0)

SLOPE = {"negative_slope": NOT_NEGATIVE}
RECTIFIED = {**SLOPE, "max_value": NOT_NEGATIVE, "threshold": NOT_NEGATIVE}

# By canonical name and argument; an activation with arguments becomes the layer of the same name.
VALUES: Mapping[str, Mapping[str, Check]] = {
    "Dropout": {"rate": FRACTION},
    **{f"SpatialDropout{rank}D": {"rate": FRACTION} for rank in (1, 2, 3)},
    "AlphaDropout": {"rate": BELOW_ONE},
    "GaussianDropout": {"rate": BELOW_ONE},
    "GaussianNoise": {"stddev": FRACTION},
    "LeakyReLU": SLOPE,
    "leaky_relu": SLOPE,
    "ReLU": RECTIFIED,
    "relu": RECTIFIED,
    "L1": {"l1": NOT_NEGATIVE},
    "L2": {"l2": NOT_NEGATIVE},
    "L1L2": {"l1": NOT_NEGATIVE, "l2": NOT_NEGATIVE},
    "OrthogonalRegularizer": {"factor": NOT_NEGATIVE, "mode": _words("rows", "columns")},
    "VarianceScaling": {
        "scale": POSITIVE,
        "mode": _words("fan_in", "fan_out", "fan_avg"),
        "distribution": _words("normal", "truncated_normal", "untruncated_normal", "uniform", fold=True),
    },
    "UpSampling2D": {
        "interpolation": _words("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", fold=True)
    },
}


def value_fault(name: str, argument: str, value: object) -> str | None:
    """Return the sentence for a value that Keras's `name` does not take as its `argument`."""
    check = VALUES.get(name, {}).get(argument)
    return check(value) if check else None
