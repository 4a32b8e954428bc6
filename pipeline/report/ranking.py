"""The ranked table of an ablation, column by column: each is a heading and a function that fills a row's cell."""

from collections.abc import Callable, Iterator

from pipeline.report.figures.looks import stopped
from pipeline.report.findings import Findings, Row
from pipeline.report.measure import Measure
from pipeline.report.published import interval_ends, published_text
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, number, p_value, plain
from pipeline.stats.intervals import Interval

FilledColumn = tuple[Column, Callable[[Row], Cell]]


def ranking(findings: Findings, styles: Styles) -> Table:
    """Return the table, best mean first: mean, difference, p, verdict, size, and what tuning chose."""
    columns = [*_measured(findings, styles), *_compared(findings), *_described(findings)]
    return Table(
        [column for column, _ in columns], [[fill(row) for _, fill in columns] for row in findings.rows]
    )


def spread(unit: Measure, interval: Interval | None) -> str:
    """Return an interval's ends as `96.1 – 97.3`, or `MISSING`."""
    return interval_ends(unit, interval.low, interval.high) if interval else MISSING


def _measured(findings: Findings, styles: Styles) -> Iterator[FilledColumn]:
    unit = findings.measure
    ranks = {row.variant.name: rank for rank, row in enumerate(findings.rows, 1)}
    yield Column("#", True, "Rank by mean", minor=True), lambda row: _rank(row, ranks[row.variant.name])
    yield Column("variant"), lambda row: Cell(row.variant.name, style=styles[row.variant.name])
    yield Column(unit.label, True, "Mean over replicates"), lambda row: _mean(unit, row.interval)
    yield (
        Column("95\u00a0% interval", True, "Student's t interval", minor=True),
        lambda row: _spread(unit, row.interval),
    )
    if len({row.interval.n if row.interval else 0 for row in findings.rows}) > 1:
        yield Column("n", True, "Replicates that finished", minor=True), _finished


def _compared(findings: Findings) -> Iterator[FilledColumn]:
    unit, baseline = findings.measure, findings.ablation.baseline
    title, is_asked = f"From {baseline}, with the interval that the verdict goes by", not findings.steps
    yield Column("difference [interval]", True, title, minor=not is_asked), lambda row: _difference(unit, row)
    about = "For all variants of this ablation, by Holm's method, and all looks"
    yield Column("p (adjusted)", True, about, minor=True), _p
    yield Column("verdict", minor=not is_asked), _verdict
    if findings.steps:
        yield Column("step [interval]", True, "From the rung before"), lambda row: _step(findings, row)
        yield Column("step's verdict"), lambda row: _step_verdict(findings, row)
    if any(row.comparison and len(row.comparison.planned) > 1 for row in findings.rows):
        yield Column("seeds", True, "After how many of its seeds it stopped, and why", minor=True), _stopped
    if any(row.comparison and row.comparison.seeds_needed for row in findings.rows):
        about = "Replicates that would probably settle it"
        yield Column("seeds to settle", True, about, minor=True), _seeds_needed


def _described(findings: Findings) -> Iterator[FilledColumn]:
    variants = findings.ablation.variants
    if len({variant.parameters for variant in variants}) > 1:
        yield Column("parameters", True, minor=True), _parameters
    for path in dict.fromkeys(path for variant in variants for path in variant.chosen or {}):
        yield Column(path, True, "Chosen by tuning, then frozen", minor=True), _chosen(path)
    unit = findings.measure
    if any(variant.reference and unit.key in variant.reference.values for variant in variants):
        yield (
            Column("published", True, f"{unit.label}, reported elsewhere", minor=True),
            lambda row: _published(unit, row),
        )


def _parameters(row: Row) -> Cell:
    return Cell(number(row.variant.parameters), row.variant.parameters)


def _rank(row: Row, rank: int) -> Cell:
    return Cell(str(rank) if row.interval else MISSING, rank)


def _mean(unit: Measure, interval: Interval | None) -> Cell:
    return Cell(MISSING) if interval is None else Cell(unit.text(interval.mean), interval.mean)


def _spread(unit: Measure, interval: Interval | None) -> Cell:
    return Cell(spread(unit, interval), interval.low if interval else None)


def _finished(row: Row) -> Cell:
    n = row.interval.n if row.interval else 0
    return Cell(str(n), n)


def _difference(unit: Measure, row: Row) -> Cell:
    """Return the difference's cell; a baseline's is empty and sorts as zero."""
    if row.comparison is None:
        return Cell(MISSING, 0.0)
    return Cell(unit.interval(row.difference) or MISSING, row.difference.mean if row.difference else None)


def _p(row: Row) -> Cell:
    p = row.comparison.p_holm if row.comparison else None
    return Cell(MISSING if p is None else p_value(p), p)


def _verdict(row: Row) -> Cell:
    if row.comparison is None:
        return Cell("baseline", word="baseline")
    verdict: str = row.comparison.verdict if row.interval else "diverged"
    return Cell(verdict, word=verdict.replace(" ", "-"))


def _step(findings: Findings, row: Row) -> Cell:
    step = findings.steps.get(row.variant.name)
    if step is None or step.difference is None:
        return Cell(MISSING)
    return Cell(findings.measure.interval(step.difference), step.difference.mean)


def _step_verdict(findings: Findings, row: Row) -> Cell:
    step = findings.steps.get(row.variant.name)
    return Cell(MISSING) if step is None else Cell(step.verdict, word=step.verdict.replace(" ", "-"))


def _stopped(row: Row) -> Cell:
    text = stopped(row.comparison) if row.comparison else ""
    return Cell(text or MISSING, row.comparison.looks[-1].seeds if row.comparison and text else None)


def _seeds_needed(row: Row) -> Cell:
    needed = row.comparison.seeds_needed if row.comparison else None
    return Cell(MISSING if needed is None else str(needed), needed)


def _chosen(path: str) -> Callable[[Row], Cell]:
    def fill(row: Row) -> Cell:
        value = (row.variant.chosen or {}).get(path)
        sort = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        return Cell(MISSING if value is None else plain(value), sort)

    return fill


def _published(unit: Measure, row: Row) -> Cell:
    published = row.variant.reference.values.get(unit.key) if row.variant.reference else None
    return Cell(MISSING) if published is None else Cell(published_text(unit, published), published.value)
