"""Activation functions: value and slope, with the ranges shaded over which they saturate."""

from collections.abc import Sequence

import numpy as np

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish
from pipeline.report.figures.svg import BAND, INK, MUTED, series
from pipeline.report.styles import Styles
from pipeline.report.texts import number, plain, shortened
from pipeline.result_files.diagnostics import Outcome
from pipeline.stats.formatting import listed

SIZE = (258, 200)
HEIGHT = (-2.1, 3.0)


def function_charts(outcomes: Sequence[Outcome], styles: Styles) -> list[Chart]:
    """Draw every activation function once, in the colour of the first variant that uses it."""
    return [_chart(place, outcome, styles) for place, outcome in enumerate(outcomes)]


def saturation(outcome: Outcome) -> str:
    """Return where a function saturates, in words."""
    ends = outcome["x"][0], outcome["x"][-1]
    ranges = [_range_text(low, high, ends) for low, high in outcome["saturated"]]
    return f"Saturates {' and '.join(ranges)}." if ranges else "Does not saturate."


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
    for low, high in outcome["saturated"]:
        axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.plot(x, slope, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.plot(x, value, color=series(styles[outcome["variants"][0]]), linewidth=2.2)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(*HEIGHT)
    title = shortened(activation_name(outcome["activation"]), 34)
    alt = f"{activation_name(outcome['activation'])} and its slope from -6 to 6. {saturation(outcome)}"
    caption = f"{saturation(outcome)} Used by {listed(outcome['variants'])}."
    return finish(figure, f"function-{place}", title, caption, alt)
