"""What figures with one row per variant share: room for names, row positions, a point with its interval."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.transforms import IdentityTransform, ScaledTranslation

from pipeline.report.figures.canvas import Margins, canvas, label_room, mark, stroke
from pipeline.report.figures.svg import INK, MUTED, PAPER, series
from pipeline.report.styles import Style
from pipeline.report.texts import shortened

ROW = 24
LONGEST = 26
WIDE = 524.0
"""Pixels of a figure of which two stand side by side."""


def row_canvas(names: Sequence[str], right: float = 16, width: float = WIDE) -> tuple[Canvas, Axes]:
    """Return axes with one named row per variant, the first at the top; rows sit at 0, 1, 2, ..."""
    labels = [shortened(name, LONGEST) for name in names]
    margins = Margins(left=label_room(labels), right=right)
    figure, axes = canvas(width, margins.top + margins.bottom + ROW * len(names), margins)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.yaxis.set_visible(False)  # its ticks take long to draw: plain text serves for names
    _name_rows(axes, labels)
    axes.spines["left"].set_visible(False)
    return figure, axes


def _name_rows(axes: Axes, labels: Sequence[str]) -> None:
    place = axes.get_yaxis_transform() + ScaledTranslation(-4, 0, IdentityTransform())
    for row, label in enumerate(labels):
        axes.text(0, row, label, transform=place, ha="right", va="center", color=INK, fontsize=10.5)


def point(
    axes: Axes, x: float, row: float, low: float | None, high: float | None, style: Style, filled: bool = True
) -> None:
    """Draw a mean with its interval, if it has one; hollow where `filled` is false."""
    colour = series(style)
    if low is not None and high is not None:
        reach = stroke(axes, [low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="round")
        mark(reach, style)
    face = colour if filled else PAPER
    dot = stroke(
        axes,
        [x],
        [row],
        style.marker,
        color=colour,
        markerfacecolor=face,
        markersize=7,
        markeredgewidth=1.6,
        clip_on=False,
    )
    mark(dot, style)


def beside(axes: Axes, row: float, text: str) -> None:
    """Write `text` to the right of a row, outside the axes."""
    place = axes.get_yaxis_transform()
    axes.text(1.02, row, text, transform=place, va="center", color=MUTED, fontsize=10.5)
