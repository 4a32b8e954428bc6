"""Signals by depth: activations and gradients, layer after layer, a line for every variant."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish, mark
from pipeline.report.figures.decades import few_decades
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import MUTED, series
from pipeline.report.observations import Looks
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import number
from pipeline.stats.intervals import t_interval

SIZE = (338, 230)
TALL = 260
LEAST_SPREAD = 10.0  # a logarithmic axis shows at least this ratio, so that noise looks like noise
LOWEST, HIGHEST = 1e-15, 1e15
"""What is smaller or larger is drawn at the edge: it has vanished or exploded."""
LABELS = 7

MOMENTS = {"start": "at the start", "trained": "after training"}
QUANTITIES = {
    "gradient": ("Gradient norm", True),
    "deviation": ("Activation deviation", True),
    "mean": ("Activation mean", False),
}

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trace:
    """One variant's numbers by depth; `low` and `high` are NaN below two replicates."""

    name: str
    style: Style
    depth: Floats
    middle: Floats
    low: Floats
    high: Floats


def signal_figures(looks: Sequence[Looks], styles: Styles) -> list[Figure]:
    """Draw gradients and activations of the variants' nets by layer, at the start and after training."""
    figures = []
    for quantity, (title, log) in QUANTITIES.items():
        by_moment = {moment: signal_traces(looks, styles, moment, quantity) for moment in MOMENTS}
        limits = _limits([trace for traces in by_moment.values() for trace in traces], log)
        for moment, traces in by_moment.items():
            if traces:
                heading = f"{title}, {MOMENTS[moment]}"
                figures.append(_figure(f"signals-{quantity}-{moment}", heading, traces, limits, log, "layer"))
    return sorted(figures, key=lambda figure: figure.key.endswith("trained"))


def signal_traces(looks: Sequence[Looks], styles: Styles, moment: str, quantity: str) -> list[Trace]:
    """Return every variant's `quantity` at the `start` or once `trained`, layers counted from 1."""
    log = QUANTITIES[quantity][1]
    found = [(each, each.stacked(moment, quantity)) for each in looks]
    return [
        _trace(each.variant, styles[each.variant], np.arange(1.0, values.shape[1] + 1), values, log)
        for each, values in found
        if values is not None and values.shape[1]
    ]


def propagation_figures(looks: Sequence[Looks], styles: Styles) -> list[Figure]:
    """Draw noise on its way through deep untrained towers: deviation and mean of the activations."""
    figures = []
    for quantity in ("deviation", "mean"):
        title, log = QUANTITIES[quantity]
        traces = propagation_traces(looks, styles, quantity)
        if traces:
            limits = _limits(traces, log)
            key, heading = f"propagation-{quantity}", f"{title} in an untrained tower"
            figures.append(_figure(key, heading, traces, limits, log, "layer", WIDE, TALL))
    return figures


def propagation_traces(looks: Sequence[Looks], styles: Styles, quantity: str) -> list[Trace]:
    """Return every variant's `quantity` at the depths that were looked at, the inputs at 0."""
    log = QUANTITIES[quantity][1]
    found = [(each, each.stacked("depth"), each.stacked(quantity)) for each in looks]
    return [
        _trace(each.variant, styles[each.variant], depth[0], values, log)
        for each, depth, values in found
        if depth is not None and values is not None
    ]


def _trace(name: str, style: Style, depth: Floats, values: Floats, log: bool) -> Trace:
    """Return means with intervals; on a logarithmic axis geometric means."""
    if log:
        values = np.log(np.clip(values, LOWEST, HIGHEST))
    ends = np.array([_interval(column) for column in values.T])
    middle, low, high = (np.exp(end) if log else end for end in ends.T)
    return Trace(name, style, depth, middle, low, high)


def _interval(values: Floats) -> tuple[float, float, float]:
    if not np.isfinite(values).any():
        return np.nan, np.nan, np.nan
    found = t_interval(values.tolist())
    low, high = (np.nan if end is None else end for end in (found.low, found.high))
    return found.mean, low, high


def _limits(traces: Sequence[Trace], log: bool) -> tuple[float, float]:
    """Return one range for figures that are to be compared."""
    values = np.concatenate([trace.middle[np.isfinite(trace.middle)] for trace in traces] or [np.ones(1)])
    if not len(values):
        return 0.1, 10.0
    low, high = float(values.min()), float(values.max())
    if log:
        spare = max(1.3, (LEAST_SPREAD * low / high) ** 0.5)
        return low / spare, high * spare
    spare = 0.08 * (high - low) or 1.0
    return low - spare, high + spare


def _figure(
    key: str,
    title: str,
    traces: Sequence[Trace],
    limits: tuple[float, float],
    log: bool,
    across: str,
    width: float = SIZE[0],
    height: float = SIZE[1],
) -> Figure:
    figure, axes = canvas(width, height, Margins(left=56))
    for trace in traces:
        _draw(axes, trace, limits)
    axes.set_xlabel(across)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylim(*limits)
    if log:
        few_decades(axes, "y", LABELS)
    else:
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    return finish(figure, key, title, "", _alt(traces))


def _draw(axes: Axes, trace: Trace, limits: tuple[float, float]) -> None:
    known = np.isfinite(trace.low) & np.isfinite(trace.high)
    if known.sum() > 1:
        low, high = np.clip(trace.low, *limits), np.clip(trace.high, *limits)
        corners = np.vstack(
            [
                np.column_stack([trace.depth, high])[known],
                np.column_stack([trace.depth, low])[known][::-1],
            ]
        )
        band = Polygon(corners, closed=True, facecolor=series(trace.style), alpha=0.14, linewidth=0)
        mark(axes.add_patch(band), trace.style)
    dashes = (0, trace.style.dash) if trace.style.dash else "-"
    dot = trace.style.marker if len(trace.depth) <= 12 else None
    (line,) = axes.plot(
        trace.depth,
        trace.middle,
        color=series(trace.style),
        linestyle=dashes,
        marker=dot,
        markersize=4.5,
    )
    mark(line, trace.style)


def _alt(traces: Sequence[Trace]) -> str:
    ends = "; ".join(f"{trace.name} from {_end(trace, 0)} to {_end(trace, -1)}" for trace in traces)
    return f"Lines over {number(traces[0].depth[-1])} layers. {ends}"


def _end(trace: Trace, place: int) -> str:
    known = trace.middle[np.isfinite(trace.middle)]
    return number(float(known[place])) if len(known) else "nothing finite"
