"""Signals by depth: activations and gradients, layer after layer, a line for every variant."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.axis import sparse_log
from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish
from pipeline.report.figures.lines import Floats, Line, draw_line
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import MUTED
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import number
from pipeline.result_files.diagnostics import VariantOutcomes
from pipeline.stats.intervals import t_interval

SIZE = (338, 230)
TALL = 260
LEAST_SPREAD = 10.0
"""A logarithmic axis shows at least this ratio, so that noise looks like noise."""
LOWEST, HIGHEST = 1e-15, 1e15
"""Smaller and larger values are drawn at the edge: they have vanished or exploded."""
LABELS = 7

MOMENTS = {"start": "at the start", "trained": "after training"}
QUANTITIES = {
    "gradient": ("Gradient norm", True),
    "deviation": ("Activation deviation", True),
    "mean": ("Activation mean", False),
}


def signal_charts(variants: Sequence[VariantOutcomes], styles: Styles) -> list[Chart]:
    """Draw gradients and activations of the variants' nets by layer, at the start and after training."""
    charts = []
    for quantity, (title, log) in QUANTITIES.items():
        by_moment = {moment: signal_lines(variants, styles, moment, quantity) for moment in MOMENTS}
        limits = _limits([line for lines in by_moment.values() for line in lines], log)
        for moment, lines in by_moment.items():
            if lines:
                heading = f"{title}, {MOMENTS[moment]}"
                charts.append(_chart(f"signals-{quantity}-{moment}", heading, lines, limits, log))
    return sorted(charts, key=lambda chart: chart.key.endswith("trained"))


def signal_lines(
    variants: Sequence[VariantOutcomes], styles: Styles, moment: str, quantity: str
) -> list[Line]:
    """Return every variant's `quantity` at the `start` or once `trained`, layers counted from 1."""
    log = QUANTITIES[quantity][1]
    return [
        _line(outcomes.variant, styles[outcomes.variant], np.arange(1.0, values.shape[1] + 1), values, log)
        for outcomes in variants
        if (values := outcomes.stacked(moment, quantity)) is not None and values.shape[1]
    ]


def propagation_charts(variants: Sequence[VariantOutcomes], styles: Styles) -> list[Chart]:
    """Draw noise on its way through deep untrained towers: deviation and mean of the activations."""
    charts = []
    for quantity in ("deviation", "mean"):
        title, log = QUANTITIES[quantity]
        lines = propagation_lines(variants, styles, quantity)
        if lines:
            key, heading = f"propagation-{quantity}", f"{title} in an untrained tower"
            charts.append(_chart(key, heading, lines, _limits(lines, log), log, (WIDE, TALL)))
    return charts


def propagation_lines(variants: Sequence[VariantOutcomes], styles: Styles, quantity: str) -> list[Line]:
    """Return every variant's `quantity` at the depths that were measured, the inputs at 0."""
    log = QUANTITIES[quantity][1]
    return [
        _line(outcomes.variant, styles[outcomes.variant], depth[0], values, log)
        for outcomes in variants
        if (depth := outcomes.stacked("depth")) is not None
        and (values := outcomes.stacked(quantity)) is not None
    ]


def _line(name: str, style: Style, depth: Floats, values: Floats, log: bool) -> Line:
    """Return means with intervals by layer, `values` being `[replicates, layers]`; on a logarithmic axis geometric means."""
    if log:
        values = np.log(np.clip(values, LOWEST, HIGHEST))
    ends = np.array([_interval(column) for column in values.T])
    mean, low, high = (np.exp(end) if log else end for end in ends.T)
    return Line(name, style, depth, mean, low, high)


def _interval(values: Floats) -> tuple[float, float, float]:
    if not np.isfinite(values).any():
        return np.nan, np.nan, np.nan
    interval = t_interval(values.tolist())
    low, high = (np.nan if end is None else end for end in (interval.low, interval.high))
    return interval.mean, low, high


def _limits(lines: Sequence[Line], log: bool) -> tuple[float, float]:
    """Return one range for figures that are to be compared."""
    values = np.concatenate([line.mean[np.isfinite(line.mean)] for line in lines] or [np.ones(1)])
    if not len(values):
        return 0.1, 10.0
    low, high = float(values.min()), float(values.max())
    if log:
        spare = max(1.3, (LEAST_SPREAD * low / high) ** 0.5)
        return low / spare, high * spare
    spare = 0.08 * (high - low) or 1.0
    return low - spare, high + spare


def _chart(
    key: str,
    title: str,
    lines: Sequence[Line],
    limits: tuple[float, float],
    log: bool,
    size: tuple[float, float] = SIZE,
) -> Chart:
    figure, axes = blank_figure(*size, Margins(left=56))
    for line in lines:
        inside = replace(line, low=np.clip(line.low, *limits), high=np.clip(line.high, *limits))
        marker = line.style.marker if len(line.x) <= 12 else None
        draw_line(axes, inside, marker=marker, markersize=4.5)
    axes.set_xlabel("layer")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.set_ylim(*limits)
    if log:
        sparse_log(axes, "y", LABELS)
    else:
        axes.axhline(0, color=MUTED, linewidth=0.8, zorder=0)
    return finish(figure, key, title, "", _alt(lines))


def _alt(lines: Sequence[Line]) -> str:
    ends = "; ".join(f"{line.name} from {_end(line, 0)} to {_end(line, -1)}" for line in lines)
    return f"Lines over {number(lines[0].x[-1])} layers. {ends}"


def _end(line: Line, place: int) -> str:
    known = line.mean[np.isfinite(line.mean)]
    return number(float(known[place])) if len(known) else "nothing finite"
