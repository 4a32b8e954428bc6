"""Published values next to ours: whether they agree, the gap where they do not, and what may explain it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.params.types.reference import RATIO
from pipeline.report.measure import Measure
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.report.values import Value, value_of
from pipeline.result_files.schema import Ablation, Reference, Variant
from pipeline.stats.published import Agreement, agreement, ratio_agreement
from pipeline.stats.published_value import Published

SIGNS = {"is": "", "above": "> ", "below": "< ", "between": ""}
NOT_TESTED = "compatible, not tested"
WORDS = {
    (True, True): "agrees",
    (True, False): NOT_TESTED,
    (False, True): "differs",
}
WORD_CLASSES = {NOT_TESTED: "not-tested"}


@dataclass(frozen=True)
class PublishedComparison:
    """One published value of one variant next to ours; without `agreement` where none of our runs measured it.

    `name` is that in the params file: of a metric, or a path to something else that results hold; `value` what it means.
    """

    variant: Variant
    name: str
    value: Value
    published: Published
    reference: Reference
    agreement: Agreement | None
    values: Sequence[float]
    reasons: tuple[str, ...]

    @property
    def unit(self) -> Measure:
        """How the value is shown."""
        return self.value.unit

    @property
    def word(self) -> str:
        """Whether the values agree, in a word or two."""
        if self.agreement is None or self.agreement.agrees is None:
            return "unknown"
        return WORDS[self.agreement.agrees, self.agreement.tested]


def published_comparisons(ablation: Ablation) -> list[PublishedComparison]:
    """Return a comparison for every published value of an ablation, in the order written."""
    return [
        _compared(ablation, variant, name, published, variant.reference)
        for variant in ablation.variants
        if variant.reference is not None
        for name, published in variant.reference.values.items()
    ]


def published_text(unit: Measure, published: Published) -> str:
    """Return a published value in the shown unit, to as many decimals as it was given, at least the unit's own."""
    decimals, own = published.decimals, unit.decimals
    shown = own if decimals is None or not own else max(0, decimals - (2 if unit.factor == 100 else 0))
    numbers = [published.value] if published.upper is None else [published.value, published.upper]
    texts = [f"{number * unit.factor:.{min(shown, 6)}f}" for number in numbers]
    return SIGNS[published.kind] + " – ".join(texts)


def table(comparisons: Sequence[PublishedComparison], styles: Styles) -> Table | None:
    """Return a row for each published value; None where nothing was published."""
    if not comparisons:
        return None
    columns: list[tuple[Column, Callable[[PublishedComparison], Cell]]] = [
        (
            Column("variant"),
            lambda comparison: Cell(comparison.variant.name, style=styles[comparison.variant.name]),
        ),
        (Column("value"), lambda comparison: Cell(comparison.value.label)),
        (Column("published", True), _published),
        (Column("ours", True, "Mean over replicates"), _ours),
        (Column("95\u00a0% interval", True, "Student's t interval of our mean"), _interval),
        (Column("one more run", True, "Where one more run of ours would be, with 95 %"), _predicted),
        (
            Column("", False, "Whether the published value is in that range"),
            lambda comparison: Cell(comparison.word, word=WORD_CLASSES.get(comparison.word, comparison.word)),
        ),
        (Column("in words"), lambda comparison: Cell(sentence(comparison))),
    ]
    if len({comparison.reference.source for comparison in comparisons}) > 1:
        columns.append((Column("source"), lambda comparison: Cell(comparison.reference.source)))
    rows = [[fill(comparison) for _, fill in columns] for comparison in comparisons]
    return Table([column for column, _ in columns], rows)


def table_title(comparisons: Sequence[PublishedComparison]) -> str:
    """Return the title of the table: with the source, where all values have the same one."""
    sources = {comparison.reference.source for comparison in comparisons}
    source = sources.pop() if len(sources) == 1 else ""
    return f"Document and ours: {source}" if source else "Document and ours"


def sentence(comparison: PublishedComparison) -> str:
    """Return whether the values agree and by how much they do not, the study author's note, and what else may explain it."""
    note = _with_full_stop(comparison.reference.note) if comparison.reference.note else ""
    return " ".join(filter(None, [_finding(comparison), note, *comparison.reasons]))


def _finding(comparison: PublishedComparison) -> str:
    agreement = comparison.agreement
    if agreement is None:
        return "None of our runs measured this."
    if agreement.agrees is None:
        return "One replicate shows nothing about spread."
    if not agreement.agrees:
        return _gap(comparison, agreement)
    if agreement.tested:
        return "A run of ours could have produced it."
    if agreement.low is None:
        return "Our run is there too; one shows nothing about spread."
    return f"Our runs differ so much that hardly any value could disagree.{_atypical(comparison, agreement)}"


def _atypical(comparison: PublishedComparison, agreement: Agreement) -> str:
    """Return the sentence for a ratio, a claim about an effect, that single runs can reach but our mean does not."""
    if comparison.name != RATIO or agreement.is_typical:
        return ""
    ours = f"{agreement.ours.mean:.2f} [{agreement.ours.low:.2f}, {agreement.ours.high:.2f}]"
    found = f"over {agreement.ours.n} seeds the error is {ours} times smaller"
    return f" But {found}: the published ratio is that of an unusual run."


def as_json(comparison: PublishedComparison) -> dict[str, Any]:
    """Return a comparison as plain data; accuracies are fractions."""
    agreement, published = comparison.agreement, comparison.published
    return {
        "metric": comparison.name,
        "published": published.value,
        "upper": published.upper,
        "kind": published.kind,
        "decimals": published.decimals,
        "ours": None if agreement is None else agreement.ours.mean,
        "low": None if agreement is None else agreement.ours.low,
        "high": None if agreement is None else agreement.ours.high,
        "n": 0 if agreement is None else agreement.ours.n,
        "one_more_run": None if agreement is None else [agreement.low, agreement.high],
        "agrees": None if agreement is None else agreement.agrees,
        "tested": agreement is not None and agreement.tested,
        "words": sentence(comparison),
        "source": comparison.reference.source,
    }


def interval_ends(unit: Measure, low: float | None, high: float | None) -> str:
    """Return an interval's ends as `96.1 – 97.3`, or `MISSING`."""
    return MISSING if low is None or high is None else f"{unit.bound(low)} – {unit.bound(high)}"


def _compared(
    ablation: Ablation, variant: Variant, name: str, published: Published, reference: Reference
) -> PublishedComparison:
    value = value_of(name, ablation)
    values = list(value.read(ablation, variant, published).values())
    agreement = _agreement(name, value, values, published)
    differs = agreement is not None and agreement.agrees is False
    reasons = tuple(_reasons(variant, name, value, published)) if differs else ()
    return PublishedComparison(variant, name, value, published, reference, agreement, values, reasons)


def _agreement(name: str, value: Value, values: Sequence[float], published: Published) -> Agreement | None:
    if not values:
        return None
    if name == RATIO:
        return ratio_agreement(values, published)
    return agreement(values, published, value.size(published.value))


def _reasons(variant: Variant, name: str, value: Value, published: Published) -> list[str]:
    """Return what may explain a difference, as far as the runs show it."""
    return [text for text in (_last_epoch(variant, name, value, published), _dropout(variant, name)) if text]


def _last_epoch(variant: Variant, metric: str, value: Value, published: Published) -> str:
    """Return a sentence where restored weights are of an earlier epoch, and the value fits the last epoch, else nothing."""
    runs = [run for run in variant.replicates if run.outcome == "finished" and run.curves.get(metric)]
    restored = any(run.best_epoch != len(run.curves[metric]) for run in runs)
    at_last = _agreement(metric, value, [run.curves[metric][-1] for run in runs], published)
    if not restored or at_last is None or not at_last.agrees:
        return ""
    return "Ours is that of the epoch whose weights were restored; at the last epoch the values would agree."


def _dropout(variant: Variant, metric: str) -> str:
    drops = (variant.recipe.get("regularisation") or {}).get("dropout") is not None
    if metric in ("accuracy", "loss") and drops:
        return "Ours is measured while training, with dropout on."
    return ""


def _gap(comparison: PublishedComparison, agreement: Agreement) -> str:
    unit, value = comparison.unit, comparison.value
    size = f"{abs(agreement.gap) * unit.factor:.{unit.decimals}f} {unit.step_unit}".rstrip()
    better = (agreement.gap > 0) == unit.higher_is_better
    text = f"Ours is {'higher' if agreement.gap > 0 else 'lower'} by {size}"
    judged = f", {'better' if better else 'worse'}" if value.is_judged else ""
    beyond = " than any such run" if judged and comparison.published.kind != "is" else ""
    return f"{text}{judged}{beyond}."


def _with_full_stop(note: str) -> str:
    return note if note.rstrip().endswith((".", "!", "?")) else f"{note.rstrip()}."


def _published(comparison: PublishedComparison) -> Cell:
    text = published_text(comparison.unit, comparison.published)
    return Cell(text, comparison.published.value)


def _ours(comparison: PublishedComparison) -> Cell:
    if comparison.agreement is None:
        return Cell(MISSING)
    mean = comparison.agreement.ours.mean
    return Cell(comparison.unit.text(mean), mean)


def _interval(comparison: PublishedComparison) -> Cell:
    ours = comparison.agreement.ours if comparison.agreement else None
    return Cell(interval_ends(comparison.unit, ours.low, ours.high) if ours else MISSING)


def _predicted(comparison: PublishedComparison) -> Cell:
    agreement = comparison.agreement
    return Cell(interval_ends(comparison.unit, agreement.low, agreement.high) if agreement else MISSING)
