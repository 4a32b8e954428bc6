"""Each variant of an ablation against its baseline: a difference, its interval, and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.core.errors import nearest
from pipeline.stats.intervals import Interval
from pipeline.stats.looks import LEVEL, Course, Look, Replicates, Verdict, follow, interval
from pipeline.stats.plans import Family, Plan
from pipeline.stats.power import seeds_needed
from pipeline.stats.signs import sign_flip_p
from pipeline.stats.student import Estimate, paired, welch

__all__ = ["LEVEL", "Comparison", "Family", "Plan", "Replicates", "Verdict", "compare", "verdicts"]


@dataclass(frozen=True)
class Comparison:
    """A variant compared with the baseline of its ablation.

    - `difference`: variant minus baseline in the metric's unit, whether higher or lower is better, with the interval that
      the verdict goes by: it excludes zero where the verdict is better or worse, and lies within the margin where it is
      practically equal. None if one side has no finite replicate.
    - `p`: of the test that there is no difference; `p_holm`: adjusted for all variants (Holm) and all looks;
      `p_equivalence`: of the test that the difference reaches the margin, adjusted likewise. All are None below two
      replicates. `level`: the largest `p` that would have been enough.
    - `seeds_needed`: the number of seeds that would decide an inconclusive verdict, if 1000 suffice; else None.
    - `paired`: whether the test used shared seeds; `n`: how many replicates the difference rests on (pairs, or the
      smaller side); `diverged`: how many of the variant's replicates diverged and were left out.
    - `looks`: every look at the variant, the last one being that of the verdict; `planned`: the seeds of all looks that were
      planned; `hopeless`: whether it was ended since up to the last one it would hardly have been settled; `goes_on_to`: the
      seeds of its next look, if it has one.
    - `spent_at`: where there are seeds beyond those of the verdict, for which nothing of the 5 % was left: after how many
      it was spent. `difference` is then that of all seeds, exploratory.
    - `p_signs`: p of the sign-flip test of all pairs, which needs no normal distribution; None below eight pairs.
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
    level: float | None = None
    looks: tuple[Look, ...] = ()
    planned: tuple[int, ...] = ()
    hopeless: bool = False
    goes_on_to: int | None = None
    spent_at: int | None = None
    p_signs: float | None = None


def compare(
    measurements: Mapping[str, Replicates],
    baseline: str,
    margin: float,
    higher_is_better: bool = True,
    families: Sequence[Family] = (),
    overlap: float = 0.0,
) -> dict[str, Comparison]:
    """Compare every variant with `baseline`; `measurements` maps variant -> replicate seed -> value.

    Values and `margin` are in the metric's unit (accuracies as fractions); NaN or an infinity is a replicate that diverged
    and is left out. With two or more shared seeds the test is a paired t test on those, otherwise a Welch test on all.
    `families`: which variants were declared together, and their looks; variants of none are one family with a single look,
    and an `overlap` of what replicates were trained on. Raises ValueError for a baseline without measurements and for a
    negative margin.

    Example:
        accuracies = {"relu": {0: 0.950, 1: 0.953, 2: 0.948}, "selu": {0: 0.961, 1: 0.963, 2: 0.959}}
        compare(accuracies, "relu", margin=0.002)["selu"].verdict  # "better"
    """
    if baseline not in measurements:
        close = nearest(baseline, measurements)
        raise ValueError(f"baseline must be one of {', '.join(measurements)}; got {baseline!r}.{close}")
    if isnan(margin) or margin < 0:
        raise ValueError(f"margin must be zero or more, in the metric's unit; got {margin}")
    variants = [name for name in measurements if name != baseline]
    others = [name for name in variants if not any(name in family.members for family in families)]
    if others:
        seeds = set(measurements[baseline]).union(*(measurements[name] for name in others))
        plans = (Plan((max(1, len(seeds)),)),)
        families = [*families, Family(tuple(others), plans, overlap=overlap)]
    compared: dict[str, Comparison] = {}
    for family in families:
        courses = follow(measurements, baseline, margin, family, higher_is_better)
        for name, course in courses.items():
            compared[name] = _comparison(
                name, measurements[name], measurements[baseline], course, family, margin
            )
    return {name: compared[name] for name in variants}


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


def _comparison(
    name: str, values: Replicates, reference: Replicates, course: Course, family: Family, margin: float
) -> Comparison:
    finite, theirs = _finite(values), _finite(reference)
    shared = sorted(finite.keys() & theirs.keys())
    last, spent_at = course.last, _spent_at(family, course, len(values))
    difference = _single(finite, theirs) if last is None else last.difference
    if spent_at is not None and (estimate := _estimate(finite, theirs)) is not None:
        difference = interval(estimate, LEVEL)
    return Comparison(
        variant=name,
        difference=difference,
        p=last.p if last else None,
        p_holm=last.adjusted if last else None,
        p_equivalence=last.adjusted_equivalence if last else None,
        verdict=course.verdict,
        seeds_needed=None if family.overlap else _needed(course, margin),
        paired=len(shared) >= 2,
        n=0 if difference is None else difference.n,
        diverged=len(values) - len(finite),
        level=last.level if last else None,
        looks=course.looks,
        planned=family.looks,
        hopeless=course.hopeless,
        goes_on_to=course.goes_on_to,
        spent_at=spent_at,
        p_signs=None if family.overlap else sign_flip_p([finite[seed] - theirs[seed] for seed in shared]),
    )


def _spent_at(family: Family, course: Course, seeds: int) -> int | None:
    """Return after how many seeds a family's 5 % was spent, where a variant has more than those."""
    over = any(plan.is_finished for plan in family.plans)
    ended = course.last.seeds if course.last else 0
    return ended if over and seeds > ended > 0 else None


def _needed(course: Course, margin: float) -> int | None:
    """Return how many seeds would probably settle a variant that is through with its looks and was not."""
    last = course.last
    if course.verdict != "inconclusive" or last is None or course.hopeless or course.goes_on_to is not None:
        return None
    if last.level <= 0 or last.difference.deviation is None:
        return None
    alpha = LEVEL / max(1, round(LEVEL / last.level))
    return seeds_needed(last.difference.mean, last.difference.deviation, margin, alpha)


def _finite(values: Replicates) -> dict[int, float]:
    return {seed: value for seed, value in values.items() if isfinite(value)}


def _estimate(values: Replicates, reference: Replicates) -> Estimate | None:
    """Return the paired or Welch estimate, or None if there are too few replicates for either."""
    shared = sorted(values.keys() & reference.keys())
    if len(shared) >= 2:
        return paired([values[seed] for seed in shared], [reference[seed] for seed in shared])
    if len(values) >= 2 and len(reference) >= 2:
        return welch(list(values.values()), list(reference.values()))
    return None


def _single(values: Replicates, reference: Replicates) -> Interval | None:
    """Return the difference if one side has a single replicate: a number without an interval."""
    if not values or not reference:
        return None
    shared = sorted(values.keys() & reference.keys())
    ours, theirs = ([side[seed] for seed in shared or side] for side in (values, reference))
    return Interval(fmean(ours) - fmean(theirs), None, None, None, 1)
