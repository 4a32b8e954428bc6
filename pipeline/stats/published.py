"""A published value compared with the replicates of a variant: is it one that another run of ours could reach?

A published value is usually that of a single run, so it must not be compared with the confidence interval of our mean: with
many replicates that shrinks to nothing, and would exclude most single runs of the very same recipe. It is compared with
the prediction interval for one more run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf, isfinite, sqrt
from typing import Literal

import numpy as np

from pipeline.stats.intervals import Interval, t_interval, t_quantile

Kind = Literal["is", "above", "below"]


@dataclass(frozen=True)
class Agreement:
    """A published value and our replicates, all in the metric's unit.

    `low` and `high` are the ends of the prediction interval for one more run of ours. `agrees` says whether the published
    value is within, allowing for its rounding; None if there is a single replicate, which says nothing about spread.
    `gap` is our mean minus the published value; for a limit, how far our mean is on the wrong side (0: on the right one).
    """

    published: float
    kind: Kind
    ours: Interval
    low: float | None
    high: float | None
    agrees: bool | None
    gap: float


def prediction_interval(values: Iterable[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Return the interval of one more value, with that probability: mean +- t(n - 1) * deviation * sqrt(1 + 1 / n).

    For independent values of one normal distribution; NaN and infinities (diverged replicates) are left out. None for
    fewer than two values. Source: G. J. Hahn and W. Q. Meeker, Statistical Intervals (1991), section 4.7.
    """
    finite = np.array([value for value in values if isfinite(value)], dtype=np.float64)
    if finite.size < 2:
        return None
    half = t_quantile(finite.size - 1, confidence) * float(finite.std(ddof=1)) * sqrt(1 + 1 / finite.size)
    mean = float(finite.mean())
    return mean - half, mean + half


def agreement(
    values: Iterable[float], published: float, kind: Kind = "is", decimals: int | None = None
) -> Agreement:
    """Compare replicates with a published value that was rounded to `decimals` (None: to as many as it shows).

    A limit, published as `above` (or `below`) the value, agrees if one more run of ours could be there. NaN and infinities
    are left out; raises ValueError if nothing is left.

    Example: `agreement([0.95, 0.96, 0.97], 0.97).agrees` is True.
    """
    finite = [value for value in values if isfinite(value)]
    ours, predicted = t_interval(finite), prediction_interval(finite)
    least, most = _possible(published, kind, decimals)
    low, high = predicted or (None, None)
    agrees = None if low is None or high is None else bool(low <= most and high >= least)
    gap = max(ours.mean - most, 0.0) + min(ours.mean - least, 0.0) if kind != "is" else ours.mean - published
    return Agreement(published, kind, ours, low, high, agrees, gap)


def shown_decimals(value: float) -> int:
    """Return the number of decimals in the shortest form of a number: 3 for 0.843, 0 for 2."""
    text = repr(float(value))
    if "e" in text:
        mantissa, _, exponent = text.partition("e")
        return max(0, len(mantissa.partition(".")[2].rstrip("0")) - int(exponent))
    return len(text.partition(".")[2].rstrip("0"))


def _possible(published: float, kind: Kind, decimals: int | None) -> tuple[float, float]:
    """Return the range of values that were rounded to the published one, or that a published limit allows."""
    half = 0.5 * 10.0 ** -(shown_decimals(published) if decimals is None else decimals)
    half += abs(published) * 1e-12  # the precision that a decimal number loses as a double
    ends = {
        "is": (published - half, published + half),
        "above": (published - half, inf),
        "below": (-inf, published + half),
    }
    return ends[kind]
