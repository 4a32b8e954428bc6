"""How many seeds would settle what these seeds left open."""

from bisect import bisect_left
from collections.abc import Callable
from math import ceil, log2, sqrt

from scipy.special import nctdtr, stdtrit

from pipeline.stats.student import IDENTICAL_SEEDS

MOST_SEEDS = 1000
"""More seeds than this are never suggested."""

_LARGEST_SHIFT = 30.0  # power there is 1 for every n that matters, and scipy's series still converges


def seeds_needed(
    difference: float, deviation: float, margin: float, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Return the fewest replicates that would settle a comparison with that power; None where 1000 would not.

    The present difference and deviation are taken for the true ones. Settled means: the difference is found
    by a two-sided t test at `alpha`, or, when it is smaller than `margin`, shown to be within it by two
    one-sided tests; the smaller number counts. All three numbers are in the metric's unit. The power of the t
    test is 1 minus the noncentral t distribution at its critical value (J. Cohen, "Statistical power
    analysis", 1988); that of the two tests together its lower bound, both powers added less 1 (S. A. Julious,
    Statistics in Medicine 23, 2004). Where the deviation is zero, shuffled signs decide (see
    `pipeline.stats.student`).
    """
    if deviation == 0:
        return _shuffled(abs(difference), margin, alpha)
    size = abs(difference) / deviation
    reach = margin / deviation
    found = _fewest(lambda n: _found(size, n, alpha / 2) >= power)
    equal = _fewest(lambda n: _found(reach - size, n, alpha) + _found(reach + size, n, alpha) - 1 >= power)
    return min((n for n in (found, equal) if n is not None), default=None)


def _shuffled(size: float, margin: float, alpha: float) -> int:
    """Return the fewest replicates at which shuffled signs settle differences that are all the same."""
    if size == 0:
        return IDENTICAL_SEEDS
    return ceil((0 if size < margin else 1) - log2(alpha))


def _found(effect: float, n: int, alpha: float) -> float:
    """Return the power of a one-sided t test with n replicates for an effect in units of its deviation."""
    if effect <= 0:
        return alpha
    critical = float(stdtrit(n - 1, 1 - alpha))
    return 1 - float(nctdtr(n - 1, min(effect * sqrt(n), _LARGEST_SHIFT), critical))


def _fewest(settled: Callable[[int], bool]) -> int | None:
    candidates = range(2, MOST_SEEDS + 1)
    index = bisect_left(candidates, True, key=settled)
    return candidates[index] if index < len(candidates) else None
