"""A published value compared with the replicates of a variant: is it one that another run of ours could reach?

A published value is usually that of a single run, so it must not be compared with the confidence interval of our mean: with
many replicates that shrinks to nothing, and would exclude most single runs of the very same recipe. It is compared with
the prediction interval for one more run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, isfinite, log, sqrt

import numpy as np

from pipeline.stats.intervals import Interval, exponential, t_interval, t_quantile
from pipeline.stats.published_value import Published

TOLERANCE = 0.25
"""A comparison is a test where the prediction interval's half width is at most this part of the published size."""


@dataclass(frozen=True)
class Agreement:
    """A published value and our replicates, all in the metric's unit.

    `low` and `high` are the ends of the prediction interval for one more run of ours. `agrees` says whether the published
    value is within, allowing for its rounding; of a single replicate, which says nothing about spread, whether it is the
    published value itself, else None.
    `tested` says whether that interval is narrow enough for another recipe's value to be outside. `gap` is our mean minus
    the published value; for a limit or a range, how far our mean is on the wrong side (0: within).
    """

    published: Published
    ours: Interval
    low: float | None
    high: float | None
    agrees: bool | None
    tested: bool
    gap: float

    @property
    def is_typical(self) -> bool:
        """Whether the published value is within the interval of our mean, allowing for its rounding."""
        least, most = self.published.possible
        low, high = self.ours.low, self.ours.high
        return low is not None and high is not None and low <= most and high >= least


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


def agreement(values: Iterable[float], published: Published, size: float | None = None) -> Agreement:
    """Compare replicates with a published value.

    A limit or a range agrees if one more run of ours could be there. `size` is what the width of our interval is judged by,
    in the metric's unit, by default the published value (of an accuracy the error says more). NaN and infinities are left
    out; raises ValueError if nothing is left.

    Example: `agreement([0.95, 0.96, 0.97], Published(0.97)).agrees` is True.
    """
    finite = [value for value in values if isfinite(value)]
    low, high = prediction_interval(finite) or (None, None)
    narrow = low is not None and high is not None and _is_narrow((high - low) / 2, published, size)
    return _compared(published, t_interval(finite), low, high, narrow)


def ratio_agreement(ratios: Iterable[float], published: Published) -> Agreement:
    """Compare the ratios of paired replicates, all above 0, with a published ratio.

    Mean (the geometric one) and intervals are those of the ratios' logarithms, so that half and double are equally far from
    1, see `pipeline.stats.ratios.times_smaller`. The prediction interval is for the ratio of one more pair of runs. Raises
    ValueError without any ratio.

    Example: `ratio_agreement([2.0, 2.2, 1.8], Published(3.93)).agrees` is False.
    """
    logarithms = [log(ratio) for ratio in ratios]
    mean = t_interval(logarithms)
    predicted = prediction_interval(logarithms)
    low, high = (None, None) if predicted is None else map(exp, predicted)
    narrow = predicted is not None and (predicted[1] - predicted[0]) / 2 <= log(1 + TOLERANCE)
    return _compared(published, exponential(mean), low, high, narrow)


def _is_narrow(half: float, published: Published, size: float | None) -> bool:
    size = abs(published.value) if size is None else size
    return half <= TOLERANCE * size or half == 0


def _compared(
    published: Published, ours: Interval, low: float | None, high: float | None, narrow: bool
) -> Agreement:
    least, most = published.possible
    if low is None or high is None:
        agrees = True if least <= ours.mean <= most else None
    else:
        agrees = bool(low <= most and high >= least)
    outside = max(ours.mean - most, 0.0) + min(ours.mean - least, 0.0)
    gap = ours.mean - published.value if published.kind == "is" else outside
    return Agreement(published, ours, low, high, agrees, narrow or agrees is False, gap)
