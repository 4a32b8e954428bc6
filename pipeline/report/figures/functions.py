"""Activation functions: value and slope, with the stretches shaded over which they saturate."""

from collections.abc import Sequence

import numpy as np

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish
from pipeline.report.figures.svg import BAND, INK, MUTED, series
from pipeline.report.observations import Look
from pipeline.report.styles import Styles
from pipeline.report.texts import number, plain, shortened
from pipeline.stats.wording import listed

SIZE = (258, 200)
HEIGHT = (-2.1, 3.0)


def function_figures(looks: Sequence[Look], styles: Styles) -> list[Figure]:
    """Draw every activation function once, in the colour of the first variant that uses it."""
    return [_figure(number_, look, styles) for number_, look in enumerate(looks)]


def saturation(look: Look) -> str:
    """Return where a function saturates, in words."""
    ends = look["x"][0], look["x"][-1]
    stretches = [_stretch(low, high, ends) for low, high in look["saturated"]]
    return f"Saturates {' and '.join(stretches)}." if stretches else "Does not saturate."


def _stretch(low: float, high: float, ends: tuple[float, float]) -> str:
    if low <= ends[0] and high >= ends[1]:
        return "everywhere"
    if low <= ends[0]:
        return f"below {_signed(high)}"
    return f"above {_signed(low)}" if high >= ends[1] else f"from {_signed(low)} to {_signed(high)}"


def _signed(value: float) -> str:
    return number(round(value, 1)).replace("-", "−")


def name_of(activation: Look) -> str:
    """Return an activation with its arguments: `leaky_relu (negative_slope 0.1)`."""
    rest = ", ".join(f"{key} {plain(value)}" for key, value in activation.items() if key != "name")
    return f"{activation['name']} ({rest})" if rest else str(activation["name"])


def _figure(place: int, look: Look, styles: Styles) -> Figure:
    x, value, slope = (np.array(look[key], float) for key in ("x", "value", "slope"))
    figure, axes = canvas(*SIZE, Margins(left=34, bottom=30))
    for low, high in look["saturated"]:
        axes.axvspan(low, high, color=BAND, linewidth=0, zorder=0)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.plot(x, slope, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.plot(x, value, color=series(styles[look["variants"][0]]), linewidth=2.2)
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(*HEIGHT)
    title = shortened(name_of(look["activation"]), 34)
    alt = f"{name_of(look['activation'])} and its slope from -6 to 6. {saturation(look)}"
    return finish(
        figure, f"function-{place}", title, f"{saturation(look)} Used by {listed(look['variants'])}.", alt
    )
