"""Logarithmic axes over many decades, with few labels."""

from math import ceil, floor, log10
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

from pipeline.report.figures.canvas import sparse_log

FEW = 2.5  # decades, over which `sparse_log` has ticks between


def few_decades(axes: Axes, which: Literal["x", "y"], most: int) -> None:
    """Make an axis logarithmic, with at most `most` labels: every decade, or every second, third..."""
    sparse_log(axes, which)
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    if log10(high / low) > FEW:
        axis = axes.xaxis if which == "x" else axes.yaxis
        axis.set_major_locator(FixedLocator([10.0**decade for decade in decades(low, high, most)]))


def decades(low: float, high: float, most: int) -> list[int]:
    """Return at most `most` evenly spaced powers of ten within `low`..`high` (both positive), the highest among them."""
    inside = range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)
    step = -(-len(inside) // most) or 1
    return list(inside)[::-1][::step][::-1]
