"""The tables of an ablation's page, as text cells that know how to sort."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report.findings import Findings, Row
from pipeline.report.results import Ablation, Variant
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import at, number, p_value, plain


@dataclass(frozen=True)
class Cell:
    """A cell's text and the number it sorts by, if not by its text.

    `style` puts a variant's swatch before the text, `word` shows it as a verdict.
    """

    text: str
    sort: float | None = None
    style: Style | None = None
    word: str | None = None


@dataclass(frozen=True)
class Column:
    """A column's heading; numbers are set to the right. `hint` explains it on hovering."""

    title: str
    numeric: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table: every row has a cell per column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def ranking(findings: Findings, styles: Styles) -> Table:
    """Return the ranked table: mean, interval, difference, p, verdict, parameters, and what tuning chose."""
    unit = findings.measure
    paths = _chosen_paths(findings.ablation)
    published = any(variant.reference for variant in findings.ablation.variants)
    columns = [
        Column("#", True, "Rank by mean"),
        Column("variant"),
        Column(unit.label, True, "Mean over replicates"),
        Column("95\u00a0% interval", True, "Student's t interval of the mean"),
        Column("n", True, "Replicates that finished"),
        Column("difference [95\u00a0%]", True, f"Difference from {findings.ablation.baseline}"),
        Column("p (Holm)", True, "Two-sided p, adjusted for all variants of this ablation"),
        Column("verdict"),
        Column("seeds to settle", True, "Replicates that would probably settle an open comparison"),
        Column("parameters", True),
        *(Column(path, True, "Chosen by tuning, then frozen") for path in paths),
        *([Column("published", True, "Test accuracy reported elsewhere, in %")] if published else []),
    ]
    rows = [
        _ranked(findings, row, rank, styles, paths, published) for rank, row in enumerate(findings.rows, 1)
    ]
    return Table(columns, rows)


def _ranked(
    findings: Findings, row: Row, rank: int, styles: Styles, paths: Sequence[str], published: bool
) -> list[Cell]:
    variant, comparison, unit = row.variant, row.comparison, findings.measure
    difference = comparison.difference if comparison else None
    p = comparison.p_holm if comparison else None
    needed = comparison.seeds_needed if comparison else None
    reference = variant.reference
    return [
        Cell(str(rank) if row.interval else "–", rank),
        Cell(variant.name, style=styles[variant.name]),
        *_mean_cells(findings, row),
        Cell(unit.interval(difference) or "–", difference.mean if difference else 0.0),
        Cell("–" if p is None else p_value(p), 2.0 if p is None else p),
        _verdict(row),
        Cell(str(needed) if needed else "–", needed or 0),
        Cell(number(variant.parameters), variant.parameters),
        *(_chosen(variant, path) for path in paths),
        *([_published(reference.test_accuracy if reference else None)] if published else []),
    ]


def _mean_cells(findings: Findings, row: Row) -> list[Cell]:
    unit, interval = findings.measure, row.interval
    if interval is None:
        return [Cell("diverged", -1e300), Cell("–", -1e300), Cell("0", 0)]
    spread = "–"
    if interval.low is not None and interval.high is not None:
        spread = f"{unit.text(interval.low)} – {unit.text(interval.high)}"
    return [
        Cell(unit.text(interval.mean), interval.mean),
        Cell(spread, -1e300 if interval.low is None else interval.low),
        Cell(str(interval.n), interval.n),
    ]


def _verdict(row: Row) -> Cell:
    if row.comparison is None:
        return Cell("baseline", word="baseline")
    verdict: str = row.comparison.verdict if row.interval else "diverged"
    return Cell(verdict, word=verdict.replace(" ", "-"))


def _chosen_paths(ablation: Ablation) -> list[str]:
    return list(dict.fromkeys(path for variant in ablation.variants for path in variant.chosen or {}))


def _chosen(variant: Variant, path: str) -> Cell:
    value = (variant.chosen or {}).get(path)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell(plain(value), float(value))
    return Cell("–" if value is None else plain(value))


def _published(accuracy: float | None) -> Cell:
    return Cell("–", -1.0) if accuracy is None else Cell(f"{100 * accuracy:.2f}", accuracy)


def changes(ablation: Ablation, styles: Styles) -> Table:
    """Return what each variant changes: path, the baseline's value, its own."""
    baseline = ablation.variant(ablation.baseline)
    rows = [
        [
            Cell(variant.name, style=styles[variant.name]),
            Cell(path),
            Cell(plain(at(baseline.recipe, path))),
            Cell(plain(value)),
        ]
        for variant in ablation.variants
        for path, value in variant.changes.items()
    ]
    return Table([Column("variant"), Column("setting"), Column(f"in {baseline.name}"), Column("here")], rows)


def published(ablation: Ablation) -> list[tuple[str, str]]:
    """Return variant and source of every published value."""
    return [(variant.name, variant.reference.source) for variant in ablation.variants if variant.reference]


def failures(ablation: Ablation, styles: Styles) -> Table:
    """Return every run that diverged: trials with their values, replicates with their seed and last epoch."""
    rows = [
        [Cell(variant.name, style=styles[variant.name]), Cell(phase), Cell(what), Cell(key)]
        for variant in ablation.variants
        for phase, what, key in _failed(variant)
    ]
    return Table([Column("variant"), Column("phase"), Column("run"), Column("run key")], rows)


def _failed(variant: Variant) -> list[tuple[str, str, str]]:
    trials = [
        (
            "trial",
            ", ".join(f"{path} = {plain(value)}" for path, value in trial.values.items()),
            trial.run_key,
        )
        for trial in variant.trials
        if trial.outcome == "diverged"
    ]
    replicates = [
        ("replicate", f"seed {replicate.seed}, stopped in epoch {replicate.epochs}", replicate.run_key)
        for replicate in variant.replicates
        if replicate.outcome == "diverged"
    ]
    return trials + replicates


def effects(findings: Findings) -> Table | None:
    """Return a grid's factor importance, or None where it has none."""
    importance = findings.importance
    if importance is None:
        return None
    rows = [
        [
            Cell(" × ".join(effect.factors)),
            Cell(f"{effect.share:.1%}".replace("%", " %"), effect.share),
            Cell("–" if effect.p is None else p_value(effect.p), 2.0 if effect.p is None else effect.p),
        ]
        for effect in importance.effects
    ]
    rest = [
        [Cell(name), Cell(f"{share:.1%}".replace("%", " %"), share), Cell("–", 2.0)]
        for name, share in (("seeds", importance.seeds), ("chance and higher interactions", importance.rest))
    ]
    columns = [
        Column("factor"),
        Column("explains", True, "Share of the variation between runs, eta squared"),
        Column("p", True),
    ]
    return Table(columns, [*rows, *rest])


def environment(ablation: Ablation) -> Table:
    """Return what the runs were made with."""
    engines: dict[str, int] = {}
    for variant in ablation.variants:
        for replicate in variant.replicates:
            label = f"{replicate.engine.name} ({replicate.engine.reason})"
            engines[label] = engines.get(label, 0) + 1
    made = [(name, text) for name, text in ablation.environment.items()]
    made += [("engine", f"{label}: {count} replicates") for label, count in engines.items()]
    return Table([Column("part"), Column("is")], [[Cell(name), Cell(text)] for name, text in made])
