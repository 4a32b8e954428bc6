"""Published figures beside ours: do they agree, by how much do they not, and what may explain it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.report.measure import Measure, shown_as
from pipeline.report.results import Ablation, Published, Reference, Replicate, Variant
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.stats.published import Agreement, agreement

SIGNS = {"is": "", "above": "> ", "below": "< "}
WORDS = {True: "agrees", False: "differs", None: "unknown"}


@dataclass(frozen=True)
class Claim:
    """One published figure of one variant; without `agreement` where none of our runs measured the like."""

    variant: Variant
    metric: str
    published: Published
    reference: Reference
    agreement: Agreement | None
    reasons: tuple[str, ...]

    @property
    def unit(self) -> Measure:
        """How the figure is shown."""
        return shown_as(self.metric)

    @property
    def word(self) -> str:
        """Whether the figures agree, in a word."""
        return WORDS[self.agreement.agrees if self.agreement else None]


def claims(ablation: Ablation) -> list[Claim]:
    """Return every published figure of an ablation, in the order written."""
    return [
        _claim(variant, metric, published, variant.reference)
        for variant in ablation.variants
        if variant.reference is not None
        for metric, published in variant.reference.figures.items()
    ]


def name_of(metric: str) -> str:
    """Return a metric as one says it: `validation accuracy`."""
    return {"accuracy": "training accuracy", "loss": "training loss"}.get(
        metric, metric.replace("val_", "validation ").replace("_", " ")
    )


def named(metric: str) -> str:
    """Return a metric's name with its unit: `validation accuracy (%)`."""
    unit = shown_as(metric).unit
    return name_of(metric) + (f" ({unit})" if unit else "")


def figure_text(unit: Measure, published: Published, decimals: int | None = None) -> str:
    """Return a published figure in the shown unit, to as many decimals as it was given, at least the unit's own."""
    shown = max(0, decimals - (2 if unit.factor == 100 else 0)) if decimals is not None else unit.decimals
    return f"{SIGNS[published.kind]}{published.value * unit.factor:.{min(shown, 6)}f}"


def values_of(variant: Variant, metric: str) -> list[float]:
    """Return what the replicates that finished measured."""
    found = (run.metrics.get(metric) for run in variant.replicates if run.outcome == "finished")
    return [value for value in found if value is not None]


def table(found: Sequence[Claim], styles: Styles) -> Table | None:
    """Return a row for each published figure; None where nothing was published."""
    if not found:
        return None
    columns: list[tuple[Column, Callable[[Claim], Cell]]] = [
        (Column("variant"), lambda claim: Cell(claim.variant.name, style=styles[claim.variant.name])),
        (Column("figure"), lambda claim: Cell(named(claim.metric))),
        (Column("published", True), _published),
        (Column("ours", True, "Mean over replicates"), _ours),
        (Column("95\u00a0% interval", True, "Student's t interval of our mean"), _interval),
        (Column("one more run", True, "Where one more run of ours would lie, with 95 %"), _predicted),
        (
            Column("", False, "Whether the published figure lies there"),
            lambda claim: Cell(claim.word, word=claim.word),
        ),
        (Column("in words"), lambda claim: Cell(sentence(claim))),
    ]
    if len({claim.reference.source for claim in found}) > 1:
        columns.append((Column("source"), lambda claim: Cell(claim.reference.source)))
    return Table([column for column, _ in columns], [[fill(claim) for _, fill in columns] for claim in found])


def heading(found: Sequence[Claim]) -> str:
    """Return what stands above the table: the source, where all figures have the same one."""
    sources = {claim.reference.source for claim in found}
    only = sources.pop() if len(sources) == 1 else ""
    return f"Document and ours: {only}" if only else "Document and ours"


def sentence(claim: Claim) -> str:
    """Return what can be said: nothing much where the figures agree, else by how much and why not, as far as is known."""
    if claim.agreement is None:
        return "None of our runs measured this."
    if claim.agreement.agrees:
        return "A run of ours could have given it."
    if claim.agreement.agrees is None:
        return " ".join(["One replicate says nothing about spread.", *claim.reasons])
    return " ".join([_gap(claim, claim.agreement), *claim.reasons])


def as_json(claim: Claim) -> dict[str, Any]:
    """Return a claim as plain data; accuracies are fractions."""
    found = claim.agreement
    return {
        "metric": claim.metric,
        "published": claim.published.value,
        "kind": claim.published.kind,
        "decimals": claim.reference.decimals,
        "ours": None if found is None else found.ours.mean,
        "low": None if found is None else found.ours.low,
        "high": None if found is None else found.ours.high,
        "n": 0 if found is None else found.ours.n,
        "one_more_run": None if found is None else [found.low, found.high],
        "agrees": None if found is None else found.agrees,
        "words": sentence(claim),
        "source": claim.reference.source,
    }


def _claim(variant: Variant, metric: str, published: Published, reference: Reference) -> Claim:
    compared = _compared(values_of(variant, metric), published, reference)
    differs = compared is not None and not compared.agrees
    reasons = tuple(_reasons(variant, metric, published, reference)) if differs else ()
    return Claim(variant, metric, published, reference, compared, reasons)


def _compared(values: Sequence[float], published: Published, reference: Reference) -> Agreement | None:
    return agreement(values, published.value, published.kind, reference.decimals) if values else None


def _reasons(variant: Variant, metric: str, published: Published, reference: Reference) -> list[str]:
    """Return what may explain a difference: what the author knows, then what the program can tell."""
    note = [_closed(reference.note)] if reference.note else []
    return note + [
        text
        for text in (_other_epoch(variant, metric, published, reference), _noise(variant, metric))
        if text
    ]


def _other_epoch(variant: Variant, metric: str, published: Published, reference: Reference) -> str:
    """Say so where the published figure fits another epoch of our runs than the one that is kept."""
    runs = [run for run in variant.replicates if run.outcome == "finished" and run.curves.get(metric)]
    stopped = any(run.best_epoch != len(run.curves[metric]) for run in runs)
    at_best = _compared([_best(run, metric) for run in runs], published, reference)
    at_last = _compared([run.curves[metric][-1] for run in runs], published, reference)
    if stopped and at_last is not None and at_last.agrees:
        return "Ours is that of the epoch whose weights were restored; at the last epoch the figures would agree."
    if not stopped and at_best is not None and at_best.agrees:
        unit = shown_as(metric)
        best = f"{unit.text(at_best.ours.mean)}{' %' if unit.unit else ''}"
        return f"At its best epoch ours reaches {best}, which would agree: the published figure may be a best one."
    return ""


def _best(run: Replicate, metric: str) -> float:
    return (max if metric.endswith("accuracy") else min)(run.curves[metric])


def _noise(variant: Variant, metric: str) -> str:
    regularised = (variant.recipe.get("regularisation") or {}).get("dropout") is not None
    if metric in ("accuracy", "loss") and regularised:
        return "Ours is measured while training, with dropout on."
    return ""


def _gap(claim: Claim, found: Agreement) -> str:
    unit = claim.unit
    size = f"{abs(found.gap) * unit.factor:.{unit.decimals}f}{' ' + unit.step_unit if unit.step_unit else ''}"
    better = (found.gap > 0) == unit.higher_is_better
    text = f"Ours is {'higher' if found.gap > 0 else 'lower'} by {size}, {'better' if better else 'worse'}"
    return f"{text}{' than any such run' if claim.published.kind != 'is' else ''}."


def _closed(text: str) -> str:
    """Return a note as a sentence."""
    return text if text.rstrip().endswith((".", "!", "?")) else f"{text.rstrip()}."


def _published(claim: Claim) -> Cell:
    return Cell(figure_text(claim.unit, claim.published, claim.reference.decimals), claim.published.value)


def _ours(claim: Claim) -> Cell:
    found = claim.agreement
    return Cell(MISSING) if found is None else Cell(claim.unit.text(found.ours.mean), found.ours.mean)


def _interval(claim: Claim) -> Cell:
    ours = claim.agreement.ours if claim.agreement else None
    return Cell(ends(claim.unit, ours.low, ours.high) if ours else MISSING)


def _predicted(claim: Claim) -> Cell:
    found = claim.agreement
    return Cell(ends(claim.unit, found.low, found.high) if found else MISSING)


def ends(unit: Measure, low: float | None, high: float | None) -> str:
    """Return an interval's ends, or the sign for what is missing."""
    return MISSING if low is None or high is None else f"{unit.bound(low)} – {unit.bound(high)}"
