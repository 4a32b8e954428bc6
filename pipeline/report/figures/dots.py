"""Dots: every replicate of every variant, with the mean and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from pipeline.report.figures.axis import quick_ticks
from pipeline.report.figures.chart import Chart, finish, mark, stroke
from pipeline.report.figures.rows import replicate_band, row_figure
from pipeline.report.figures.svg import INK, MUTED
from pipeline.report.findings import Findings, Row
from pipeline.report.measure import Estimate
from pipeline.report.styles import Style, Styles

KEY = "dots"


@dataclass(frozen=True)
class Dots:
    """One variant's replicates by seed, their mean and interval, and a published value, in the shown unit."""

    name: str
    style: Style
    values: Sequence[float]
    estimate: Estimate
    published: float | None


def dots(findings: Findings, styles: Styles) -> Chart | None:
    """Draw the plot, or return None where nothing was measured."""
    info = dots_info(findings, styles)
    if not info:
        return None
    figure, axes = row_figure([row.name for row in info])
    for position, row in enumerate(info):
        _draw(axes, position, row)
    baseline = next((row.estimate.mean for row in info if row.name == findings.ablation.baseline), None)
    if baseline is not None:
        axes.axvline(baseline, color=INK, linewidth=0.9, linestyle=(0, (3, 3)), zorder=0.5)
    axes.set_xlabel(findings.measure.label)
    quick_ticks(axes)
    return finish(figure, KEY, "Every replicate", _caption(info), _alt(findings, info))


def dots_info(findings: Findings, styles: Styles) -> list[Dots]:
    """Return every variant that measured something, best mean first."""
    return [info for row in findings.rows if (info := _dots(findings, row, styles)) is not None]


def _dots(findings: Findings, row: Row, styles: Styles) -> Dots | None:
    if row.interval is None:
        return None
    unit = findings.measure
    values = [value for replicate in row.variant.replicates if (value := unit.of(replicate)) is not None]
    published = row.variant.reference.values.get(unit.key) if row.variant.reference else None
    return Dots(
        name=row.variant.name,
        style=styles[row.variant.name],
        values=[value * unit.factor for value in values],
        estimate=unit.scaled(row.interval),
        published=None if published is None else published.value * unit.factor,
    )


def _draw(axes: Axes, position: int, row: Dots) -> None:
    replicate_band(axes, position, row.estimate, row.values, row.style)
    if row.published is not None:
        mark(stroke(axes, [row.published], [position], "*", color=MUTED, markersize=10), row.style)


def _caption(info: Sequence[Dots]) -> str:
    caption = (
        "One dot per replicate (training seed), the mean as a stroke, its 95 % t interval as a band; "
        "dashed: the baseline's mean."
    )
    return caption + (" Star: a published value." if any(row.published is not None for row in info) else "")


def _alt(findings: Findings, info: Sequence[Dots]) -> str:
    decimals = findings.measure.decimals
    return "; ".join(
        f"{row.name} mean {row.estimate.mean:.{decimals}f} over {len(row.values)}" for row in info
    )
