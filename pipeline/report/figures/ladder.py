"""Staircase of a ladder: every rung's mean, and what its own change added to the rung before."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from pipeline.report.figures.axis import quick_ticks
from pipeline.report.figures.chart import Chart, finish, stroke
from pipeline.report.figures.rows import note, point, row_figure
from pipeline.report.figures.svg import MUTED
from pipeline.report.findings import Findings
from pipeline.report.measure import Estimate
from pipeline.report.styles import Style, Styles

KEY = "staircase"


@dataclass(frozen=True)
class Rung:
    """One rung in the shown unit; `step` is its difference from the rung before in words, empty for the first."""

    name: str
    style: Style
    estimate: Estimate
    step: str
    settled: bool


def staircase(findings: Findings, styles: Styles) -> Chart | None:
    """Draw the staircase, or return None for anything but a ladder with results."""
    rungs = staircase_info(findings, styles)
    if not rungs:
        return None
    figure, axes = row_figure([rung.name for rung in rungs], right=172)
    _draw_steps(axes, rungs)
    for row, rung in enumerate(rungs):
        point(axes, row, rung.estimate, rung.style, rung.settled)
        note(axes, row, rung.step)
    axes.set_xlabel(findings.measure.label)
    caption = (
        "Each rung keeps the changes of those above it and adds one. Mean with its 95 % t interval; to the "
        "right the difference from the rung before, adjusted for the number of steps. Hollow: that step is inconclusive."
    )
    alt = "; ".join(f"{rung.name} {rung.step}".strip() for rung in rungs)
    quick_ticks(axes)
    return finish(figure, KEY, "Step by step", caption, alt)


def staircase_info(findings: Findings, styles: Styles) -> list[Rung]:
    """Return the rungs that were measured, in the order they were written; none for other kinds."""
    if findings.ablation.kind != "ladder":
        return []
    names = [variant.name for variant in findings.ablation.variants]
    return [rung for name in names if (rung := _rung(findings, name, styles[name])) is not None]


def _rung(findings: Findings, name: str, style: Style) -> Rung | None:
    interval = findings.row(name).interval
    if interval is None:
        return None
    step = findings.steps.get(name)
    return Rung(
        name=name,
        style=style,
        estimate=findings.measure.scaled(interval),
        step="" if step is None else findings.measure.interval(step.difference),
        settled=step is None or step.verdict != "inconclusive",
    )


def _draw_steps(axes: Axes, rungs: Sequence[Rung]) -> None:
    means = [rung.estimate.mean for rung in rungs]
    across = [mean for mean in means for _ in range(2)][:-1]
    down = [row for row in range(len(rungs)) for _ in range(2)][1:]
    stroke(axes, across, down, color=MUTED, linewidth=1)
