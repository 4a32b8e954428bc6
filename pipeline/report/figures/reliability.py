"""Reliability curves: how often answers given with some confidence are right."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, mark
from pipeline.report.figures.svg import INK, MUTED, PAPER, series
from pipeline.report.styles import Style, Styles
from pipeline.report.texts import shortened
from pipeline.result_files.diagnostics import VariantOutcomes

SIZE = (258, 258)
FEWEST = 10
"""Answers in a bin below which its share of right ones means little."""

Floats = NDArray[np.float64]


def reliability_charts(variants: Sequence[VariantOutcomes], styles: Styles) -> list[Chart]:
    """Draw each variant's curve for one pass without dropout, and for the mean over passes with it."""
    return [_chart(outcomes, styles[outcomes.variant]) for outcomes in variants]


def curve(outcomes: VariantOutcomes, which: str) -> tuple[Floats, Floats]:
    """Return mean confidence and share of right answers, in per cent, of bins with enough answers, seeds pooled.

    `which` is `plain` for one pass without dropout, or `mc` for the mean over passes with it.
    """
    tables = np.array([replicate[which]["bins"] for replicate in outcomes.replicates], np.float64)
    count, confidence, right = tables.sum(axis=0).T
    kept = count >= FEWEST
    return 100 * confidence[kept] / count[kept], 100 * right[kept] / count[kept]


def _chart(outcomes: VariantOutcomes, style: Style) -> Chart:
    figure, axes = blank_figure(*SIZE, Margins(left=44))
    axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1)
    plain, mc = curve(outcomes, "plain"), curve(outcomes, "mc")
    _line(axes, plain, MUTED, INK, "s", (4, 2))
    mark(_line(axes, mc, series(style), series(style), "o", ()), style)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xlabel("confidence (%)")
    axes.set_ylabel("right answers (%)")
    alt = f"Right answers against confidence. {_words('One pass', plain)}. {_words('Mean of passes', mc)}."
    return finish(figure, f"reliability-{style.index}", shortened(outcomes.variant, 30), "", alt)


def _line(
    axes: Axes,
    points: tuple[Floats, Floats],
    colour: str,
    edge: str,
    marker: str,
    dash: tuple[float, ...],
) -> Line2D:
    """Draw a line with filled marks, or a dashed one with hollow marks, and return it."""
    (line,) = axes.plot(
        *points,
        color=colour,
        linestyle=(0, dash) if dash else "-",
        marker=marker,
        markersize=5,
        markeredgecolor=edge,
        markerfacecolor=PAPER if dash else edge,
        clip_on=False,
    )
    return line


def _words(name: str, points: tuple[Floats, Floats]) -> str:
    pairs = (f"{right:.0f} % right at {sure:.0f} %" for sure, right in zip(*points, strict=True))
    return f"{name}: {', '.join(pairs)}"
