"""Contact sheets: small images with their classes or a model's predictions for them, as hand-written SVG."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.report.figures.chart import Chart
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import FONTS
from pipeline.report.texts import shortened

COLUMNS = 6
LARGEST = 64.0
GAP = 8
LINE = 14.0
CHARACTER = 6.7


@dataclass(frozen=True)
class Frame:
    """An image (PNG in base64), lines of text under it, and whether they show a mistake."""

    png: str
    lines: tuple[str, ...]
    wrong: bool = False


def sheet(
    key: str, title: str, caption: str, alt: str, frames: Sequence[Frame], columns: int = COLUMNS
) -> Chart:
    """Return the frames in rows; the first line of a mistake is red, and so is its image's border."""
    return sheet_of_rows(key, title, caption, alt, in_rows(frames, columns), columns)


def in_rows(frames: Sequence[Frame], columns: int) -> list[Sequence[Frame]]:
    """Return frames in rows of `columns`, the last row with what is left."""
    return [frames[start : start + columns] for start in range(0, len(frames), columns)]


def sheet_of_rows(
    key: str,
    title: str,
    caption: str,
    alt: str,
    rows: Sequence[Sequence[Frame]],
    columns: int,
    legend: Sequence[tuple[str, str]] = (),
) -> Chart:
    """Return rows of at most `columns` frames each, below a `legend` of colours (`#rrggbb`) and their names."""
    cell = WIDE / columns
    side = min(LARGEST, cell - GAP)
    tall = side + LINE * max(len(frame.lines) for row in rows for frame in row) + 16
    names, top = _legend(legend)
    cells = (
        _cell(frame, cell * column, top + tall * row, cell, side)
        for row, frames in enumerate(rows)
        for column, frame in enumerate(frames)
    )
    svg = Markup(
        '<svg role="img" viewBox="0 0 {w:.0f} {h:.0f}" aria-labelledby="{k}-title {k}-alt" font-family="{f}" '
        'font-size="11" xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        '<title id="{k}-title">{title}</title><desc id="{k}-alt">{alt}</desc>{cells}</svg>'
    ).format(
        w=WIDE,
        h=top + tall * len(rows),
        k=key,
        f=FONTS,
        title=title,
        alt=alt,
        cells=names + Markup("").join(cells),
    )
    return Chart(key, title, caption, alt, svg, round(WIDE))


def _legend(legend: Sequence[tuple[str, str]]) -> tuple[Markup, float]:
    """Return a legend in as many lines as it takes, and its height."""
    entries, x, y = [], 0.0, 0.0
    for colour, name in legend:
        text = shortened(name, 30)
        width = 30 + CHARACTER * len(text)
        if x and x + width > WIDE:
            x, y = 0.0, y + LINE + 4
        entries.append(
            Markup(
                '<rect x="{x:.1f}" y="{y:.1f}" width="11" height="11" style="fill:{colour}"/>'
                '<text x="{right:.1f}" y="{base:.1f}" style="fill:var(--ink)">{text}</text>'
            ).format(x=x, y=y, colour=colour, right=x + 16, base=y + 10, text=text)
        )
        x += width
    return Markup("").join(entries), y + LINE + 8 if legend else 0.0


def _cell(frame: Frame, x: float, y: float, width: float, side: float) -> Markup:
    left, middle = x + (width - side) / 2, x + width / 2
    border = "var(--wrong)" if frame.wrong else "var(--line)"
    texts = (
        Markup('<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" {style}>{text}</text>').format(
            x=middle,
            y=y + side + 4 + LINE * (place + 1),
            style=_text_style(place, frame.wrong),
            text=shortened(line, int(width / CHARACTER)),
        )
        for place, line in enumerate(frame.lines)
    )
    return Markup(
        '<image x="{x:.1f}" y="{y:.1f}" width="{s:.0f}" height="{s:.0f}" style="image-rendering:pixelated" '
        'href="data:image/png;base64,{png}"/>'
        '<rect x="{x:.1f}" y="{y:.1f}" width="{s:.0f}" height="{s:.0f}" '
        'style="fill:none;stroke:{b};stroke-width:{t}"/>{texts}'
    ).format(
        x=left,
        y=y + 2,
        s=side,
        png=frame.png,
        b=border,
        t=2 if frame.wrong else 1,
        texts=Markup("").join(texts),
    )


def _text_style(place: int, wrong: bool) -> Markup:
    if place:
        return Markup('style="fill:var(--muted)"')
    return Markup('style="fill:var(--{});font-weight:600"').format("wrong" if wrong else "ink")
