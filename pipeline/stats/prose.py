"""The written conclusion of an ablation: it claims what the numbers carry, and no more.

The idea of results in sentences is autorank's (S. Herbold, Journal of Open Source Software 5, 2020).
"""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.stats.compare import Comparison, Verdict
from pipeline.stats.intervals import Interval
from pipeline.stats.wording import LISTED, Wording, listed, p_text


def conclusion(
    question: str,
    baseline: str,
    comparisons: Mapping[str, Comparison],
    intervals: Mapping[str, Interval],
    metric: str,
    seeds: int,
    dataset: str,
    margin: float,
    higher_is_better: bool = True,
) -> list[str]:
    """Return sentences in plain text, in reading order: the first is the question, the others answer it.

    `comparisons` come from `compare`, `margin` is the one it was given; of `intervals` the baseline's own
    mean is quoted, where it has one. `metric` decides how numbers are written, see `Wording`.
    """
    words = Wording(metric, higher_is_better)
    by_verdict = {verdict: _ranked(comparisons, verdict, higher_is_better) for verdict in _VERDICTS}
    better, worse, equal, undecided = by_verdict.values()
    answer = _answer(len(better), len(comparisons), baseline, words)
    return [
        question,
        f"On {dataset}, over {_counted(seeds, 'seed')}, {answer}.",
        *_baseline(words, baseline, intervals.get(baseline)),
        *_differing(words, baseline, better, "better"),
        *_differing(words, baseline, worse[::-1], "worse"),
        *_equal(words, baseline, margin, equal),
        *_undecided(baseline, undecided),
        *_diverged(comparisons.values()),
    ]


_VERDICTS: tuple[Verdict, ...] = ("better", "worse", "practically equal", "inconclusive")


def _ranked(
    comparisons: Mapping[str, Comparison], verdict: Verdict, higher_is_better: bool
) -> list[Comparison]:
    """Return the comparisons with one verdict, the largest gain first, those without a difference last."""
    sign = -1 if higher_is_better else 1

    def place(comparison: Comparison) -> tuple[bool, float]:
        difference = comparison.difference
        return difference is None, 0.0 if difference is None else sign * difference.mean

    return sorted((c for c in comparisons.values() if c.verdict == verdict), key=place)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _answer(better: int, variants: int, baseline: str, words: Wording) -> str:
    if variants == 0:
        return f"there is nothing to compare with {baseline} yet"
    if better == 0:
        subject = "the one variant is not" if variants == 1 else f"none of the {variants} variants is"
        return f"{subject} shown to be better than {baseline} in {words.name}"
    subject = "the one variant is" if variants == 1 else f"{better} of the {variants} variants "
    verb = "" if variants == 1 else "is" if better == 1 else "are"
    return f"{subject}{verb} better than {baseline} in {words.name}"


def _baseline(words: Wording, baseline: str, interval: Interval | None) -> list[str]:
    return [] if interval is None else [f"The baseline {baseline} reaches {words.values(interval)}."]


def _differing(words: Wording, baseline: str, farthest: Sequence[Comparison], verdict: Verdict) -> list[str]:
    """Name the variants farthest from the baseline, count the rest, and warn of ranking the better ones."""
    sentences = [_difference(words, baseline, comparison) for comparison in farthest[:LISTED]]
    rest = len(farthest) - LISTED
    if rest > 0:
        sentences.append(f"{rest} more {'is' if rest == 1 else 'are'} {verdict}, by less.")
    if verdict == "better" and len(farthest) > 1:
        sentences.append(f"Each was compared with {baseline}; their order among themselves was not tested.")
    return sentences


def _difference(words: Wording, baseline: str, comparison: Comparison) -> str:
    if comparison.difference is None or comparison.p_holm is None:
        raise ValueError(f"a verdict rests on a difference and its p; received {comparison}")
    size = comparison.difference
    amounts = words.amounts(size if size.mean >= 0 else _mirrored(size))
    inside = f"{amounts[:-1]}, " if amounts.endswith(")") else f"{amounts} ("
    numbers = f"{inside}Holm {p_text(comparison.p_holm)})"
    return f"{comparison.variant} is {comparison.verdict} than {baseline} by {numbers}."


def _mirrored(interval: Interval) -> Interval:
    """Return the interval of the same difference the other way round."""
    low, high = (None if end is None else -end for end in (interval.high, interval.low))
    return Interval(-interval.mean, low, high, interval.deviation, interval.n)


def _equal(words: Wording, baseline: str, margin: float, comparisons: Sequence[Comparison]) -> list[str]:
    if not comparisons:
        return []
    verb = "is" if len(comparisons) == 1 else "are"
    names = listed([comparison.variant for comparison in comparisons])
    return [f"{names} {verb} practically equal to {baseline}: within {words.amount(margin)}."]


def _undecided(baseline: str, comparisons: Sequence[Comparison]) -> list[str]:
    """Group what is open by what would close it: some seeds, no number of seeds, a second seed."""
    single = [c.variant for c in comparisons if c.p is None and c.difference is not None]
    near = sorted((c.seeds_needed, c.variant) for c in comparisons if c.seeds_needed is not None)
    never = [c.variant for c in comparisons if c.p is not None and c.seeds_needed is None]
    sentences = []
    if near:
        names = listed([f"{variant} ({needed} seeds)" for needed, variant in near])
        sentences.append(f"Still open, each with the seeds that would probably settle it: {names}.")
    if never:
        verb = "is" if len(never) == 1 else "are"
        sentences.append(f"{listed(never)} {verb} too close to {baseline} for any sensible number of seeds.")
    if single:
        sentences.append(f"Nothing can be said of {listed(single)}: it takes two seeds at least.")
    return sentences


def _diverged(comparisons: Iterable[Comparison]) -> list[str]:
    found = [comparison for comparison in comparisons if comparison.diverged]
    lost = [c.variant for c in found if c.difference is None]
    part = [f"{c.variant} ({c.diverged})" for c in found if c.difference is not None]
    sentences = []
    if lost:
        sentences.append(f"No replicate finished that could be compared for {listed(lost)}.")
    if part:
        left_out = "Replicates that diverged are left out, which flatters the variant"
        sentences.append(f"{left_out}: {listed(part)}.")
    return sentences
