"""Each variant of an ablation against its baseline: a difference, its interval, and a verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from statistics import fmean
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.core.errors import nearest
from pipeline.stats.intervals import Interval
from pipeline.stats.power import seeds_needed
from pipeline.stats.student import (
    Estimate,
    difference_p,
    equivalence_p,
    holm,
    limits,
    paired,
    welch,
)

Verdict = Literal["better", "worse", "practically equal", "inconclusive"]
Replicates: TypeAlias = Mapping[int, float]

LEVEL = 0.05
"""The largest Holm-adjusted p of a verdict: in at most 5 % of ablations is any verdict of that kind false."""


@dataclass(frozen=True)
class Comparison:
    """A variant compared with the baseline of its ablation.

    - `difference`: variant minus baseline in the metric's unit, whether higher or lower is better; None if one side
      has no finite replicate.
    - `p`: of the test that there is no difference; `p_holm`: the same, adjusted over the ablation's variants;
      `p_equivalence`: of the test that the difference reaches the margin, also Holm-adjusted. All are None below
      two replicates.
    - `seeds_needed`: the number of seeds that would decide an inconclusive verdict, if 1000 suffice; else None.
    - `paired`: whether the test used shared seeds; `n`: how many replicates the difference rests on (pairs, or the
      smaller side); `diverged`: how many of the variant's replicates diverged and were left out.
    """

    variant: str
    difference: Interval | None
    p: float | None
    p_holm: float | None
    p_equivalence: float | None
    verdict: Verdict
    seeds_needed: int | None
    paired: bool
    n: int
    diverged: int


def compare(
    measurements: Mapping[str, Replicates], baseline: str, margin: float, higher_is_better: bool = True
) -> dict[str, Comparison]:
    """Compare every variant with `baseline`; `measurements` maps variant -> replicate seed -> value.

    Values and `margin` are in the metric's unit (accuracies as fractions); NaN or an infinity is a replicate
    that diverged and is left out. With two or more shared seeds the test is a paired t test on those, otherwise a
    Welch test on all. Raises ValueError for a baseline without measurements and for a negative margin.

    Example:
        accuracies = {"relu": {0: 0.950, 1: 0.953, 2: 0.948}, "selu": {0: 0.961, 1: 0.963, 2: 0.959}}
        compare(accuracies, "relu", margin=0.002)["selu"].verdict  # "better"
    """
    if baseline not in measurements:
        close = nearest(baseline, measurements)
        raise ValueError(f"baseline must be one of {', '.join(measurements)}; got {baseline!r}.{close}")
    if isnan(margin) or margin < 0:
        raise ValueError(f"margin must be zero or more, in the metric's unit; got {margin}")
    reference = _finite(measurements[baseline])
    variants = {name: values for name, values in measurements.items() if name != baseline}
    estimates = {name: _estimate(_finite(values), reference) for name, values in variants.items()}
    tests = _tests(estimates, margin, higher_is_better)
    return {
        name: _comparison(name, values, reference, estimates[name], tests.get(name, _UNTESTED))
        for name, values in variants.items()
    }


def verdicts(
    difference: ArrayLike, p_holm: ArrayLike, p_equivalence: ArrayLike, higher_is_better: bool = True
) -> NDArray[np.str_]:
    """Return a `Verdict` for each element of arrays of the same shape; both p are Holm-adjusted.

    A difference that is significant but shown to be smaller than the margin is "practically equal": the margin is
    what the study declares not to matter.
    """
    gain = np.asarray(difference) * (1 if higher_is_better else -1)
    equal, different = np.asarray(p_equivalence) <= LEVEL, np.asarray(p_holm) <= LEVEL
    return np.select(
        [equal, different & (gain > 0), different & (gain < 0)],
        ["practically equal", "better", "worse"],
        "inconclusive",
    )


@dataclass(frozen=True)
class _Tests:
    p: float | None
    p_holm: float | None
    p_equivalence: float | None
    verdict: Verdict
    seeds_needed: int | None


_UNTESTED = _Tests(None, None, None, "inconclusive", None)


def _finite(values: Replicates) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if isfinite(value)}


def _estimate(values: Replicates, reference: Replicates) -> Estimate | None:
    """Return the paired or Welch estimate, or None if there are too few replicates for either."""
    shared = _shared(values, reference)
    if len(shared) >= 2:
        return paired([values[seed] for seed in shared], [reference[seed] for seed in shared])
    if len(values) >= 2 and len(reference) >= 2:
        return welch(list(values.values()), list(reference.values()))
    return None


def _shared(values: Replicates, reference: Replicates) -> list[int]:
    return sorted(values.keys() & reference.keys())


def _tests(
    estimates: Mapping[str, Estimate | None], margin: float, higher_is_better: bool
) -> dict[str, _Tests]:
    """Test all variants that can be tested, as one family."""
    family = {name: estimate for name, estimate in estimates.items() if estimate is not None}
    if not family:
        return {}
    p = np.array([difference_p(estimate) for estimate in family.values()])
    p_holm = holm(p)
    p_equivalence = holm([equivalence_p(estimate, margin) for estimate in family.values()])
    means = [estimate.mean for estimate in family.values()]
    judged: list[Verdict] = verdicts(means, p_holm, p_equivalence, higher_is_better).tolist()
    return {
        name: _Tests(
            float(p[index]),
            float(p_holm[index]),
            float(p_equivalence[index]),
            judged[index],
            _needed(estimate, margin, judged[index], len(family)),
        )
        for index, (name, estimate) in enumerate(family.items())
    }


def _needed(estimate: Estimate, margin: float, verdict: Verdict, family: int) -> int | None:
    if verdict != "inconclusive":
        return None
    return seeds_needed(float(estimate.mean), float(estimate.deviation), margin, LEVEL / family)


def _comparison(
    name: str, values: Replicates, reference: Replicates, estimate: Estimate | None, tests: _Tests
) -> Comparison:
    finite = _finite(values)
    shared = _shared(finite, reference)
    difference = _single(finite, reference) if estimate is None else _interval(estimate)
    return Comparison(
        variant=name,
        difference=difference,
        p=tests.p,
        p_holm=tests.p_holm,
        p_equivalence=tests.p_equivalence,
        verdict=tests.verdict,
        seeds_needed=tests.seeds_needed,
        paired=len(shared) >= 2,
        n=0 if difference is None else difference.n,
        diverged=len(values) - len(finite),
    )


def _interval(estimate: Estimate) -> Interval:
    low, high = (None if isnan(end) else float(end) for end in limits(estimate))
    return Interval(float(estimate.mean), low, high, float(estimate.deviation), estimate.n)


def _single(values: Replicates, reference: Replicates) -> Interval | None:
    """Return the difference if one side has a single replicate: a number without an interval."""
    if not values or not reference:
        return None
    shared = _shared(values, reference)
    ours, theirs = ([side[seed] for seed in shared or side] for side in (values, reference))
    return Interval(fmean(ours) - fmean(theirs), None, None, None, 1)
