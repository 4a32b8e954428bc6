"""Activation functions: value and slope, the ranges over which they saturate, and the middle where they are linear."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish
from pipeline.report.figures.svg import BAND, INK, MUTED, series
from pipeline.report.styles import Styles
from pipeline.report.texts import number, plain, shortened
from pipeline.result_files.diagnostics import Outcome
from pipeline.stats.formatting import listed

SIZE = (258, 200)
HEIGHT = (-2.1, 3.0)
BOUNDED_HEIGHT = (-1.45, 1.75)
NEAR = 0.05
"""The part of its range by which a function may differ from its tangent and still count as linear."""
STEEPEST = 0.999
"""The part of the greatest slope from which a slope counts as the greatest: a line has it everywhere."""
LABELLED = 2.8
"""The width of a saturated range in which the word fits."""


@dataclass(frozen=True)
class Middle:
    """Where a function that saturates at both ends is nearly linear, and its tangent where it is steepest: `slope * x +
    offset`.
    """

    low: float
    high: float
    slope: float
    offset: float


def function_charts(outcomes: Sequence[Outcome], styles: Styles) -> list[Chart]:
    """Draw every activation function once, in the colour of the first variant that uses it."""
    return [_chart(place, outcome, styles) for place, outcome in enumerate(outcomes)]


def saturation(outcome: Outcome) -> str:
    """Return where a function saturates, in words."""
    ends = outcome["x"][0], outcome["x"][-1]
    ranges = [_range_text(low, high, ends) for low, high in outcome["saturated"]]
    return f"Saturates {' and '.join(ranges)}." if ranges else "Does not saturate."


def middle(outcome: Outcome) -> Middle | None:
    """Return the linear middle of a function that saturates at both ends; None for any other."""
    x, value, slope = (np.array(outcome[key], float) for key in ("x", "value", "slope"))
    saturated = outcome["saturated"]
    if len(saturated) < 2 or saturated[0][0] > x[0] or saturated[-1][1] < x[-1]:
        return None
    steepest = np.flatnonzero(np.abs(slope) >= STEEPEST * np.abs(slope).max())
    at = int(steepest[len(steepest) // 2])
    offset = value[at] - slope[at] * x[at]
    far = np.flatnonzero(np.abs(value - slope[at] * x - offset) > NEAR * np.ptp(value))
    return Middle(
        low=float(x[far[far < at].max(initial=-1) + 1]),
        high=float(x[far[far > at].min(initial=len(x)) - 1]),
        slope=float(slope[at]),
        offset=float(offset),
    )


def _linearity(found: Middle) -> str:
    return f"Nearly linear from {_signed(found.low)} to {_signed(found.high)}."


def _range_text(low: float, high: float, ends: tuple[float, float]) -> str:
    if low <= ends[0] and high >= ends[1]:
        return "everywhere"
    if low <= ends[0]:
        return f"below {_signed(high)}"
    return f"above {_signed(low)}" if high >= ends[1] else f"from {_signed(low)} to {_signed(high)}"


def _signed(value: float) -> str:
    return number(round(value, 1)).replace("-", "−")


def activation_name(activation: Outcome) -> str:
    """Return an activation with its arguments: `leaky_relu (negative_slope 0.1)`."""
    rest = ", ".join(f"{key} {plain(value)}" for key, value in activation.items() if key != "name")
    return f"{activation['name']} ({rest})" if rest else str(activation["name"])


def _chart(place: int, outcome: Outcome, styles: Styles) -> Chart:
    x, value, slope = (np.array(outcome[key], float) for key in ("x", "value", "slope"))
    figure, axes = blank_figure(*SIZE, Margins(left=34, bottom=30))
    linear = middle(outcome)
    height = HEIGHT if linear is None else BOUNDED_HEIGHT
    _shade(axes, outcome["saturated"], height[1])
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.plot(x, slope, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    if linear is not None:
        _draw_middle(axes, linear)
    axes.plot(x, value, color=series(styles[outcome["variants"][0]]), linewidth=2.2)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(*height)
    title = shortened(activation_name(outcome["activation"]), 34)
    seen = " ".join([saturation(outcome), *([] if linear is None else [_linearity(linear)])])
    alt = f"{activation_name(outcome['activation'])} and its slope from -6 to 6. {seen}"
    caption = f"{seen} Used by {listed(outcome['variants'])}."
    return finish(figure, f"function-{place}", title, caption, alt)


def _shade(axes: Axes, saturated: Sequence[Sequence[float]], top: float) -> None:
    for low, high in saturated:
        axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
        if high - low > LABELLED:
            _label(axes, (low + high) / 2, top - 0.1, "saturated")


def _draw_middle(axes: Axes, found: Middle) -> None:
    """Draw the tangent through the middle, and how far the function follows it."""
    ends = np.array([found.low, found.high])
    long = ends + 0.6 * (found.high - found.low) * np.array([-1, 1])
    axes.plot(long, found.slope * long + found.offset, color=MUTED, linewidth=1.2, linestyle=(0, (1, 1.5)))
    axes.plot(ends, [BOUNDED_HEIGHT[0] + 0.42] * 2, color=MUTED, linewidth=1.2, marker="|", markersize=6)
    _label(axes, ends.mean(), BOUNDED_HEIGHT[0] + 0.34, "linear")


def _label(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, color=MUTED, fontsize=9.5, ha="center", va="top")
