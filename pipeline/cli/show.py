"""The report's rankings in a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report.across import groups
from pipeline.report.findings import Findings, Row, find
from pipeline.report.published import PublishedComparison, published_comparisons, published_text
from pipeline.report.published import sentence as words_of
from pipeline.report.tables import training
from pipeline.report.texts import p_value
from pipeline.result_files.read import Timings, read, untimed

WIDE = 100
"""Columns of a terminal that is wide enough for the intervals of means."""
COLOURS = {"better": "green", "worse": "red", "practically equal": "blue"}


def show(results: Path, ablations: Sequence[str], times: Timings = untimed) -> None:
    """Print each ablation's conclusion and ranking; raises `UserError` for results that are missing or malformed."""
    console, study = Console(), [find(read(results, name, times)) for name in ablations]
    for findings in study:
        console.print(Text(f"\n{findings.ablation.name}: {findings.ablation.question}", style="bold"))
        for sentence in findings.conclusion:
            console.print(Text(sentence))
        console.print(_table(findings, wide=console.width >= WIDE))
        for caution in findings.cautions:
            console.print(Text(f"Care: {caution.sentence}", style="yellow"))
        for comparison in published_comparisons(findings.ablation):
            console.print(_published_line(comparison))
        console.print(Text(training(findings.ablation), style="dim"))
    for group in groups(study):
        console.print(Text(f"\n{group.name}, across data sets: {group.question}", style="bold"))
        for sentence in group.sentences:
            console.print(Text(sentence))


def _published_line(comparison: PublishedComparison) -> Text:
    """Return a line that compares a published value with ours."""
    published = published_text(comparison.unit, comparison.published)
    ours = comparison.unit.text(comparison.agreement.ours.mean) if comparison.agreement else "none"
    values = f"{comparison.variant.name}, {comparison.value.label}: published {published}, ours {ours}"
    return Text.assemble(
        f"{values}, ",
        (comparison.word, "red" if comparison.word == "differs" else "green"),
        f". {words_of(comparison)}",
    )


def _table(findings: Findings, wide: bool) -> Table:
    """Return the ranking; `wide`: with the intervals of means."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("variant", no_wrap=True)
    table.add_column(findings.measure.label, justify="right")
    for heading in (*(["95 % interval"] if wide else []), "difference [interval]", "p (adjusted)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in findings.rows:
        table.add_row(*_cells(findings, row, wide))
    return table


def _cells(findings: Findings, row: Row, wide: bool) -> list[Text]:
    measure, interval, comparison = findings.measure, row.interval, row.comparison
    mean = measure.text(interval.mean) if interval else "diverged"
    ends = (interval.low, interval.high) if interval else (None, None)
    span = "–".join(measure.bound(end) for end in ends if end is not None)
    p = p_value(comparison.p_holm) if comparison and comparison.p_holm is not None else ""
    verdict = comparison.verdict if comparison else "baseline"
    cells = [row.variant.name, mean, *([span] if wide else []), measure.interval(row.difference), p]
    return [*map(Text, cells), Text(verdict, style=COLOURS.get(verdict, "dim"))]
