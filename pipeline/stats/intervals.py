"""A mean over training seeds with its confidence interval."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp

import numpy as np
from scipy.special import stdtrit


@dataclass(frozen=True)
class Interval:
    """A mean with its two-sided confidence interval, all in the metric's unit.

    `deviation` is the sample standard deviation of one measurement, `n` the number of measurements. One measurement
    says nothing about spread: then `low`, `high` and `deviation` are None. `low` and `high` are also None for a
    difference that is the same for every seed and not zero (see `pipeline.stats.student`).
    """

    mean: float
    low: float | None
    high: float | None
    deviation: float | None
    n: int


def t_interval(values: Iterable[float], confidence: float = 0.95, overlap: float = 0.0) -> Interval:
    """Return the mean of `values` with Student's t interval, mean +- t(n - 1) * deviation / sqrt(n).

    With an `overlap` of what they were trained on, 1 / n becomes 1 / n + `overlap`, see `pipeline.stats.student.paired`.
    NaN and infinities stand for replicates that diverged and are left out. Source: Student, "The probable error of a mean",
    Biometrika 6 (1908). Raises ValueError if no finite value is left.

    Example: `t_interval([0.93, 0.94, 0.95])` has the mean 0.94 and the ends 0.915 and 0.965.
    """
    finite = np.array([value for value in values if np.isfinite(value)], dtype=np.float64)
    if finite.size == 0:
        raise ValueError("an interval needs at least one finite value; got none")
    mean = float(finite.mean())
    if finite.size == 1:
        return Interval(mean, None, None, None, 1)
    deviation = float(finite.std(ddof=1))
    half = t_quantile(finite.size - 1, confidence) * deviation * float(np.sqrt(1 / finite.size + overlap))
    return Interval(mean, mean - half, mean + half, deviation, finite.size)


def exponential(logarithms: Interval) -> Interval:
    """Return the geometric mean with its interval, from those of logarithms; `deviation` stays that of the logarithms."""
    low, high = (None if end is None else exp(end) for end in (logarithms.low, logarithms.high))
    return Interval(exp(logarithms.mean), low, high, logarithms.deviation, logarithms.n)


def t_quantile(df: float, confidence: float = 0.95) -> float:
    """Return the quantile of Student's t at the end of a two-sided interval: 2.776 at 95 % with 4 degrees of freedom."""
    return float(stdtrit(df, 0.5 + confidence / 2))
