"""The ratio of two errors, with an interval and in words."""

from collections.abc import Mapping
from math import exp, log

from pipeline.stats.intervals import Interval, t_interval


def times_smaller(errors: Mapping[int, float], reference: Mapping[int, float]) -> Interval | None:
    """Return the factor by which `errors` (replicate seed -> error) are smaller than `reference`; above 1: smaller.

    It is the geometric mean of the ratios of replicates with the same seed, with Student's t interval of their logarithms
    (the log-ratio method: J. M. Bland and D. G. Altman, "Transforming data", BMJ 312 (1996)), so that half as large and
    twice as large are equally far from 1. `deviation` is that of the logarithms. None if no seed is shared, or an error
    is 0, which has no logarithm.

    Example: `times_smaller({0: 0.1, 1: 0.1}, {0: 0.2, 1: 0.2})` has the mean 2.
    """
    shared = sorted(errors.keys() & reference.keys())
    if not shared or any(min(errors[seed], reference[seed]) <= 0 for seed in shared):
        return None
    logs = t_interval([log(reference[seed] / errors[seed]) for seed in shared])
    low, high = (None if end is None else exp(end) for end in (logs.low, logs.high))
    return Interval(exp(logs.mean), low, high, logs.deviation, logs.n)


def ratio_text(ratio: Interval) -> str:
    """Return a ratio of errors in words: `error 3.9 times smaller`, `larger`, or that no difference is shown."""
    if ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return "no difference in error shown"
    factor, which = (ratio.mean, "smaller") if ratio.mean > 1 else (1 / ratio.mean, "larger")
    return f"error {factor:.2g} times {which}"
