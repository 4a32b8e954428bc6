"""Student's tests as array functions: the last axis holds the replicates, those before it comparisons.

The report uses them for one comparison at a time, `benchmarks/statistics.py` for ten thousand studies at once, so that
the benchmark checks exactly what the report computes.

If every difference is the same number, a t test divides by zero. On a small test set this happens by chance, as accuracies
there change in steps. Then the p values are those of a permutation test, of signs (paired) or of labels (Welch): with n
replicates, no p can be below `floor`. Differences that are exactly zero for five seeds or more are identical results.
"""

from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

Floats: TypeAlias = NDArray[np.float64]

ROUNDING = 1e-12
"""The relative size below which a difference between two doubles is rounding, not a result."""

IDENTICAL_SEEDS = 5
"""The number of seeds from which equal results count as identical: fewer may agree by chance on a small test set."""


@dataclass(frozen=True)
class Estimate:
    """Differences between a variant and its baseline, variant minus baseline, one element per comparison.

    `error` is the standard error of `mean`, `df` its degrees of freedom, `deviation` the standard deviation of one
    replicate's difference, `floor` the smallest two-sided p that a permutation test of `n` replicates can have.
    """

    mean: Floats
    error: Floats
    df: Floats
    deviation: Floats
    n: int
    floor: float

    @property
    def constant(self) -> NDArray[np.bool_]:
        """Where all differences are the same number, so that t is not defined."""
        return np.equal(self.error, 0)


def paired(variant: ArrayLike, baseline: ArrayLike, overlap: float = 0.0) -> Estimate:
    """Return the estimate for replicates that share their seeds; shapes `[..., n]`, n >= 2.

    With an `overlap` above zero (rows tested over rows trained) replicates depend on each other, since they share rows that
    train: the variance of the mean is not s^2 / n but s^2 (1 / n + overlap). Source: C. Nadeau and Y. Bengio, Machine
    Learning 52 (2003). No permutation test is valid then: `floor` is 1.
    """
    a, b = np.asarray(variant, np.float64), np.asarray(baseline, np.float64)
    rounding = ROUNDING * np.maximum(np.abs(a), np.abs(b)).max(axis=-1)
    differences = a - b
    n = differences.shape[-1]
    deviation = _snap(differences.std(axis=-1, ddof=1), rounding)
    mean = _snap(differences.mean(axis=-1), rounding)
    error = deviation * np.sqrt(1 / n + overlap)
    floor = 2.0 ** (1 - n) if overlap == 0 else 1.0
    return Estimate(mean, error, np.full_like(mean, n - 1), deviation, n, floor)


def welch(variant: ArrayLike, baseline: ArrayLike) -> Estimate:
    """Return the estimate for independent replicates, shapes `[..., n]` and `[..., m]`, n and m >= 2.

    The degrees of freedom are those of Welch and Satterthwaite: B. L. Welch, Biometrika 34 (1947). `deviation` is
    that of the difference between one replicate of each side; `n` is the smaller number of replicates.
    """
    a, b = np.asarray(variant, np.float64), np.asarray(baseline, np.float64)
    n, m = a.shape[-1], b.shape[-1]
    rounding = ROUNDING * np.maximum(np.abs(a).max(axis=-1), np.abs(b).max(axis=-1))
    sd_a, sd_b = (_snap(side.std(axis=-1, ddof=1), rounding) for side in (a, b))
    part_a, part_b = sd_a**2 / n, sd_b**2 / m
    spread = part_a + part_b
    tiny = np.finfo(np.float64).tiny
    df = spread**2 / np.maximum(part_a**2 / (n - 1) + part_b**2 / (m - 1), tiny)
    mean = _snap(a.mean(axis=-1) - b.mean(axis=-1), rounding)
    return Estimate(
        mean, np.sqrt(spread), np.maximum(df, 1.0), np.hypot(sd_a, sd_b), min(n, m), 2 / comb(n + m, n)
    )


def limits(estimate: Estimate, level: float = 0.05) -> tuple[Floats, Floats]:
    """Return both ends of the t interval that excludes zero where p is below a level, 95 % by default.

    NaN where the difference is constant and not zero.
    """
    margin = -stdtrit(estimate.df, level / 2) * estimate.error
    half = np.where(estimate.constant & (estimate.mean != 0), np.nan, margin)
    return estimate.mean - half, estimate.mean + half


def difference_p(estimate: Estimate) -> Floats:
    """Return the two-sided p of the test that there is no difference: 1 for identical results."""
    constant = np.where(estimate.mean == 0, 1.0, estimate.floor)
    error = np.where(estimate.constant, 1.0, estimate.error)
    p = 2 * stdtr(estimate.df, -np.abs(estimate.mean) / error)
    return np.where(estimate.constant, constant, p)


def equivalence_p(estimate: Estimate, margin: float) -> Floats:
    """Return the larger p of two one-sided tests (TOST) that the difference lies within +-`margin`.

    0 for identical results. Source: D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15
    (1987).
    """
    size = np.abs(estimate.mean)
    identical = (size == 0) & (estimate.n >= IDENTICAL_SEEDS)
    constant = np.select([identical, (size == 0) | (size < margin)], [0.0, estimate.floor / 2], 1.0)
    error = np.where(estimate.constant, 1.0, estimate.error)
    p = stdtr(estimate.df, (size - margin) / error)
    return np.where(estimate.constant, constant, p)


def holm(p: ArrayLike) -> Floats:
    """Return p values adjusted for multiple testing; the last axis is the family.

    Step-down: the k-th smallest of m is multiplied by m - k + 1, but is at least the one before it and at most 1.
    Source: S. Holm, Scandinavian Journal of Statistics 6 (1979).

    Example: `holm([0.01, 0.04, 0.03, 0.005])` is `[0.03, 0.06, 0.06, 0.02]`.
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, axis=-1, kind="stable")
    scaled = np.take_along_axis(values, order, axis=-1) * np.arange(values.shape[-1], 0, -1)
    stepped = np.minimum(np.maximum.accumulate(scaled, axis=-1), 1.0)
    adjusted = np.empty_like(values)
    np.put_along_axis(adjusted, order, stepped, axis=-1)
    return adjusted


def _snap(values: Floats, rounding: Floats) -> Floats:
    """Return `values` with those no larger than their rounding error set to zero."""
    return np.where(np.abs(values) <= rounding, 0.0, values)
