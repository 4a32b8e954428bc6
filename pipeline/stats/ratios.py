"""The ratio of two errors, with an interval and in words."""

from collections.abc import Mapping
from math import log

from pipeline.stats.intervals import Interval, exponential, t_interval


def times_smaller(errors: Mapping[int, float], reference: Mapping[int, float]) -> Interval | None:
    """Return the factor by which `errors` (replicate seed -> error) are smaller than `reference`; above 1: smaller.

    It is the geometric mean of the ratios of replicates with the same seed, with Student's t interval of their logarithms
    (the log-ratio method: J. M. Bland and D. G. Altman, "Transforming data", BMJ 312 (1996)), so that half as large and
    twice as large are equally far from 1. `deviation` is that of the logarithms. None if there are no `paired_ratios`.

    Example: `times_smaller({0: 0.1, 1: 0.1}, {0: 0.2, 1: 0.2})` has the mean 2.
    """
    ratios = paired_ratios(errors, reference)
    return exponential(t_interval(map(log, ratios.values()))) if ratios else None


def paired_ratios(errors: Mapping[int, float], reference: Mapping[int, float]) -> dict[int, float]:
    """Return by which factor the error of each seed is smaller than that of the `reference` with the same seed.

    Empty if no seed is shared, or an error is 0: its ratio has no logarithm, and leaving it out would favour the other side.
    """
    shared = sorted(errors.keys() & reference.keys())
    if any(min(errors[seed], reference[seed]) <= 0 for seed in shared):
        return {}
    return {seed: reference[seed] / errors[seed] for seed in shared}


def times(ratio: float, short: bool = False, digits: int = 3) -> str:
    """Return by what factor an error is smaller, or else larger: `3.9 times smaller`, `14 times larger`, `equal`.

    `short`: without the word `times`.
    """
    if ratio == 1:
        return "equal"
    factor, which = (ratio, "smaller") if ratio > 1 else (1 / ratio, "larger")
    return f"{factor:.{digits}g}{'' if short else ' times'} {which}"


def ratio_text(ratio: Interval) -> str:
    """Return a ratio of errors in words: `error 3.9 times smaller`, `larger`, or that no difference is shown."""
    if ratio.low is None or ratio.high is None or ratio.low <= 1 <= ratio.high:
        return "no difference in error shown"
    return f"error {times(ratio.mean, digits=2)}"
