"""Published values next to ours: whether they agree, the gap where they do not, and what may explain it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.metrics import higher_is_better
from pipeline.report.measure import Measure, shown_as
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.result_files.schema import Ablation, Published, Reference, Replicate, Variant
from pipeline.stats.published import Agreement, agreement

SIGNS = {"is": "", "above": "> ", "below": "< "}
WORDS = {True: "agrees", False: "differs", None: "unknown"}


@dataclass(frozen=True)
class PublishedComparison:
    """One published value of one variant next to ours; without `agreement` where none of our runs measured its metric."""

    variant: Variant
    metric: str
    published: Published
    reference: Reference
    agreement: Agreement | None
    reasons: tuple[str, ...]

    @property
    def unit(self) -> Measure:
        """How the value is shown."""
        return shown_as(self.metric)

    @property
    def word(self) -> str:
        """Whether the values agree, in a word."""
        return WORDS[self.agreement.agrees if self.agreement else None]


def published_comparisons(ablation: Ablation) -> list[PublishedComparison]:
    """Return a comparison for every published value of an ablation, in the order written."""
    return [
        _compared(variant, metric, published, variant.reference)
        for variant in ablation.variants
        if variant.reference is not None
        for metric, published in variant.reference.values.items()
    ]


def metric_name(metric: str) -> str:
    """Return a metric in words: `validation accuracy`."""
    return {"accuracy": "training accuracy", "loss": "training loss"}.get(
        metric, metric.replace("val_", "validation ").replace("_", " ")
    )


def metric_label(metric: str) -> str:
    """Return a metric's name with its unit: `validation accuracy (%)`."""
    unit = shown_as(metric).unit
    return metric_name(metric) + (f" ({unit})" if unit else "")


def published_text(unit: Measure, published: Published, decimals: int | None = None) -> str:
    """Return a published value in the shown unit, to as many decimals as it was given, at least the unit's own."""
    shown = max(0, decimals - (2 if unit.factor == 100 else 0)) if decimals is not None else unit.decimals
    return f"{SIGNS[published.kind]}{published.value * unit.factor:.{min(shown, 6)}f}"


def values_of(variant: Variant, metric: str) -> list[float]:
    """Return the values of the replicates that finished and measured the metric."""
    values = (run.metrics.get(metric) for run in variant.replicates if run.outcome == "finished")
    return [value for value in values if value is not None]


def table(comparisons: Sequence[PublishedComparison], styles: Styles) -> Table | None:
    """Return a row for each published value; None where nothing was published."""
    if not comparisons:
        return None
    columns: list[tuple[Column, Callable[[PublishedComparison], Cell]]] = [
        (
            Column("variant"),
            lambda comparison: Cell(comparison.variant.name, style=styles[comparison.variant.name]),
        ),
        (Column("metric"), lambda comparison: Cell(metric_label(comparison.metric))),
        (Column("published", True), _published),
        (Column("ours", True, "Mean over replicates"), _ours),
        (Column("95\u00a0% interval", True, "Student's t interval of our mean"), _interval),
        (Column("one more run", True, "Where one more run of ours would be, with 95 %"), _predicted),
        (
            Column("", False, "Whether the published value is in that range"),
            lambda comparison: Cell(comparison.word, word=comparison.word),
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
    """Return whether the values agree and, where they do not, by how much and why, as far as is known."""
    if comparison.agreement is None:
        return "None of our runs measured this."
    if comparison.agreement.agrees:
        return "A run of ours could have produced it."
    if comparison.agreement.agrees is None:
        return " ".join(["One replicate shows nothing about spread.", *comparison.reasons])
    return " ".join([_gap(comparison, comparison.agreement), *comparison.reasons])


def as_json(comparison: PublishedComparison) -> dict[str, Any]:
    """Return a comparison as plain data; accuracies are fractions."""
    agreement = comparison.agreement
    return {
        "metric": comparison.metric,
        "published": comparison.published.value,
        "kind": comparison.published.kind,
        "decimals": comparison.reference.decimals,
        "ours": None if agreement is None else agreement.ours.mean,
        "low": None if agreement is None else agreement.ours.low,
        "high": None if agreement is None else agreement.ours.high,
        "n": 0 if agreement is None else agreement.ours.n,
        "one_more_run": None if agreement is None else [agreement.low, agreement.high],
        "agrees": None if agreement is None else agreement.agrees,
        "words": sentence(comparison),
        "source": comparison.reference.source,
    }


def interval_ends(unit: Measure, low: float | None, high: float | None) -> str:
    """Return an interval's ends as `96.1 – 97.3`, or `MISSING`."""
    return MISSING if low is None or high is None else f"{unit.bound(low)} – {unit.bound(high)}"


def _compared(
    variant: Variant, metric: str, published: Published, reference: Reference
) -> PublishedComparison:
    agreement = _agreement(values_of(variant, metric), published, reference)
    differs = agreement is not None and not agreement.agrees
    reasons = tuple(_reasons(variant, metric, published, reference)) if differs else ()
    return PublishedComparison(variant, metric, published, reference, agreement, reasons)


def _agreement(values: Sequence[float], published: Published, reference: Reference) -> Agreement | None:
    return agreement(values, published.value, published.kind, reference.decimals) if values else None


def _reasons(variant: Variant, metric: str, published: Published, reference: Reference) -> list[str]:
    """Return what may explain a difference: the author's note first, then what the runs show."""
    note = _with_full_stop(reference.note) if reference.note else ""
    reasons = (note, _other_epoch(variant, metric, published, reference), _dropout(variant, metric))
    return [text for text in reasons if text]


def _other_epoch(variant: Variant, metric: str, published: Published, reference: Reference) -> str:
    """Return a sentence where the published value fits another epoch of our runs than the one that is kept, else nothing."""
    runs = [run for run in variant.replicates if run.outcome == "finished" and run.curves.get(metric)]
    stopped = any(run.best_epoch != len(run.curves[metric]) for run in runs)
    at_best = _agreement([_best(run, metric) for run in runs], published, reference)
    at_last = _agreement([run.curves[metric][-1] for run in runs], published, reference)
    if stopped and at_last is not None and at_last.agrees:
        return (
            "Ours is that of the epoch whose weights were restored; at the last epoch the values would agree."
        )
    if not stopped and at_best is not None and at_best.agrees:
        unit = shown_as(metric)
        best = f"{unit.text(at_best.ours.mean)}{' %' if unit.unit else ''}"
        return f"At its best epoch ours reaches {best}, which would agree: the published value may be a best one."
    return ""


def _best(run: Replicate, metric: str) -> float:
    return (max if higher_is_better(metric) else min)(run.curves[metric])


def _dropout(variant: Variant, metric: str) -> str:
    drops = (variant.recipe.get("regularisation") or {}).get("dropout") is not None
    if metric in ("accuracy", "loss") and drops:
        return "Ours is measured while training, with dropout on."
    return ""


def _gap(comparison: PublishedComparison, agreement: Agreement) -> str:
    unit = comparison.unit
    size = f"{abs(agreement.gap) * unit.factor:.{unit.decimals}f} {unit.step_unit}".rstrip()
    better = (agreement.gap > 0) == unit.higher_is_better
    text = (
        f"Ours is {'higher' if agreement.gap > 0 else 'lower'} by {size}, {'better' if better else 'worse'}"
    )
    return f"{text}{' than any such run' if comparison.published.kind != 'is' else ''}."


def _with_full_stop(note: str) -> str:
    return note if note.rstrip().endswith((".", "!", "?")) else f"{note.rstrip()}."


def _published(comparison: PublishedComparison) -> Cell:
    text = published_text(comparison.unit, comparison.published, comparison.reference.decimals)
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
