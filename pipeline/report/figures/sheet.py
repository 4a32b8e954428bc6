"""Contact sheets: small images with a model's predictions for them, as hand-written SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from markupsafe import Markup

from pipeline.report.figures.chart import Chart
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import FONTS
from pipeline.report.texts import shortened

COLUMNS = 6
SIDE = 64
LINE = 14.0
LONGEST = 13


@dataclass(frozen=True)
class Frame:
    """An image (PNG in base64), lines of text under it, and whether they show a mistake."""

    png: str
    lines: tuple[str, ...]
    wrong: bool = False


def sheet(key: str, title: str, caption: str, alt: str, frames: Sequence[Frame]) -> Chart:
    """Return the frames in rows of six; the first line of a mistake is red, and so is its image's border."""
    cell = WIDE / COLUMNS
    tall = SIDE + LINE * max(len(frame.lines) for frame in frames) + 16
    height = tall * ceil(len(frames) / COLUMNS)
    cells = (
        _cell(frame, cell * (place % COLUMNS), tall * (place // COLUMNS), cell)
        for place, frame in enumerate(frames)
    )
    svg = Markup(
        '<svg role="img" viewBox="0 0 {w:.0f} {h:.0f}" aria-labelledby="{k}-title {k}-alt" font-family="{f}" '
        'font-size="11" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<title id="{k}-title">{title}</title><desc id="{k}-alt">{alt}</desc>{cells}</svg>'
    ).format(w=WIDE, h=height, k=key, f=FONTS, title=title, alt=alt, cells=Markup("").join(cells))
    return Chart(key, title, caption, alt, svg, round(WIDE))


def _cell(frame: Frame, x: float, y: float, width: float) -> Markup:
    left, middle = x + (width - SIDE) / 2, x + width / 2
    border = "var(--wrong)" if frame.wrong else "var(--line)"
    texts = (
        Markup('<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" {style}>{text}</text>').format(
            x=middle,
            y=y + SIDE + 4 + LINE * (place + 1),
            style=_text_style(place, frame.wrong),
            text=shortened(line, LONGEST),
        )
        for place, line in enumerate(frame.lines)
    )
    return Markup(
        '<image x="{x:.1f}" y="{y:.1f}" width="{s}" height="{s}" style="image-rendering:pixelated" '
        'href="data:image/png;base64,{png}"/>'
        '<rect x="{x:.1f}" y="{y:.1f}" width="{s}" height="{s}" style="fill:none;stroke:{b};stroke-width:{t}"/>{texts}'
    ).format(
        x=left,
        y=y + 2,
        s=SIDE,
        png=frame.png,
        b=border,
        t=2 if frame.wrong else 1,
        texts=Markup("").join(texts),
    )


def _text_style(place: int, wrong: bool) -> Markup:
    if place:
        return Markup('style="fill:var(--muted)"')
    return Markup('style="fill:var(--{});font-weight:600"').format("wrong" if wrong else "ink")
