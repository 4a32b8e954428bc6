"""Drawing with matplotlib: one look for all figures. Lengths are CSS pixels, fonts whatever the page uses."""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator
from matplotlib.transforms import IdentityTransform, ScaledTranslation
from matplotlib.typing import RcKeyType
from numpy.typing import ArrayLike

from pipeline.report.figures.svg import INK, LINE, MUTED, OWNER, themed
from pipeline.report.styles import Style

PIXELS_PER_INCH = 72.0
_CHARACTER = 6.1
_TICK_PAD, _TITLE_PAD = 4.0, 20.0

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
class Figure:
    """A finished figure. `key` is unique on its page, `alt` says what is to be seen, `width` is in pixels."""

    key: str
    title: str
    caption: str
    alt: str
    svg: Markup
    width: int


@dataclass(frozen=True)
class Margins:
    """Room around the axes, in pixels."""

    left: float = 56
    right: float = 14
    top: float = 10
    bottom: float = 42


def canvas(width: float, height: float, margins: Margins) -> tuple[Canvas, Axes]:
    """Return an empty figure of that size in pixels and its axes."""
    with mpl.rc_context(_RC):
        figure = Canvas(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH))
        FigureCanvasSVG(figure)
        box = (
            margins.left / width,
            margins.bottom / height,
            (width - margins.left - margins.right) / width,
            (height - margins.top - margins.bottom) / height,
        )
        return figure, figure.add_axes(box)


def panel(figure: Canvas, left: float, bottom: float, width: float, height: float, **more: Any) -> Axes:
    """Return further axes of a figure, their place in its pixels from the lower left corner; `more` goes to `add_axes`."""
    across, up = (side * PIXELS_PER_INCH for side in figure.get_size_inches())
    with mpl.rc_context(_RC):
        return figure.add_axes((left / across, bottom / up, width / across, height / up), **more)


def stroke(axes: Axes, x: ArrayLike, y: ArrayLike, marks: str | None = None, **look: Any) -> Line2D:
    """Draw a line, or unjoined `marks` where a marker is given; in half the time that `Axes.plot` takes."""
    if marks is not None:
        look |= {"linestyle": "none", "marker": marks}
    drawn = Line2D(x, y, **look)
    axes.add_line(drawn)
    # As `plot` does: limits that were not set follow the data.
    axes.autoscale(enable=None)  # type: ignore[arg-type]
    return drawn


def mark(artist: Artist, style: Style) -> None:
    """Say that an artist belongs to a variant, so that the page can highlight or hide it."""
    artist.set_gid(f"{OWNER}{style.index}")


def log_axis(axes: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic, without the minor ticks that take longest to draw."""
    getattr(axes, f"set_{which}scale")("log")
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())


def sparse_log(axes: Axes, which: Literal["x", "y"]) -> None:
    """Make an axis logarithmic with ticks at the decades, or at 1, 2, 5 of each where there are few."""
    log_axis(axes, which)
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(log_ticks(low, high)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value)))
    getattr(axes, f"set_{which}lim")(low, high)


def tick_text(value: float) -> str:
    """Return a round tick without an exponent where that is short: `1,000`, not `1e+03`."""
    return f"{value:,.0f}" if 100 <= value < 1e6 else f"{value:.3g}"


def log_ticks(low: float, high: float) -> list[float]:
    """Return round ticks within `low`..`high` (both positive), or these two where no two lie between."""
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1.0,) if log10(high / low) > 2.5 else (1.0, 2.0, 5.0)
    ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
    inside = [tick for tick in ticks if low <= tick <= high]
    return inside if len(inside) > 1 else [low, high]


def quick_ticks(axes: Axes) -> None:
    """Draw both axes' grid, tick labels and titles as one line and plain text, and hide the axes themselves.

    It looks the same. Matplotlib makes five artists a tick and measures each label several times, which is more than
    half of a figure's time. To be called when all is drawn: limits and ticks are taken as they are now.
    """
    _quick_axis(axes, axes.xaxis, axes.get_xlim(), 0)
    _quick_axis(axes, axes.yaxis, axes.get_ylim(), 1)


def _quick_axis(axes: Axes, axis: Axis, limits: tuple[float, float], along: Literal[0, 1]) -> None:
    if not axis.get_visible():
        return
    places = np.asarray(axis.get_majorticklocs(), dtype=float)
    labels = axis.get_major_formatter().format_ticks(list(places))
    low, high = sorted(limits)
    slack = 1e-9 * (high - low)
    ticks = [(p, label) for p, label in zip(places, labels, strict=True) if low - slack <= p <= high + slack]
    beside = (axes.get_xaxis_transform, axes.get_yaxis_transform)[along]()
    _grid(axes, [place for place, _ in ticks], along)
    shift = _pixels(0, -_TICK_PAD) if along == 0 else _pixels(-_TICK_PAD, 0)
    align: dict[str, Any] = {"ha": "center", "va": "top"} if along == 0 else {"ha": "right", "va": "center"}
    for place, label in ticks:
        x, y = (place, 0.0) if along == 0 else (0.0, place)
        axes.text(x, y, label, transform=beside + shift, color=MUTED, fontsize=10.5, **align)
    if along == 0:
        down = _pixels(0, -_TITLE_PAD)
        title = axes.get_xlabel()
        axes.text(
            0.5, 0, title, transform=axes.transAxes + down, color=MUTED, fontsize=11, ha="center", va="top"
        )
    axis.set_visible(False)


def _pixels(right: float, up: float) -> ScaledTranslation:
    return ScaledTranslation(right, up, IdentityTransform())


def _grid(axes: Axes, places: Sequence[float], along: Literal[0, 1]) -> None:
    """Draw all lines of a grid as one path, behind everything."""
    at = np.repeat(places, 3)
    across = np.tile([0.0, 1.0, np.nan], len(places))
    place = (axes.get_xaxis_transform, axes.get_yaxis_transform)[along]()
    points = (at, across) if along == 0 else (across, at)
    lines = Line2D(*points, transform=place, color=LINE, linewidth=0.6, zorder=0.4)
    axes.add_artist(lines)


def label_room(labels: list[str]) -> float:
    """Return the pixels that the longest of `labels` takes beside an axis."""
    return 18 + _CHARACTER * max((len(label) for label in labels), default=0)


def finish(figure: Canvas, key: str, title: str, caption: str, alt: str) -> Figure:
    """Draw, and return the figure as themed SVG; equal figures give equal text."""
    buffer = io.StringIO()
    with mpl.rc_context({**_RC, "svg.hashsalt": key}), warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", message="Glyph .* missing from"
        )  # the page's own font draws the text
        figure.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    width = round(figure.get_figwidth() * PIXELS_PER_INCH)
    return Figure(key, title, caption, alt, themed(buffer.getvalue(), key, title, alt), width)
