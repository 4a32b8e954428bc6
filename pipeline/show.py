"""The report's rankings in a terminal."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.report.findings import Findings, Row, find
from pipeline.report.references import Claim, claims, figure_text, named
from pipeline.report.references import sentence as words_of
from pipeline.report.results import Times, read, untimed
from pipeline.report.tables import training
from pipeline.report.texts import p_value

WIDE = 100  # columns
COLOURS = {"better": "green", "worse": "red", "practically equal": "blue"}


def show(results: Path, ablations: Sequence[str], times: Times = untimed) -> None:
    """Print each ablation's conclusion and ranking; raises `UserError` for results that are missing or malformed."""
    console = Console()
    for name in ablations:
        found = find(read(results, name, times))
        console.print(Text(f"\n{name}: {found.ablation.question}", style="bold"))
        for sentence in found.conclusion[1:]:
            console.print(Text(sentence))
        console.print(_table(found, wide=console.width >= WIDE))
        for claim in claims(found.ablation):
            console.print(_beside(claim))
        console.print(Text(training(found.ablation), style="dim"))


def _beside(claim: Claim) -> Text:
    """Return a published figure beside ours in a line."""
    document = figure_text(claim.unit, claim.published, claim.reference.decimals)
    ours = claim.unit.text(claim.agreement.ours.mean) if claim.agreement else "none"
    what = f"{claim.variant.name}, {named(claim.metric)}: published {document}, ours {ours}"
    return Text.assemble(
        f"{what}, ", (claim.word, "red" if claim.word == "differs" else "green"), f". {words_of(claim)}"
    )


def _table(found: Findings, wide: bool) -> Table:
    """Return the ranking; a `wide` one has the intervals of the means too."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("variant", no_wrap=True)
    table.add_column(found.measure.label, justify="right")
    for heading in (*(["95 % interval"] if wide else []), "difference [95 %]", "p (Holm)"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in found.rows:
        table.add_row(*_cells(found, row, wide))
    return table


def _cells(found: Findings, row: Row, wide: bool) -> list[Text]:
    measure, interval, comparison = found.measure, row.interval, row.comparison
    mean = measure.text(interval.mean) if interval else "diverged"
    ends = (interval.low, interval.high) if interval else (None, None)
    span = "–".join(measure.bound(end) for end in ends if end is not None)
    p = p_value(comparison.p_holm) if comparison and comparison.p_holm is not None else ""
    verdict = comparison.verdict if comparison else "baseline"
    cells = [row.variant.name, mean, *([span] if wide else []), measure.interval(row.difference), p]
    return [*map(Text, cells), Text(verdict, style=COLOURS.get(verdict, "dim"))]
