"""Power analysis: how many seeds would decide an inconclusive comparison."""

from bisect import bisect_left
from collections.abc import Callable
from math import ceil, log2, sqrt

from scipy.special import nctdtr, stdtrit

from pipeline.stats.student import IDENTICAL_SEEDS

MOST_SEEDS = 1000
"""More seeds than this are never suggested."""

_LARGEST_SHIFT = 30.0
"""The largest noncentrality computed: the power there is 1 for every relevant n, and scipy's series still converges."""


def seeds_needed(
    difference: float, deviation: float, margin: float, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Return the fewest replicates that would decide a comparison with that power; None if 1000 would not.

    The measured difference and deviation are assumed to be the true ones. Decided means: the difference is found by a
    two-sided t test at `alpha`, or, if it is smaller than `margin`, shown to be within it by two one-sided tests; the
    smaller number counts. `difference`, `deviation` and `margin` are in the metric's unit. The power of the t test is
    1 minus the noncentral t distribution at its critical value (J. Cohen, "Statistical power analysis", 1988); that of
    the two one-sided tests together is at least the sum of both powers minus 1, which is used (S. A. Julious, Statistics
    in Medicine 23, 2004). If the deviation is zero, the permutation of signs decides (see `pipeline.stats.student`).

    Example: `seeds_needed(0.5, 1.0, margin=0.0)` is 34, Cohen's number for an effect of half a deviation.
    """
    if deviation == 0:
        return _permuted(abs(difference), margin, alpha)
    size = abs(difference) / deviation
    reach = margin / deviation
    different = _fewest(lambda n: power_of(size, n, alpha / 2) >= power)
    equal = _fewest(lambda n: equality_power(size, reach, n, alpha) >= power)
    return min((n for n in (different, equal) if n is not None), default=None)


def _permuted(size: float, margin: float, alpha: float) -> int:
    """Return the fewest replicates at which a permutation of signs decides differences that are all the same."""
    if size == 0:
        return IDENTICAL_SEEDS
    return ceil((0 if size < margin else 1) - log2(alpha))


def equality_power(effect: float, reach: float, n: int, alpha: float) -> float:
    """Return the least power of two one-sided tests at `alpha` that an effect is within `reach`, both in deviations."""
    return power_of(reach - effect, n, alpha) + power_of(reach + effect, n, alpha) - 1


def power_of(effect: float, n: int, alpha: float) -> float:
    """Return the power of a one-sided t test with n replicates for an effect in units of its deviation."""
    if effect <= 0:
        return alpha
    critical = float(stdtrit(n - 1, 1 - alpha))
    return 1 - float(nctdtr(n - 1, min(effect * sqrt(n), _LARGEST_SHIFT), critical))


def _fewest(decides: Callable[[int], bool]) -> int | None:
    """Return the smallest number of replicates, from 2 to `MOST_SEEDS`, that decides; None if none does."""
    candidates = range(2, MOST_SEEDS + 1)
    index = bisect_left(candidates, True, key=decides)
    return candidates[index] if index < len(candidates) else None
