"""The variants of an ablation compared with its baseline at one look or several: which are settled, which go on.

At a look all open variants are tested by paired t tests. Their levels share .05 among the looks
(`pipeline.stats.levels`) and among the variants: the smallest p is tested at alpha / j, where j counts all variants of
the family that are not yet shown to differ; each rejection lowers j, and the others are tested again (W. Maurer and
F. Bretz, Statistics in Biopharmaceutical Research 5, 2013; Y. Ye et al., Statistics in Medicine 32, 2013). With one
look that is Holm's method. Practical equality, two one-sided tests, is a second family of its own. Variants that are
equal, hopeless, diverged or removed keep their place in both counts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, isnan, nan, sqrt
from typing import Literal

from scipy.special import stdtrit

from pipeline.stats.anytime import anytime_level
from pipeline.stats.intervals import Interval
from pipeline.stats.levels import Taken, critical, last_level, level, statistic
from pipeline.stats.plans import Family
from pipeline.stats.power import equality_power, power_of
from pipeline.stats.student import (
    Estimate,
    difference_p,
    equivalence_p,
    limits,
    paired,
    welch,
)

Verdict = Literal["better", "worse", "practically equal", "inconclusive"]
Replicates = Mapping[int, float]

LEVEL = 0.05
"""In at most this part of ablations is any "better" or "worse" false; likewise any "practically equal"."""
HOPELESS_FROM = 10
"""Seeds from which a variant can be found hopeless."""
LIKELY = 0.8
HALF = 0.5
"""A variant is hopeless where even the end of an interval of this (one-sided) confidence has less than this power."""
SMALLEST_P = 1e-300


@dataclass(frozen=True)
class Look:
    """One variant at one look, after `seeds`: the difference with the interval that the verdict goes by.

    `p` is of the test that there is no difference, tested at `level`; `p_equivalence` the larger of two one-sided tests that
    the difference is within the margin, each tested at `level_equivalence`. `adjusted` and `adjusted_equivalence` are p for
    variants and looks: at most .05 where the test rejects.
    """

    seeds: int
    difference: Interval
    p: float
    level: float
    p_equivalence: float
    level_equivalence: float
    adjusted: float
    adjusted_equivalence: float


@dataclass(frozen=True)
class Course:
    """What became of a variant: its verdict, and every look at it.

    `goes_on_to` is how many seeds its next look takes; None where it is settled, hopeless or through. `hopeless`: whether it
    was ended since the seeds that are left would hardly settle it.
    """

    verdict: Verdict
    looks: tuple[Look, ...]
    goes_on_to: int | None = None
    hopeless: bool = False

    @property
    def last(self) -> Look | None:
        """The last look, by which it was judged."""
        return self.looks[-1] if self.looks else None


def follow(
    measurements: Mapping[str, Replicates],
    baseline: str,
    margin: float,
    family: Family,
    higher_is_better: bool = True,
    alpha: float = LEVEL,
) -> dict[str, Course]:
    """Take the looks at a family of variants as far as their measurements go.

    `measurements` maps variant -> seed -> value, NaN where a replicate diverged; the seeds of a look are the first ones of
    the baseline's and the family's, in order. A look at which a variant's seeds are missing is not taken. With a single look
    all are judged by what there is of them.

    Example:
        >>> follow(measured, "relu", 0.002, Family(("selu", "elu"), (Plan((5, 10, 20)),)))["selu"].verdict
    """
    study = _Study(measurements, baseline, margin, family, higher_is_better, alpha)
    for seeds in family.looks:
        if not study.take(seeds):
            break
    return study.courses()


@dataclass
class _Open:
    """A variant between looks."""

    name: str
    taken: list[Taken] = field(default_factory=list)
    taken_low: list[Taken] = field(default_factory=list)
    taken_high: list[Taken] = field(default_factory=list)
    """The same for the tests that the difference is not below, and not above the margin."""
    looks: list[Look] = field(default_factory=list)
    different: bool = False
    equal: bool = False
    ended: bool = False
    hopeless: bool = False
    goes_on_to: int | None = None


class _Study:
    """A family while its looks are taken."""

    def __init__(
        self,
        measurements: Mapping[str, Replicates],
        baseline: str,
        margin: float,
        family: Family,
        higher_is_better: bool,
        alpha: float,
    ) -> None:
        self.values, self.reference, self.margin = measurements, measurements[baseline], margin
        self.family, self.sign, self.alpha = family, 1 if higher_is_better else -1, alpha
        self.variants = [_Open(name) for name in family.members if name in measurements]
        absent = len(family.members) - len(self.variants)
        self.undecided = len(self.variants) + absent + family.gone
        self.unequal = self.undecided
        together = [self.reference, *(measurements[variant.name] for variant in self.variants)]
        self.order = sorted(set().union(*together))
        self.is_single = len(family.looks) <= 1

    def take(self, seeds: int) -> bool:
        """Take the look after so many seeds; return False where measurements are missing."""
        chosen = self.order[:seeds]
        waiting = [variant for variant in self.variants if not variant.ended]
        if not waiting:
            return False
        if not self.is_single and not self._complete(chosen, seeds, waiting):
            for variant in waiting:
                variant.goes_on_to = seeds
            return False
        estimates = {variant.name: self._estimate(variant.name, chosen) for variant in waiting}
        tested = [variant for variant in waiting if estimates[variant.name] is not None]
        found = {name: estimate for name, estimate in estimates.items() if estimate is not None}
        for variant in tested:
            self._note(variant, seeds, found[variant.name])
        self._test(tested, found)
        for variant in waiting:
            self._end(variant, seeds, found.get(variant.name))
        return True

    def courses(self) -> dict[str, Course]:
        """Return what became of each variant."""
        return {
            variant.name: Course(
                self._verdict(variant), tuple(variant.looks), variant.goes_on_to, variant.hopeless
            )
            for variant in self.variants
        }

    def _complete(self, chosen: Sequence[int], seeds: int, waiting: Sequence[_Open]) -> bool:
        present = [self.reference, *(self.values[variant.name] for variant in waiting)]
        return len(chosen) == seeds and all(seed in values for values in present for seed in chosen)

    def _estimate(self, name: str, chosen: Sequence[int]) -> Estimate | None:
        ours, theirs = (_finite(values, chosen) for values in (self.values[name], self.reference))
        shared = [seed for seed in chosen if seed in ours and seed in theirs]
        if len(shared) >= 2:
            return paired(
                [ours[seed] for seed in shared], [theirs[seed] for seed in shared], self.family.overlap
            )
        if self.is_single and len(ours) >= 2 and len(theirs) >= 2:
            return welch(list(ours.values()), list(theirs.values()))
        return None

    def _note(self, variant: _Open, seeds: int, estimate: Estimate) -> None:
        """Remember where the statistics stand: a plan that is changed after this look needs them."""
        mean, error, df = (float(value) for value in (estimate.mean, estimate.error, estimate.df))
        for taken, shift in (
            (variant.taken, 0.0),
            (variant.taken_low, self.margin),
            (variant.taken_high, -self.margin),
        ):
            if error > 0:
                t = (mean + shift) / error
            else:
                t = (
                    critical(max(float(difference_p(estimate)), SMALLEST_P), estimate.n)
                    if mean + shift
                    else 0.0
                )
            taken.append(Taken(seeds, round(df) + 1, statistic(t, round(df) + 1)))

    def _test(self, tested: Sequence[_Open], estimates: Mapping[str, Estimate]) -> None:
        """Test both families step by step, and note the look at each variant."""
        differences = self._step_down(
            tested,
            lambda variant: float(difference_p(estimates[variant.name])),
            lambda variant, count: self._level(self.alpha / count, variant.taken),
            self.undecided,
        )
        equalities = self._step_down(
            tested,
            lambda variant: float(equivalence_p(estimates[variant.name], self.margin)),
            lambda variant, count: self._equality_level(variant, count, estimates[variant.name]),
            self.unequal,
        )
        self.undecided -= sum(test.rejected for test in differences.values())
        self.unequal -= sum(test.rejected for test in equalities.values())
        for variant in tested:
            differs, equals = differences[variant.name], equalities[variant.name]
            variant.different, variant.equal = differs.rejected, equals.rejected
            judged_at = 2 * equals.level if equals.rejected else differs.level
            variant.looks.append(
                Look(
                    variant.taken[-1].seeds,
                    interval(estimates[variant.name], judged_at),
                    differs.p,
                    differs.level,
                    equals.p,
                    equals.level,
                    differs.adjusted,
                    equals.adjusted,
                )
            )

    def _equality_level(self, variant: _Open, count: int, estimate: Estimate) -> float:
        """Return the level of each of two one-sided tests; after a changed plan, that at the nearer end of the margin."""
        if self.family.anytime:
            return self._level(self.alpha / count, variant.taken)
        if len(self.family.plans) == 1:
            return level(2 * self.alpha / count, self.family.plans, variant.taken) / 2
        nearer = variant.taken_high if float(estimate.mean) > 0 else variant.taken_low
        return level(2 * self.alpha / count, self.family.plans, nearer) / 2

    def _level(self, alpha: float, taken: Sequence[Taken]) -> float:
        if self.family.anytime:
            return anytime_level(alpha, taken[-1].pairs)
        return level(alpha, self.family.plans, taken)

    def _step_down(
        self,
        tested: Sequence[_Open],
        p_of: Callable[[_Open], float],
        level_of: Callable[[_Open, int], float],
        count: int,
    ) -> "dict[str, _Test]":
        """Test variants in the order of p over its level, until one is not rejected; each rejection lowers `count`."""
        results: dict[str, _Test] = {}
        left, highest, stopped = list(tested), 0.0, False
        while left:
            tests = {
                variant.name: _Test(p_of(variant), level_of(variant, count), self.alpha) for variant in left
            }
            first = min(left, key=lambda variant: tests[variant.name].ratio)
            if not stopped and not tests[first.name].rejected:
                stopped = True
                results |= tests  # at these levels none is rejected; what follows adjusts p
            highest = max(highest, tests[first.name].adjusted)
            results[first.name] = replace(results.get(first.name, tests[first.name]), adjusted_to=highest)
            left.remove(first)
            count -= 1
        return results

    def _end(self, variant: _Open, seeds: int, estimate: Estimate | None) -> None:
        later = [n for n in self.family.looks if n > seeds]
        if variant.different or variant.equal or not later:
            variant.ended, variant.goes_on_to = True, None
        elif (
            estimate is not None
            and seeds >= HOPELESS_FROM
            and self._is_hopeless(variant, estimate, later[-1] - seeds)
        ):
            variant.ended, variant.hopeless, variant.goes_on_to = True, True, None
        else:
            variant.goes_on_to = later[0]

    def _is_hopeless(self, variant: _Open, estimate: Estimate, more: int) -> bool:
        """Return whether neither a difference nor equality is likely to be found with `more` seeds.

        The effect is taken to be at the end of an interval that favours it.
        """
        deviation, pairs = float(estimate.deviation), variant.taken[-1].pairs
        if deviation == 0 or pairs < 2 or self.family.anytime:
            return False
        t = abs(float(estimate.mean / estimate.error))
        reach, root, last = float(stdtrit(pairs - 1, LIKELY)), sqrt(pairs), pairs + more
        plans = self.family.plans
        at = last_level(self.alpha / max(1, self.undecided), plans, variant.taken) / 2
        at_equal = last_level(2 * self.alpha / max(1, self.unequal), plans, variant.taken) / 2
        if at <= 0 or at_equal <= 0:
            return True
        differs = power_of((t + reach) / root, last, at)
        equals = equality_power(max(0.0, (t - reach) / root), self.margin / deviation, last, at_equal)
        return differs < HALF and equals < HALF

    def _verdict(self, variant: _Open) -> Verdict:
        if variant.equal:
            return "practically equal"
        if not variant.different or not variant.looks:
            return "inconclusive"
        return "better" if variant.looks[-1].difference.mean * self.sign > 0 else "worse"


@dataclass(frozen=True)
class _Test:
    """A p tested at a level; `adjusted_to` is what it is adjusted to at least, by those tested before it."""

    p: float
    level: float
    alpha: float
    adjusted_to: float | None = None

    @property
    def ratio(self) -> float:
        return self.p / self.level if self.level > 0 else float("inf")

    @property
    def rejected(self) -> bool:
        return self.level > 0 and self.p <= self.level

    @property
    def adjusted(self) -> float:
        """The p adjusted for variants and looks: at most alpha where it is rejected."""
        if self.adjusted_to is not None:
            return self.adjusted_to
        return min(1.0, self.p * (self.alpha / self.level)) if self.level > 0 else 1.0


def interval(estimate: Estimate, at: float) -> Interval:
    """Return the interval that excludes zero where the test at a level rejects; no ends where nothing can be said."""
    ends = limits(estimate, at) if at > 0 else (nan, nan)
    low, high = (None if isnan(end) else float(end) for end in ends)
    return Interval(float(estimate.mean), low, high, float(estimate.deviation), estimate.n)


def _finite(values: Replicates, chosen: Sequence[int]) -> dict[int, float]:
    return {seed: values[seed] for seed in chosen if seed in values and isfinite(values[seed])}
