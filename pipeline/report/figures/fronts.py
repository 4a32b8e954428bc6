"""What accuracy costs: parameters and training time against the metric, with the front that nothing beats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from pipeline.report.figures.axis import quick_ticks, sparse_log
from pipeline.report.figures.chart import (
    PIXELS_PER_INCH,
    Chart,
    Margins,
    blank_figure,
    finish,
    label_room,
    mark,
    stroke,
)
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.findings import Findings
from pipeline.report.measure import Estimate
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import number, shortened
from pipeline.result_files.schema import Variant

_OFFSETS = ((6, 6), (-6, 6), (6, -14), (-6, -14))
"""Where a name may be next to its mark, in pixels to the right and up."""


@dataclass(frozen=True)
class Cost:
    """Something that a variant costs: how it is read from a variant, and what it is called.

    Where costs differ by less than the factor `alike`, they explain nothing about accuracy.
    """

    key: str
    of: Callable[[Variant], float | None]
    axis: str
    title: str
    cheaper: str
    alike: float
    note: str = ""


@dataclass(frozen=True)
class Point:
    """One variant: its cost, and its mean with the interval in the shown unit.

    `front`: no variant is both at least as cheap and at least as good, and better in one of the two.
    """

    name: str
    style: Style
    cost: float
    estimate: Estimate
    front: bool


def seconds_of(variant: Variant) -> float | None:
    """Return the mean seconds that a finished replicate trained, or None where the store has no times."""
    seconds = [
        run.seconds for run in variant.replicates if run.outcome == "finished" and run.seconds is not None
    ]
    return fmean(seconds) if seconds else None


PARAMETERS = Cost("size", lambda variant: variant.parameters, "parameters", "parameters", "smaller", 1.05)
SECONDS = Cost(
    "time",
    seconds_of,
    "seconds of training, a run",
    "training time",
    "faster",
    1.3,
    " Times are means over replicates; of a stack's time each run counts an equal share. They hold for these stacks "
    "on this machine, and small differences mean nothing.",
)


def fronts(findings: Findings, styles: Styles) -> list[Chart]:
    """Draw accuracy by parameters and by training time, each where variants differ in it."""
    return [chart for cost in (PARAMETERS, SECONDS) if (chart := front(findings, styles, cost)) is not None]


def front(findings: Findings, styles: Styles, cost: Cost) -> Chart | None:
    """Draw the metric by a cost, or return None where all variants cost about the same, or costs are unknown."""
    info = front_info(findings, styles, cost)
    if len(info) < 2 or info[-1].cost < cost.alike * info[0].cost:
        return None
    figure, axes = blank_figure(WIDE, 300, Margins(left=50, top=18, right=24))
    _draw_front(axes, [point for point in info if point.front])
    for point in info:
        _draw(axes, point)
    _cost_axis(axes, cost, info)
    _name_front(axes, info)
    unit = findings.measure
    caption = f"Mean with its 95 % t interval. The line joins the variants that no {cost.cheaper} one beats.{cost.note}"
    alt = "; ".join(
        f"{p.name}: {number(p.cost)} {cost.axis}, {p.estimate.mean:.{unit.decimals}f}" for p in info
    )
    quick_ticks(axes)
    return finish(figure, cost.key, f"{unit.label.capitalize()} by {cost.title}", caption, alt)


def front_info(findings: Findings, styles: Styles, cost: Cost) -> list[Point]:
    """Return every measured variant of known cost, the cheapest first, among equals the best first."""
    sign = 1 if findings.measure.higher_is_better else -1
    measured = [
        (price, row.variant.name, row.interval)
        for row in findings.rows
        if row.interval is not None and (price := cost.of(row.variant)) is not None
    ]
    measured.sort(key=lambda entry: (entry[0], -sign * entry[2].mean))
    points: list[Point] = []
    best = float("-inf")
    for price, name, interval in measured:
        leads = sign * interval.mean > best
        best = max(best, sign * interval.mean)
        points.append(Point(name, styles[name], price, findings.measure.scaled(interval), leads))
    return points


def _draw_front(axes: Axes, front: Sequence[Point]) -> None:
    """Draw a staircase: the best mean that is reached at each cost."""
    across = [point.cost for point in front for _ in range(2)][1:]
    up = [point.estimate.mean for point in front for _ in range(2)][:-1]
    stroke(axes, across, up, color=MUTED, linewidth=1)


def _draw(axes: Axes, point: Point) -> None:
    colour, x = series(point.style), point.cost
    if point.estimate.ends is not None:
        line = stroke(axes, [x, x], point.estimate.ends, color=colour, linewidth=1.6, alpha=0.7)
        mark(line, point.style)
    dot = stroke(axes, [x], [point.estimate.mean], point.style.marker, color=colour, markersize=7)
    mark(dot, point.style)


def _cost_axis(axes: Axes, cost: Cost, info: Sequence[Point]) -> None:
    axes.set_xlabel(cost.axis)
    axes.margins(x=0.12)
    if info[0].cost > 0 and info[-1].cost / info[0].cost > 5:
        sparse_log(axes, "x")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=info[-1].cost > 20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _cost_text(value)))


def _cost_text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _name_front(axes: Axes, info: Sequence[Point]) -> None:
    """Name the variants on the front, each where its name overlaps no other and stays in the frame, if anywhere."""
    pixel = axes.figure.dpi / PIXELS_PER_INCH
    axes.autoscale_view()  # so that positions are those that will be drawn
    frame = axes.get_window_extent()
    taken: list[Bbox] = []
    for point in (point for point in info if point.front):
        name = shortened(point.name, 22)
        spot = (point.cost, point.estimate.mean)
        x, y = axes.transData.transform(spot)
        for right, up in _OFFSETS:
            box = _name_box(name, x + right * pixel, y + up * pixel, right > 0, pixel)
            if frame.x0 <= box.x0 and box.x1 <= frame.x1 and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                offset: dict[str, Any] = {"xytext": (right, up), "ha": "left" if right > 0 else "right"}
                axes.annotate(name, spot, textcoords="offset points", color=INK, fontsize=10, **offset)
                break


def _name_box(name: str, x: float, y: float, rightwards: bool, pixel: float) -> Bbox:
    width = pixel * (label_room([name]) - label_room([]))
    left = x if rightwards else x - width
    return Bbox.from_bounds(left, y - 3 * pixel, width, 13 * pixel)
