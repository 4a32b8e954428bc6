"""Dots: every replicate of every variant, with the mean and its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from pipeline.report.figures.canvas import Figure, finish, mark, quick_ticks, stroke
from pipeline.report.figures.rows import row_canvas
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.findings import Findings, Row
from pipeline.report.styles import Style, Styles

KEY = "dots"


@dataclass(frozen=True)
class Dots:
    """One variant's replicates by seed, their mean and interval, and a published value, in the shown unit."""

    name: str
    style: Style
    values: Sequence[float]
    mean: float
    low: float | None
    high: float | None
    reference: float | None


def dots(findings: Findings, styles: Styles) -> Figure | None:
    """Draw the plot, or return None where nothing was measured."""
    info = dots_info(findings, styles)
    if not info:
        return None
    figure, axes = row_canvas([row.name for row in info])
    for position, row in enumerate(info):
        _draw(axes, position, row)
    baseline = next((row.mean for row in info if row.name == findings.ablation.baseline), None)
    if baseline is not None:
        axes.axvline(baseline, color=INK, linewidth=0.9, linestyle=(0, (3, 3)), zorder=0.5)
    axes.set_xlabel(findings.measure.label)
    quick_ticks(axes)
    return finish(figure, KEY, "Every replicate", _caption(info), _alt(findings, info))


def dots_info(findings: Findings, styles: Styles) -> list[Dots]:
    """Return every variant that measured something, best mean first."""
    return [found for row in findings.rows if (found := _dots(findings, row, styles)) is not None]


def _dots(findings: Findings, row: Row, styles: Styles) -> Dots | None:
    if row.interval is None:
        return None
    unit, interval = findings.measure, row.interval
    values = [value for replicate in row.variant.replicates if (value := unit.of(replicate)) is not None]
    published = row.variant.reference.figures.get(unit.key) if row.variant.reference else None
    return Dots(
        name=row.variant.name,
        style=styles[row.variant.name],
        values=[value * unit.factor for value in values],
        mean=interval.mean * unit.factor,
        low=None if interval.low is None else interval.low * unit.factor,
        high=None if interval.high is None else interval.high * unit.factor,
        reference=None if published is None else published.value * unit.factor,
    )


def _draw(axes: Axes, position: int, row: Dots) -> None:
    colour = series(row.style)
    if row.low is not None and row.high is not None:
        ends, level = [row.low, row.high], [position, position]
        band = stroke(axes, ends, level, color=colour, linewidth=9, alpha=0.22, solid_capstyle="butt")
        mark(band, row.style)
    upright = [position - 0.3, position + 0.3]
    mark(stroke(axes, [row.mean] * 2, upright, color=colour, linewidth=2.2), row.style)
    heights = [position + 0.1 * (seed % 3 - 1) for seed in range(len(row.values))]
    mark(stroke(axes, row.values, heights, "o", color=colour, markersize=4.6, alpha=0.85), row.style)
    if row.reference is not None:
        mark(stroke(axes, [row.reference], [position], "*", color=MUTED, markersize=10), row.style)


def _caption(info: Sequence[Dots]) -> str:
    caption = (
        "One dot per replicate (training seed), the mean as a stroke, its 95 % t interval as a band; "
        "dashed: the baseline's mean."
    )
    return caption + (" Star: a published value." if any(row.reference is not None for row in info) else "")


def _alt(findings: Findings, info: Sequence[Dots]) -> str:
    decimals = findings.measure.decimals
    return "; ".join(f"{row.name} mean {row.mean:.{decimals}f} over {len(row.values)}" for row in info)
