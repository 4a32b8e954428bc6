"""Drawing with matplotlib: one look for all charts. Lengths are CSS pixels, fonts those of the page."""

import io
import warnings
from dataclasses import dataclass, field
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike

from pipeline.report.figures.svg import INK, LINE, MUTED, OWNER, themed
from pipeline.report.styles import Style

PIXELS_PER_INCH = 72.0
_CHARACTER = 6.1
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))

_RC: dict[RcKeyType, Any] = {
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.7,
    "svg.fonttype": "none",
    "text.color": INK,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 10.5,
    "xtick.major.size": 0,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": 10.5,
    "ytick.major.size": 0,
}


@dataclass(frozen=True)
class Chart:
    """A finished figure. `key` is unique on its page, `alt` describes what can be seen, `width` is in pixels.

    `figure` is what matplotlib drew, in the sentinels of `figures.svg`, None for sheets of small pictures; `svg` is what the
    page shows of it.
    """

    key: str
    title: str
    caption: str
    alt: str
    svg: Markup
    width: int
    figure: Figure | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Margins:
    """Room around the axes, in pixels."""

    left: float = 56
    right: float = 14
    top: float = 10
    bottom: float = 42


def blank_figure(width: float, height: float, margins: Margins) -> tuple[Figure, Axes]:
    """Return an empty figure of that size in pixels and its axes."""
    with mpl.rc_context(_RC):
        figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH))
        FigureCanvasSVG(figure)
        box = (
            margins.left / width,
            margins.bottom / height,
            (width - margins.left - margins.right) / width,
            (height - margins.top - margins.bottom) / height,
        )
        return figure, figure.add_axes(box)


def panel(figure: Figure, left: float, bottom: float, width: float, height: float, **options: Any) -> Axes:
    """Return further axes of a figure, placed in pixels from its lower left corner; `options` go to `add_axes`."""
    across, up = (side * PIXELS_PER_INCH for side in figure.get_size_inches())
    with mpl.rc_context(_RC):
        return figure.add_axes((left / across, bottom / up, width / across, height / up), **options)


def stroke(axes: Axes, x: ArrayLike, y: ArrayLike, marks: str | None = None, **look: Any) -> Line2D:
    """Draw a line, or unjoined `marks` where a marker is given; in half the time that `Axes.plot` takes."""
    if marks is not None:
        look |= {"linestyle": "none", "marker": marks}
    line = Line2D(x, y, **look)
    axes.add_line(line)
    # As `plot` does: limits that were not set follow the data.
    axes.autoscale(enable=None)  # type: ignore[arg-type]
    return line


def mark(artist: Artist, style: Style) -> None:
    """Mark an artist as belonging to a variant, so that the page can highlight or hide it."""
    artist.set_gid(f"{OWNER}{style.index}")


def label_room(labels: list[str]) -> float:
    """Return the pixels that the longest of `labels` takes next to an axis."""
    return 18 + _CHARACTER * max((len(label) for label in labels), default=0)


def finish(figure: Figure, key: str, title: str, caption: str, alt: str) -> Chart:
    """Render a figure as themed SVG and return the chart; equal figures give equal text."""
    buffer = io.StringIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": key}), warnings.catch_warnings():
        # The page's own font draws the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    width = round(figure.get_figwidth() * PIXELS_PER_INCH)
    return Chart(key, title, caption, alt, themed(buffer.getvalue(), key, title, alt), width, figure)
