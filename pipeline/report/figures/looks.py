"""Looks: each variant's difference from the baseline by the number of seeds, and where it stopped."""

from dataclasses import dataclass

from pipeline.report.figures.axis import quick_ticks
from pipeline.report.figures.chart import Chart, finish
from pipeline.report.figures.rows import difference_figure, note, point
from pipeline.report.findings import Findings, Row
from pipeline.report.measure import Estimate
from pipeline.report.styles import Style, Styles
from pipeline.stats.compare import Comparison

KEY = "looks"


@dataclass(frozen=True)
class Stop:
    """One variant at one look, in the shown unit; `text` says what came of it where it was the last."""

    name: str
    seeds: int
    style: Style
    estimate: Estimate
    settled: bool
    text: str


def looks(findings: Findings, styles: Styles) -> Chart | None:
    """Draw every look at every variant, or return None where there was one look at all."""
    stops = looks_info(findings, styles)
    if not stops:
        return None
    names = [f"{stop.name} · {stop.seeds}" for stop in stops]
    figure, axes = difference_figure(names, findings.measure, findings.margin)
    for row, stop in enumerate(stops):
        point(axes, row, stop.estimate, stop.style, stop.settled)
        note(axes, row, stop.text)
    caption = (
        "A row for each look: the number of seeds, and the difference with the interval that was tested then. All looks "
        "together, and all variants, are wrong in 5 % of ablations at most; differences that stop early look too large. "
        "Hollow: not settled yet."
    )
    alt = "; ".join(f"{stop.name} after {stop.seeds} seeds {stop.text}".rstrip() for stop in stops)
    quick_ticks(axes)
    return finish(figure, KEY, "Differences by number of seeds", caption, alt)


def looks_info(findings: Findings, styles: Styles) -> list[Stop]:
    """Return every look, variant by variant, the best mean first; none where no variant was looked at more than once."""
    compared = [(row, row.comparison) for row in findings.rows if row.comparison is not None]
    if not any(len(comparison.planned) > 1 for _, comparison in compared):
        return []
    return [stop for row, comparison in compared for stop in _stops(findings, row, comparison, styles)]


def _stops(findings: Findings, row: Row, comparison: Comparison, styles: Styles) -> list[Stop]:
    unit, last = findings.measure, len(comparison.looks) - 1
    return [
        Stop(
            name=row.variant.name,
            seeds=look.seeds,
            style=styles[row.variant.name],
            estimate=unit.scaled(look.difference),
            settled=place == last and comparison.verdict != "inconclusive",
            text=stopped(comparison) if place == last else "",
        )
        for place, look in enumerate(comparison.looks)
    ]


def stopped(comparison: Comparison) -> str:
    """Return in words after how many of its seeds a variant stopped, and why."""
    if not comparison.looks:
        return ""
    seeds, most = comparison.looks[-1].seeds, comparison.planned[-1]
    if comparison.verdict != "inconclusive":
        return f"settled after {seeds} of {most}"
    return f"hopeless after {seeds} of {most}" if comparison.hopeless else f"open after {seeds} of {most}"
