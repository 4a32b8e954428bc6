"""How many times smaller one error is than another, with an interval."""

from collections.abc import Mapping
from math import exp, log

from pipeline.stats.intervals import Interval, t_interval


def times_smaller(errors: Mapping[int, float], reference: Mapping[int, float]) -> Interval | None:
    """Return by what factor `errors`, by replicate, are smaller than the `reference`'s: above 1, they are smaller.

    The geometric mean of the ratios of replicates with the same number, with Student's t interval of their logarithms
    (the log-ratio method: J. M. Bland and D. G. Altman, "Transforming data", BMJ 312 (1996)), so that half as large and
    twice as large are equally far from 1. `deviation` is that of the logarithms. None where no replicate is shared, or
    an error is 0, whose logarithm does not exist.
    """
    shared = sorted(errors.keys() & reference.keys())
    if not shared or any(min(errors[seed], reference[seed]) <= 0 for seed in shared):
        return None
    found = t_interval([log(reference[seed] / errors[seed]) for seed in shared])
    low, high = (None if end is None else exp(end) for end in (found.low, found.high))
    return Interval(exp(found.mean), low, high, found.deviation, found.n)


def in_words(ratio: Interval) -> str:
    """Return `error 3.9 times smaller`, or `larger`; or that the interval leaves it open."""
    if ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return "no difference in error shown"
    factor, which = (ratio.mean, "smaller") if ratio.mean > 1 else (1 / ratio.mean, "larger")
    return f"error {factor:.2g} times {which}"
