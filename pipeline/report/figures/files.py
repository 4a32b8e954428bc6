"""A chart as a file of its own, for a paper: in the colours of the light theme, with a legend, which a page has once."""

import re
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.typing import RcKeyType

from pipeline.report.figures.chart import Chart
from pipeline.report.figures.svg import INK, OWNER, THEME, series
from pipeline.report.styles import LIGHT, Style

FORMATS = ("pdf", "svg")
_STYLES = Path(__file__).parents[1] / "templates" / "page.css"
_COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
_RC: dict[RcKeyType, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["Helvetica", "Arial", "Liberation Sans", "DejaVu Sans"],
    # As TrueType fonts: publishers refuse Type 3.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "text.parse_math": False,
}


def save(chart: Chart, path: Path, names: Mapping[int, str]) -> None:
    """Write a chart to `path`, whose ending is one of `FORMATS`; equal charts give equal files.

    `names` are those of variants by the index of their style. The chart's figure takes on the colours, and is not for a
    page any more. Raises `ValueError` for a sheet of small pictures, which has no figure.
    """
    figure = chart.figure
    if figure is None:
        raise ValueError(f"{chart.key} was not drawn by matplotlib")
    FigureCanvasPdf(figure)
    with mpl.rc_context(_RC):
        figure.text(0, 1, chart.title, color=INK, va="bottom", fontsize=11)
        _add_legend(figure, names)
    for artist in figure.findobj():
        _recolour(artist)
    undated = {"CreationDate": None} if path.suffix == ".pdf" else {"Date": None}
    with mpl.rc_context({**_RC, "svg.hashsalt": path.name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(path, metadata=undated, bbox_inches="tight")


def _add_legend(figure: Figure, names: Mapping[int, str]) -> None:
    """Name the variants that are drawn in a figure and named nowhere in it, to the right of it."""
    texts = " ".join(text.get_text() for text in figure.findobj(Text) if isinstance(text, Text))
    drawn = {int(gid[len(OWNER) :]): artist for artist in figure.findobj() if (gid := _owner(artist))}
    unnamed = {index: name for index, name in names.items() if index in drawn and name not in texts}
    if unnamed:
        lines = [_handle(drawn[index], Style(index)) for index in unnamed]
        figure.legend(lines, list(unnamed.values()), loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _owner(artist: Artist) -> str:
    gid = str(artist.get_gid())
    return gid if gid.startswith(OWNER) else ""


def _handle(artist: Artist, style: Style) -> Line2D:
    """Return a short piece of what stands for a variant in a figure: a line, or else its mark."""
    if isinstance(artist, Line2D) and artist.get_linestyle() != "None":
        line = Line2D([], [], color=series(style), linewidth=1.7)
        line.set_dashes(style.dash)
        return line
    return Line2D([], [], color=series(style), linestyle="none", marker=style.marker)


def _recolour(artist: Artist) -> None:
    """Give an artist the colours of the light theme where it has sentinels of `figures.svg`."""
    for name in _COLOURED:
        read, write = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
        if read is not None and write is not None:
            colours = read()
            several = not isinstance(colours, str) and len(colours) and not isinstance(colours[0], float)
            write([_light(colour) for colour in colours] if several else _light(colours))


def _light(colour: Any) -> Any:
    """Return the light theme's colour for a sentinel, with its opacity; any other colour as it is."""
    if isinstance(colour, str) and colour == "auto":
        return colour
    light = _by_sentinel().get(to_hex(colour)) if len(colour) else None
    return colour if light is None else to_rgba(light, to_rgba(colour)[3])


@cache
def _by_sentinel() -> dict[str, str]:
    theme, variants = light_theme(), map(Style, range(len(LIGHT)))
    return {
        **{sentinel: theme[variable] for sentinel, variable in THEME.items()},
        **{series(style): LIGHT[style.colour] for style in variants},
    }


@cache
def light_theme() -> dict[str, str]:
    """Return the colours of the light theme by the names that they have in page.css, which begins with them."""
    first = _STYLES.read_text(encoding="utf-8").partition("}")[0]
    return dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6})", first))
