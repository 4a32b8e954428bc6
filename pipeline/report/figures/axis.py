"""Axes: logarithmic scales with few, round ticks, and ticks that are quick to draw."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from matplotlib.transforms import IdentityTransform, ScaledTranslation

from pipeline.report.figures.svg import LINE, MUTED

XOrY = Literal["x", "y"]

_TICK_PAD, _TITLE_PAD = 4.0, 20.0
_MANY_DECADES = 2.5
"""Above this many decades, ticks are at the decades only."""


def log_axis(axes: Axes, which: XOrY) -> Axis:
    """Make an axis logarithmic, without the minor ticks that take longest to draw, and return it."""
    getattr(axes, f"set_{which}scale")("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    return axis


def sparse_log(axes: Axes, which: XOrY, most: int | None = None) -> None:
    """Make an axis logarithmic with ticks at the decades, or at 1, 2, 5 of each where there are few.

    Where there are many, at most `most` of them have a tick: every one, or every second, third...
    """
    axis = log_axis(axes, which)
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    ticks = log_ticks(low, high)
    if most is not None and log10(high / low) > _MANY_DECADES:
        ticks = [10.0**decade for decade in decades(low, high, most)]
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
    getattr(axes, f"set_{which}lim")(low, high)


def tick_text(value: float) -> str:
    """Return a round tick without an exponent where that is short: `1,000`, not `1e+03`."""
    return f"{value:,.0f}" if 100 <= value < 1e6 else f"{value:.3g}"


def log_ticks(low: float, high: float) -> list[float]:
    """Return round ticks within `low`..`high` (both positive), or these two where fewer than two are within."""
    powers = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1.0,) if log10(high / low) > _MANY_DECADES else (1.0, 2.0, 5.0)
    ticks = [float(f"{step}e{power}") for power in powers for step in steps]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) > 1 else [low, high]


def decades(low: float, high: float, most: int) -> list[int]:
    """Return at most `most` evenly spaced powers of ten within `low`..`high` (both positive), the highest among them."""
    inside = range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)
    step = ceil(len(inside) / most) or 1
    return list(inside)[::-1][::step][::-1]


def quick_ticks(axes: Axes) -> None:
    """Draw both axes' grid, tick labels and titles as one line and plain text, and hide the axes themselves.

    It looks the same. Matplotlib makes five artists a tick and measures each label several times, which is more than
    half of a figure's time. To be called when all is drawn: limits and ticks are read only once, here.
    """
    _quick_axis(axes, axes.xaxis, axes.get_xlim(), "x")
    _quick_axis(axes, axes.yaxis, axes.get_ylim(), "y")


def _quick_axis(axes: Axes, axis: Axis, limits: tuple[float, float], which: XOrY) -> None:
    if not axis.get_visible():
        return
    places = np.asarray(axis.get_majorticklocs(), dtype=float)
    labels = axis.get_major_formatter().format_ticks(list(places))
    low, high = sorted(limits)
    slack = 1e-9 * (high - low)
    ticks = [(p, label) for p, label in zip(places, labels, strict=True) if low - slack <= p <= high + slack]
    _grid(axes, [place for place, _ in ticks], which)
    if which == "x":
        below: dict[str, Any] = {"ha": "center", "va": "top", "color": MUTED}
        for place, label in ticks:
            transform = axes.get_xaxis_transform() + _pixels(0, -_TICK_PAD)
            axes.text(place, 0.0, label, transform=transform, fontsize=10.5, **below)
        down = axes.transAxes + _pixels(0, -_TITLE_PAD)
        axes.text(0.5, 0, axes.get_xlabel(), transform=down, fontsize=11, **below)
    else:
        for place, label in ticks:
            transform = axes.get_yaxis_transform() + _pixels(-_TICK_PAD, 0)
            axes.text(
                0.0, place, label, transform=transform, color=MUTED, fontsize=10.5, ha="right", va="center"
            )
    axis.set_visible(False)


def _pixels(right: float, up: float) -> ScaledTranslation:
    return ScaledTranslation(right, up, IdentityTransform())


def _grid(axes: Axes, places: Sequence[float], which: XOrY) -> None:
    """Draw all lines of a grid as one path, behind everything."""
    at = np.repeat(places, 3)
    across = np.tile([0.0, 1.0, np.nan], len(places))
    points, transform = (
        ((at, across), axes.get_xaxis_transform())
        if which == "x"
        else ((across, at), axes.get_yaxis_transform())
    )
    axes.add_artist(Line2D(*points, transform=transform, color=LINE, linewidth=0.6, zorder=0.4))
