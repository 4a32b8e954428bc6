"""What accuracy costs: parameters and training time against the metric, with the front that nothing beats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from pipeline.report.figures.canvas import (
    PIXELS_PER_INCH,
    Figure,
    Margins,
    canvas,
    finish,
    label_room,
    mark,
    quick_ticks,
    sparse_log,
    stroke,
)
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.findings import Findings
from pipeline.report.results import Variant
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import number, shortened

_ASIDE = ((6, 6), (-6, 6), (6, -14), (-6, -14))
"""Where a name may stand beside its mark, in pixels to the right and up."""


@dataclass(frozen=True)
class Cost:
    """Something that a variant costs: how it is asked for, and how it is named.

    Costs that differ by less than the factor `alike` tell nothing about accuracy.
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
    """One variant: its cost, mean and interval in the shown unit.

    `front`: no variant is both at least as cheap and at least as good, and better in one of the two.
    """

    name: str
    style: Style
    cost: float
    mean: float
    low: float | None
    high: float | None
    front: bool


def seconds_of(variant: Variant) -> float | None:
    """Return the mean seconds that a finished replicate trained, or None where the store has no times."""
    took = [
        run.seconds for run in variant.replicates if run.outcome == "finished" and run.seconds is not None
    ]
    return fmean(took) if took else None


PARAMETERS = Cost("size", lambda variant: variant.parameters, "parameters", "parameters", "smaller", 1.05)
SECONDS = Cost(
    "time",
    seconds_of,
    "seconds of training, a run",
    "training time",
    "faster",
    1.3,
    " Times are means over replicates; runs that trained together count their share of the time, so they tell "
    "of these stacks on this machine, and small differences mean nothing.",
)


def fronts(findings: Findings, styles: Styles) -> list[Figure]:
    """Draw accuracy by parameters and by training time, each where variants differ in it."""
    return [figure for cost in (PARAMETERS, SECONDS) if (figure := front(findings, styles, cost)) is not None]


def front(findings: Findings, styles: Styles, cost: Cost) -> Figure | None:
    """Draw the metric by a cost, or return None where all variants cost about the same, or nobody knows."""
    info = front_info(findings, styles, cost)
    if len(info) < 2 or info[-1].cost < cost.alike * info[0].cost:
        return None
    figure, axes = canvas(WIDE, 300, Margins(left=50, top=18, right=24))
    _draw_front(axes, [point for point in info if point.front])
    for point in info:
        _draw(axes, point)
    _cost_axis(axes, cost, info)
    _name_front(axes, info)
    unit = findings.measure
    caption = f"Mean with its 95 % t interval. The line joins the variants that no {cost.cheaper} one beats.{cost.note}"
    alt = "; ".join(f"{p.name}: {number(p.cost)} {cost.axis}, {p.mean:.{unit.decimals}f}" for p in info)
    quick_ticks(axes)
    return finish(figure, cost.key, f"{unit.label.capitalize()} by {cost.title}", caption, alt)


def front_info(findings: Findings, styles: Styles, cost: Cost) -> list[Point]:
    """Return every measured variant of known cost, the cheapest first, among equals the best first."""
    sign, factor = (1 if findings.measure.higher_is_better else -1), findings.measure.factor
    measured = [
        (price, row.variant.name, row.interval)
        for row in findings.rows
        if row.interval is not None and (price := cost.of(row.variant)) is not None
    ]
    measured.sort(key=lambda entry: (entry[0], -sign * entry[2].mean))
    found: list[Point] = []
    best = float("-inf")
    for price, name, interval in measured:
        low, high = (None if end is None else end * factor for end in (interval.low, interval.high))
        leads = sign * interval.mean > best
        best = max(best, sign * interval.mean)
        found.append(Point(name, styles[name], price, interval.mean * factor, low, high, leads))
    return found


def _draw_front(axes: Axes, front: Sequence[Point]) -> None:
    """Draw a staircase: what is to be had at most for a cost."""
    across = [point.cost for point in front for _ in range(2)][1:]
    up = [point.mean for point in front for _ in range(2)][:-1]
    stroke(axes, across, up, color=MUTED, linewidth=1)


def _draw(axes: Axes, point: Point) -> None:
    colour, x = series(point.style), point.cost
    if point.low is not None and point.high is not None:
        reach = stroke(axes, [x, x], [point.low, point.high], color=colour, linewidth=1.6, alpha=0.7)
        mark(reach, point.style)
    mark(stroke(axes, [x], [point.mean], point.style.marker, color=colour, markersize=7), point.style)


def _cost_axis(axes: Axes, cost: Cost, info: Sequence[Point]) -> None:
    axes.set_xlabel(cost.axis)
    axes.margins(x=0.12)
    if info[0].cost > 0 and info[-1].cost / info[0].cost > 5:
        sparse_log(axes, "x")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=info[-1].cost > 20))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 100 else f"{value:.3g}")
    )


def _name_front(axes: Axes, info: Sequence[Point]) -> None:
    """Name the variants on the front, each where its name meets no other and does not leave the frame, if anywhere."""
    pixel = axes.figure.dpi / PIXELS_PER_INCH
    axes.autoscale_view()  # positions are to be those that will be drawn
    frame = axes.get_window_extent()
    taken: list[Bbox] = []
    for point in (point for point in info if point.front):
        name = shortened(point.name, 22)
        x, y = axes.transData.transform((point.cost, point.mean))
        for right, up in _ASIDE:
            box = _name_box(name, x + right * pixel, y + up * pixel, right > 0, pixel)
            if frame.x0 <= box.x0 and box.x1 <= frame.x1 and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                aside: dict[str, Any] = {"xytext": (right, up), "ha": "left" if right > 0 else "right"}
                spot = (point.cost, point.mean)
                axes.annotate(name, spot, textcoords="offset points", color=INK, fontsize=10, **aside)
                break


def _name_box(name: str, x: float, y: float, rightwards: bool, pixel: float) -> Bbox:
    width = pixel * (label_room([name]) - label_room([]))
    left = x if rightwards else x - width
    return Bbox.from_bounds(left, y - 3 * pixel, width, 13 * pixel)
