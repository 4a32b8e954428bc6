"""What figures with one row per variant share: room for names, row positions, a point with its interval."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import IdentityTransform, ScaledTranslation

from pipeline.report.figures.chart import Margins, blank_figure, label_room, mark, stroke
from pipeline.report.figures.svg import BAND, INK, MUTED, PAPER, series
from pipeline.report.measure import Estimate, Measure
from pipeline.report.styles import Style
from pipeline.report.texts import shortened

ROW = 24
LONGEST = 26
WIDE = 524.0
"""Width in pixels of a figure that fits twice next to each other on a page."""


def row_figure(names: Sequence[str], right: float = 16, width: float = WIDE) -> tuple[Figure, Axes]:
    """Return a figure and its axes with one named row per variant, the first at the top; rows are at 0, 1, 2, ..."""
    labels = [shortened(name, LONGEST) for name in names]
    margins = Margins(left=label_room(labels), right=right)
    figure, axes = blank_figure(width, margins.top + margins.bottom + ROW * len(names), margins)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.yaxis.set_visible(False)  # its ticks take long to draw: plain text serves for names
    _name_rows(axes, labels)
    axes.spines["left"].set_visible(False)
    return figure, axes


def difference_figure(names: Sequence[str], unit: Measure, margin: float) -> tuple[Figure, Axes]:
    """Return a figure with a row and room in words for each difference, a line at zero and the `margin` as a band."""
    figure, axes = row_figure(names, right=172)
    axes.axvspan(-margin * unit.factor, margin * unit.factor, color=BAND, linewidth=0)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlabel(f"{unit.step_label}, {'right' if unit.higher_is_better else 'left'} is better")
    return figure, axes


def _name_rows(axes: Axes, labels: Sequence[str]) -> None:
    left = axes.get_yaxis_transform() + ScaledTranslation(-4, 0, IdentityTransform())
    for row, label in enumerate(labels):
        axes.text(0, row, label, transform=left, ha="right", va="center", color=INK, fontsize=10.5)


def point(axes: Axes, row: float, estimate: Estimate, style: Style, filled: bool = True) -> None:
    """Draw a mean with its interval, if it has one; hollow where `filled` is false."""
    colour = series(style)
    if estimate.ends is not None:
        line = stroke(axes, estimate.ends, [row, row], color=colour, linewidth=2.2, solid_capstyle="round")
        mark(line, style)
    dot = stroke(
        axes,
        [estimate.mean],
        [row],
        style.marker,
        color=colour,
        markerfacecolor=colour if filled else PAPER,
        markersize=7,
        markeredgewidth=1.6,
        clip_on=False,
    )
    mark(dot, style)


def replicate_band(axes: Axes, row: int, estimate: Estimate, values: Sequence[float], style: Style) -> None:
    """Draw replicates as dots, their mean as a stroke and an interval as a band."""
    colour = series(style)
    if estimate.ends is not None:
        level = [row, row]
        band = stroke(
            axes, estimate.ends, level, color=colour, linewidth=9, alpha=0.22, solid_capstyle="butt"
        )
        mark(band, style)
    mark(stroke(axes, [estimate.mean] * 2, [row - 0.3, row + 0.3], color=colour, linewidth=2.2), style)
    heights = [row + 0.1 * (place % 3 - 1) for place in range(len(values))]
    mark(stroke(axes, values, heights, "o", color=colour, markersize=4.6, alpha=0.85), style)


def note(axes: Axes, row: float, text: str) -> None:
    """Write `text` to the right of a row, outside the axes."""
    axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", color=MUTED, fontsize=10.5)
