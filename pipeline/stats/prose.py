"""The written conclusion of an ablation: it claims what the numbers carry, and no more.

The idea of results in sentences is autorank's (S. Herbold, Journal of Open Source Software 5, 2020).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.stats.compare import Comparison, Verdict
from pipeline.stats.intervals import Interval

LISTED = 3
"""How many variants of a kind are named before the rest are counted."""


def conclusion(
    baseline: str,
    comparisons: Mapping[str, Comparison],
    intervals: Mapping[str, Interval],
    metric: str,
    seeds: int,
    dataset: str,
    margin: float,
    higher_is_better: bool = True,
) -> list[str]:
    """Return the sentences that answer an ablation's question, in reading order, as plain text.

    `comparisons` come from `compare`; `intervals` hold the mean of each variant, the baseline's too, where it
    has one. Accuracies (a `metric` with "accuracy" in its name) are read as fractions and written in per cent
    and percentage points, everything else in its own unit.
    """
    words = Wording(baseline, metric, margin, higher_is_better)
    better, worse, equal, undecided = (
        _ranked(comparisons.values(), verdict, higher_is_better)
        for verdict in ("better", "worse", "practically equal", "inconclusive")
    )
    return [
        _opening(words, len(comparisons), len(better), seeds, dataset),
        *_baseline(words, intervals.get(baseline)),
        *_differing(words, better, "better"),
        *_differing(words, worse, "worse"),
        *_equal(words, equal),
        *_undecided(words, undecided),
        *_diverged(comparisons.values()),
    ]


@dataclass(frozen=True)
class Wording:
    """How numbers of one metric are written."""

    baseline: str
    metric: str
    margin: float
    higher_is_better: bool = True

    @property
    def is_share(self) -> bool:
        """Say whether the metric is a fraction, to be written in per cent."""
        return "accuracy" in self.metric

    @property
    def name(self) -> str:
        """The metric as a reader says it: `test accuracy`."""
        return self.metric.replace("_", " ").replace("val ", "validation ")

    def value(self, value: float) -> str:
        """Write a value of the metric: `97.3 %`, `0.0812`."""
        return f"{100 * value:.1f} %" if self.is_share else f"{value:.3g}"

    def size(self, difference: float) -> str:
        """Write a difference without its unit: `1.3` for 0.013 of accuracy."""
        return _signed(100 * difference, ".1f") if self.is_share else _signed(difference, ".2g")

    def sized(self, difference: float) -> str:
        """Write a difference with its unit: `1.3 points`."""
        return f"{self.size(difference)} points" if self.is_share else self.size(difference)

    def by(self, difference: Interval, verdict: Verdict) -> str:
        """Write how far a variant lies on its verdict's side, `1.3 points (95 % interval 0.6 to 2.0`."""
        sign = 1 if (verdict == "better") == self.higher_is_better else -1
        text = self.sized(sign * difference.mean)
        if difference.low is None or difference.high is None:
            return f"{text} (the same for each seed"
        low, high = sorted((sign * difference.low, sign * difference.high))
        return f"{text} (95 % interval {self.size(low)} to {self.size(high)}"


def p_text(p: float) -> str:
    """Write a p value: `p = .004`, `p < .001`."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".", 1).replace("p = 1.000", "p = 1")


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """Write names as a sentence does: `a`, `a and b`, `a, b, c and 4 more`."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _signed(number: float, form: str) -> str:
    text = format(number, form)
    return text.removeprefix("-") if float(text) == 0 else text


def _ranked(comparisons: Iterable[Comparison], verdict: str, higher_is_better: bool) -> list[Comparison]:
    """Return the comparisons of one verdict, the largest gain first, those without a difference last."""
    sign = -1 if higher_is_better else 1

    def place(comparison: Comparison) -> tuple[bool, float]:
        difference = comparison.difference
        return difference is None, 0.0 if difference is None else sign * difference.mean

    return sorted((c for c in comparisons if c.verdict == verdict), key=place)


def _opening(words: Wording, variants: int, better: int, seeds: int, dataset: str) -> str:
    over = "1 seed" if seeds == 1 else f"{seeds} seeds"
    where = f"On {dataset}, over {over}, "
    if variants == 0:
        return f"{where}there is nothing to compare with {words.baseline} yet."
    if better == 0:
        subject = "the variant is not" if variants == 1 else f"none of the {variants} variants is"
        return f"{where}{subject} shown to beat {words.baseline} in {words.name}."
    if variants == 1:
        return f"{where}the variant beats {words.baseline} in {words.name}."
    verb = "beats" if better == 1 else "beat"
    return f"{where}{better} of {variants} variants {verb} {words.baseline} in {words.name}."


def _baseline(words: Wording, interval: Interval | None) -> list[str]:
    if interval is None:
        return []
    reach = ""
    if interval.low is not None and interval.high is not None:
        reach = f" (95 % interval {words.value(interval.low)} to {words.value(interval.high)})"
    return [f"The baseline {words.baseline} reaches {words.value(interval.mean)}{reach}."]


def _differing(words: Wording, comparisons: Sequence[Comparison], verdict: Verdict) -> list[str]:
    """Name the variants farthest from the baseline, count the rest, and warn of ranking the better ones."""
    far = comparisons if verdict == "better" else comparisons[::-1]
    sentences = [_difference(words, comparison, verdict) for comparison in far[:LISTED]]
    rest = len(far) - LISTED
    if rest > 0:
        sentences.append(f"{rest} more {'is' if rest == 1 else 'are'} {verdict}, by less.")
    if verdict == "better" and len(far) > 1:
        sentences.append("Each was compared with the baseline; their order among themselves was not tested.")
    return sentences


def _difference(words: Wording, comparison: Comparison, verdict: Verdict) -> str:
    if comparison.difference is None or comparison.p_holm is None:
        raise ValueError(f"a verdict needs a difference and its p; received {comparison}")
    by = words.by(comparison.difference, verdict)
    return (
        f"{comparison.variant} is {verdict} than {words.baseline} by {by}, Holm {p_text(comparison.p_holm)})."
    )


def _equal(words: Wording, comparisons: Sequence[Comparison]) -> list[str]:
    if not comparisons:
        return []
    verb = "is" if len(comparisons) == 1 else "are"
    names = listed([comparison.variant for comparison in comparisons])
    return [f"{names} {verb} practically equal to {words.baseline}: within {words.sized(words.margin)}."]


def _undecided(words: Wording, comparisons: Sequence[Comparison]) -> list[str]:
    """Group what is open by what would close it: some seeds, no number of seeds, a second seed."""
    single = [c.variant for c in comparisons if c.p is None and c.difference is not None]
    tested = [c for c in comparisons if c.p is not None]
    near = sorted((c.seeds_needed, c.variant) for c in tested if c.seeds_needed is not None)
    never = [c.variant for c in tested if c.seeds_needed is None]
    sentences = []
    if near:
        names = listed([f"{variant} ({needed} seeds)" for needed, variant in near])
        sentences.append(f"Still open, with the seeds that would probably settle it in brackets: {names}.")
    if never:
        verb = "is" if len(never) == 1 else "are"
        sentences.append(
            f"{listed(never)} {verb} too close to {words.baseline} for any sensible number of seeds."
        )
    if single:
        sentences.append(f"Nothing can be said of {listed(single)}: it takes two seeds at least.")
    return sentences


def _diverged(comparisons: Iterable[Comparison]) -> list[str]:
    found = list(comparisons)
    lost = [c.variant for c in found if c.diverged and c.difference is None]
    part = [f"{c.variant} ({c.diverged})" for c in found if c.diverged and c.difference is not None]
    sentences = []
    if lost:
        sentences.append(f"No finished replicate is left to compare for {listed(lost)}.")
    if part:
        sentences.append(
            f"Replicates that diverged are left out, which flatters the variant: {listed(part)}."
        )
    return sentences
