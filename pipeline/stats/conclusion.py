"""The conclusion of an ablation in sentences, which claims only what the numbers support.

The idea of results in sentences is that of autorank (S. Herbold, Journal of Open Source Software 5, 2020).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.core.text import plural
from pipeline.stats.compare import LEVEL, Comparison, Verdict
from pipeline.stats.factors import Effect, Importance
from pipeline.stats.formatting import LISTED, MetricFormat, listed, p_text
from pipeline.stats.intervals import Interval
from pipeline.stats.student import holm

_VERDICTS: tuple[Verdict, ...] = ("better", "worse", "practically equal", "inconclusive")


@dataclass(frozen=True)
class ReplicateKind:
    """What replicates are called, one and several, and whether they are independent of each other."""

    one: str
    several: str
    independent: bool = True

    def counted(self, fewest: int, most: int | None = None) -> str:
        """Return a number of replicates, or a range, in words: `5 to 20 seeds`."""
        most = fewest if most is None else most
        text = f"{most:,} {self.one if most == 1 else self.several}"
        return text if fewest == most else f"{fewest} to {text}"


SEEDS = ReplicateKind("seed", "seeds")


def conclusion(
    question: str,
    baseline: str,
    comparisons: Mapping[str, Comparison],
    intervals: Mapping[str, Interval],
    metric: MetricFormat,
    seeds: tuple[int, int],
    dataset: str,
    margin: float,
    higher_is_better: bool = True,
    kind: str = "variants",
    steps: Mapping[str, tuple[str, Comparison]] | None = None,
    importance: Importance | None = None,
    kinds: ReplicateKind = SEEDS,
) -> list[str]:
    """Return sentences of plain text, in reading order: the first is the question, the others answer it.

    `comparisons` are those of `compare`, called with the same `margin`. Of `intervals`, only the baseline's is quoted, if
    it has one. `metric` decides how numbers are written. `seeds` are the fewest and the most replicates of a variant,
    `kinds` what they are. The answer is that to the question which a `kind` of ablation asks: `steps` are those of a
    ladder, by rung the name of the one before and the comparison with it; `importance` is that of a grid's factors.
    """
    others = {
        name: comparison
        for name, comparison in comparisons.items()
        if not (steps and name in steps and _says_the_same(*steps[name], baseline, comparison))
    }
    by_verdict = {verdict: _ranked(others, verdict, higher_is_better) for verdict in _VERDICTS}
    better, worse, equal, inconclusive = by_verdict.values()
    if importance and _adjusted(importance):
        answered = _factors_answer(importance, metric)
    elif steps:
        answered = _steps_answer(steps, metric)
    elif kind == "leave_one_out" and comparisons:
        answered = _parts_answer(worse[::-1], len(comparisons), metric, higher_is_better)
    else:
        answered = answer(len(better), len(comparisons), baseline, metric.name)
    return [
        question,
        f"On {dataset}, over {kinds.counted(*seeds)}, {answered}.",
        *(_factors(importance) if importance else ()),
        *(_steps(metric, steps) if steps else ()),
        *_baseline(metric, baseline, intervals.get(baseline)),
        *_differing(metric, baseline, better, "better"),
        *_differing(metric, baseline, worse[::-1], "worse"),
        *_equal(metric, baseline, margin, equal),
        *_inconclusive(baseline, inconclusive, kinds),
        *_hopeless(inconclusive),
        *_diverged(comparisons.values()),
    ]


def _ranked(
    comparisons: Mapping[str, Comparison], verdict: Verdict, higher_is_better: bool
) -> list[Comparison]:
    """Return the comparisons with one verdict, the largest gain first, those without a difference last."""
    sign = -1 if higher_is_better else 1

    def place(comparison: Comparison) -> tuple[bool, float]:
        difference = comparison.difference
        return difference is None, 0.0 if difference is None else sign * difference.mean

    return sorted((c for c in comparisons.values() if c.verdict == verdict), key=place)


def answer(better: int, variants: int, baseline: str, metric: str) -> str:
    """Return how many of the variants are better than the baseline in a metric, in words."""
    if variants == 0:
        return f"there is nothing to compare with {baseline} yet"
    if better == 0:
        subject = "the one variant is not" if variants == 1 else f"none of the {variants} variants is"
        return f"{subject} shown to be better than {baseline} in {metric}"
    subject = "the one variant is" if variants == 1 else f"{better} of the {variants} variants "
    verb = "" if variants == 1 else "is" if better == 1 else "are"
    return f"{subject}{verb} better than {baseline} in {metric}"


def _parts_answer(
    worse: Sequence[Comparison], parts: int, metric: MetricFormat, higher_is_better: bool
) -> str:
    """Return which parts of a leave-one-out ablation cannot be left out."""
    cost = f"loss of {metric.name}" if higher_is_better else f"a larger {metric.name}"
    if not worse:
        subject = "the one part is not" if parts == 1 else f"none of the {parts} parts is"
        return f"{subject} shown to be needed for {'' if higher_is_better else 'a low '}{metric.name}"
    names = listed([part_of(comparison.variant) for comparison in worse])
    if len(worse) == parts > 1:
        return f"none of the {parts} parts can be left out without {cost}: {names}"
    subject = "the one part" if parts == 1 else f"{len(worse)} of the {parts} parts"
    return f"{subject} cannot be left out without {cost}: {names}"


def part_of(variant: str) -> str:
    """Return the name of the part that a variant of a leave-one-out ablation lacks."""
    return variant.removeprefix("without_")


def _steps_answer(steps: Mapping[str, tuple[str, Comparison]], metric: MetricFormat) -> str:
    """Return which steps of a ladder bring something, and which take something away."""
    by_verdict = {
        verdict: [rung for rung, (_, step) in steps.items() if step.verdict == verdict]
        for verdict in ("better", "worse")
    }
    better, worse = by_verdict["better"], by_verdict["worse"]
    count = "the one step" if len(steps) == 1 else f"{len(better)} of the {len(steps)} steps"
    if better:
        answer = f"{count} {_verb(better)} shown to improve {metric.name}: {listed(better)}"
    else:
        none = "the one step is not" if len(steps) == 1 else f"none of the {len(steps)} steps is"
        answer = f"{none} shown to improve {metric.name}"
    return f"{answer}; {listed(worse)} {_verb(worse)} shown to make it worse" if worse else answer


def _verb(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _steps(metric: MetricFormat, steps: Mapping[str, tuple[str, Comparison]]) -> list[str]:
    """Return a sentence for each of the first steps that were settled."""
    settled = [(before, step) for before, step in steps.values() if step.verdict in ("better", "worse")]
    return [_difference(metric, before, step) for before, step in settled[:LISTED]]


def _says_the_same(before: str, step: Comparison, baseline: str, comparison: Comparison) -> bool:
    """Return whether a settled step from the baseline itself has told already what the comparison with it would."""
    return before == baseline and step.verdict in ("better", "worse") and step.verdict == comparison.verdict


def _adjusted(importance: Importance) -> dict[tuple[str, ...], float]:
    """Return the p of each effect of a grid that was tested, adjusted for all of them (Holm)."""
    tested = {effect.factors: effect.p for effect in importance.effects if effect.p is not None}
    return dict(zip(tested, map(float, holm(list(tested.values()))), strict=True))


def _factors_answer(importance: Importance, metric: MetricFormat) -> str:
    """Return which factors of a grid matter, and which of them depend on each other."""
    settled = [factors for factors, p in _adjusted(importance).items() if p <= LEVEL]
    single = [factors[0] for factors in settled if len(factors) == 1]
    together = [" and ".join(factors) for factors in settled if len(factors) > 1]
    answers = []
    if single:
        answers.append(f"{listed(single)} {'matters' if len(single) == 1 else 'matter'} for {metric.name}")
    if together:
        answers.append(f"what is best of {together[0]} depends on the other")
    return "; ".join(answers) or f"no factor is shown to matter for {metric.name}"


def _factors(importance: Importance) -> list[str]:
    """Return which factor of a grid explains most, and whether factors interact."""
    single = [effect for effect in importance.effects if len(effect.factors) == 1]
    together = [effect for effect in importance.effects if len(effect.factors) > 1]
    adjusted = _adjusted(importance)
    sentences = []
    if single:
        most = single[0]
        sentences.append(
            f"Of the factors {most.factors[0]} explains most: {_share(most)}{_shown(most, adjusted)}."
        )
    for effect in together[:1] if adjusted else ():
        p = adjusted.get(effect.factors)
        verb = "interact" if p is not None and p <= LEVEL else "are not shown to interact"
        names = " and ".join(effect.factors)
        sentences.append(
            f"{names} {verb}: their interaction explains {_share(effect)}{_shown(effect, adjusted)}."
        )
    return sentences


def _share(effect: Effect) -> str:
    return f"{100 * effect.share:.0f} % of the variation between runs"


def _shown(effect: Effect, adjusted: Mapping[tuple[str, ...], float]) -> str:
    p = adjusted.get(effect.factors)
    return "" if p is None else f" ({p_text(p)})"


def _baseline(metric: MetricFormat, baseline: str, interval: Interval | None) -> list[str]:
    return [] if interval is None else [f"The baseline {baseline} reaches {metric.values(interval)}."]


def _differing(
    metric: MetricFormat, baseline: str, farthest: Sequence[Comparison], verdict: Verdict
) -> list[str]:
    """Name the variants farthest from the baseline, count the rest, and warn against ranking the better ones."""
    sentences = [_difference(metric, baseline, comparison) for comparison in farthest[:LISTED]]
    rest = len(farthest) - LISTED
    if rest > 0:
        sentences.append(f"{rest} more {'is' if rest == 1 else 'are'} {verdict}, by less.")
    if verdict == "better" and len(farthest) > 1:
        sentences.append(f"Each was compared with {baseline}; their order among themselves was not tested.")
    return sentences


def _difference(metric: MetricFormat, baseline: str, comparison: Comparison) -> str:
    if comparison.difference is None or comparison.p_holm is None:
        raise ValueError(f"a verdict must have a difference and its p; got {comparison}")
    difference = comparison.difference
    amounts = metric.amounts(difference if difference.mean >= 0 else _mirrored(difference))
    inside = f"{amounts[:-1]}, " if amounts.endswith(")") else f"{amounts} ("
    numbers = f"{inside}adjusted {p_text(comparison.p_holm)})"
    return f"{comparison.variant} is {comparison.verdict} than {baseline} by {numbers}."


def _mirrored(interval: Interval) -> Interval:
    """Return the interval of the same difference with the opposite sign."""
    low, high = (None if end is None else -end for end in (interval.high, interval.low))
    return Interval(-interval.mean, low, high, interval.deviation, interval.n)


def _equal(
    metric: MetricFormat, baseline: str, margin: float, comparisons: Sequence[Comparison]
) -> list[str]:
    if not comparisons:
        return []
    verb = "is" if len(comparisons) == 1 else "are"
    names = listed([comparison.variant for comparison in comparisons])
    return [f"{names} {verb} practically equal to {baseline}: within {metric.limit(margin)}."]


def _inconclusive(baseline: str, comparisons: Sequence[Comparison], kinds: ReplicateKind) -> list[str]:
    """Group the inconclusive by what would decide them: some replicates, no reasonable number of them, a second one."""
    decidable = sorted((c.seeds_needed, c.variant) for c in comparisons if c.seeds_needed is not None)
    through = [c for c in comparisons if not c.hopeless and c.goes_on_to is None]
    too_close = [c.variant for c in through if c.p is not None and c.seeds_needed is None]
    single = [c.variant for c in comparisons if c.p is None and c.difference is not None]
    sentences = []
    if decidable:
        names = listed([f"{variant} ({needed} {kinds.several})" for needed, variant in decidable])
        sentences.append(
            f"Inconclusive, with the number of {kinds.several} that would probably decide each: {names}."
        )
    if too_close:
        verb = "is" if len(too_close) == 1 else "are"
        names = listed(too_close)
        if not kinds.independent:  # more of them would hardly help
            return [f"{names} {verb} inconclusive."]
        sentences.append(
            f"{names} {verb} too close to {baseline} for any reasonable number of {kinds.several}."
        )
    if single:
        sentences.append(
            f"Nothing can be concluded about {listed(single)}: that needs at least two {kinds.several}."
        )
    return sentences


def _hopeless(comparisons: Sequence[Comparison]) -> list[str]:
    """Name those that were ended since the seeds left would hardly have settled them."""
    ended: dict[int, list[str]] = {}
    for comparison in comparisons:
        if comparison.hopeless:
            ended.setdefault(comparison.planned[-1], []).append(comparison.variant)
    return [
        f"{listed(names)} stopped early, inconclusive: up to {plural(most, 'seed')} would hardly settle {_it(names)}."
        for most, names in ended.items()
    ]


def _it(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _diverged(comparisons: Iterable[Comparison]) -> list[str]:
    affected = [comparison for comparison in comparisons if comparison.diverged]
    without_any = [c.variant for c in affected if c.difference is None]
    others = [f"{c.variant} ({c.diverged})" for c in affected if c.difference is not None]
    sentences = []
    if without_any:
        sentences.append(f"No replicate finished that could be compared for {listed(without_any)}.")
    if others:
        left_out = "Replicates that diverged are left out, which flatters the variant"
        sentences.append(f"{left_out}: {listed(others)}.")
    return sentences
