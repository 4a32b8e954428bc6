"""Parameters against the metric, with the front of variants that no smaller one beats."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish, mark, sparse_log
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.findings import Findings
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import shortened

KEY = "size"
ALIKE = 1.05
"""Parameters that differ by less than this factor tell nothing about accuracy."""


@dataclass(frozen=True)
class Sized:
    """One variant: parameters, mean and interval in the shown unit, and whether it lies on the front."""

    name: str
    style: Style
    parameters: int
    mean: float
    low: float | None
    high: float | None
    front: bool


def size(findings: Findings, styles: Styles) -> Figure | None:
    """Draw the figure, or return None where all variants are of about one size."""
    info = size_info(findings, styles)
    if not info or info[-1].parameters < ALIKE * info[0].parameters:
        return None
    figure, axes = canvas(WIDE, 300, Margins(left=50, top=18, right=24))
    front = [point for point in info if point.front]
    axes.step([p.parameters for p in front], [p.mean for p in front], where="post", color=MUTED, linewidth=1)
    for point in info:
        _draw(axes, point)
    _parameter_axis(axes, info)
    caption = "Mean with its 95 % t interval. The line joins the variants that no smaller one beats."
    alt = "; ".join(
        f"{p.name}: {p.parameters:,} parameters, {p.mean:.{findings.measure.decimals}f}" for p in info
    )
    return finish(figure, KEY, f"{findings.measure.label.capitalize()} by parameters", caption, alt)


def size_info(findings: Findings, styles: Styles) -> list[Sized]:
    """Return every measured variant, the smallest first, among equals the best first."""
    sign = 1 if findings.measure.higher_is_better else -1
    measured = [(row.variant, row.interval) for row in findings.rows if row.interval is not None]
    measured.sort(key=lambda pair: (pair[0].parameters, -sign * pair[1].mean))
    found: list[Sized] = []
    best = float("-inf")
    for variant, interval in measured:
        factor = findings.measure.factor
        low, high = (None if end is None else end * factor for end in (interval.low, interval.high))
        front = sign * interval.mean > best
        best = max(best, sign * interval.mean)
        found.append(
            Sized(
                variant.name,
                styles[variant.name],
                variant.parameters,
                interval.mean * factor,
                low,
                high,
                front,
            )
        )
    return found


def _draw(axes: Axes, point: Sized) -> None:
    colour, x = series(point.style), point.parameters
    if point.low is not None and point.high is not None:
        mark(
            axes.plot([x, x], [point.low, point.high], color=colour, linewidth=1.6, alpha=0.7)[0], point.style
        )
    mark(axes.plot([x], [point.mean], point.style.marker, color=colour, markersize=7)[0], point.style)
    if point.front:
        name = shortened(point.name, 22)
        axes.annotate(name, (x, point.mean), (5, 6), textcoords="offset points", color=INK, fontsize=10)


def _parameter_axis(axes: Axes, info: Sequence[Sized]) -> None:
    axes.set_xlabel("parameters")
    axes.margins(x=0.12)
    if info[0].parameters > 0 and info[-1].parameters / info[0].parameters > 5:
        sparse_log(axes, "x")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
