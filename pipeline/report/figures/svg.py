"""SVG that follows the page's theme: matplotlib draws in sentinel colours, which become CSS variables here.

`INK`, `MUTED`, `LINE`, `PAPER`, `BAND` and `WRONG` are colours of the page, `series(style)` is that of a variant.
"""

import re

from markupsafe import Markup, escape

from pipeline.report.styles import Style

INK, MUTED, LINE, PAPER, BAND, WRONG = "#0b0000", "#0b0001", "#0b0002", "#0b0003", "#0b0004", "#0b0005"
OWNER = "series-"
"""Start of the id of an artist that belongs to a variant; the number of its style follows."""

THEME = {INK: "--ink", MUTED: "--muted", LINE: "--line", PAPER: "--paper", BAND: "--band", WRONG: "--wrong"}
"""The page's variable of each colour."""
_UNUSED = (
    r"<metadata>.*?</metadata>\s*",
    r"<defs>\s*<style.*?</defs>\s*",  # it would style the whole page
    r" font-family: [^;\"]*;",  # the page's own font is used instead
    r' transform="rotate\(-0 [^"]*"',
    r"<g/>\s*",
)
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def series(style: Style) -> str:
    """Return the sentinel of a variant's colour."""
    return f"#0a00{style.colour:02x}"


def themed(svg: str, key: str, title: str, alt: str) -> Markup:
    """Return matplotlib's SVG document as an element for a page on which `key` is unique.

    Drops what the page does not need, turns sentinels into variables and `OWNER` ids into `data-series`, and
    adds `title` and `alt` for readers who cannot see the figure.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(rf'<g id="{OWNER}(\d+)"', r'<g data-series="\1"', svg)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub("|".join(_UNUSED), "", svg, flags=re.DOTALL)
    svg = re.sub(r"#0a00([0-9a-f]{2})", lambda match: f"var(--s{int(match[1], 16)})", svg)
    svg = re.sub("|".join(THEME), lambda match: f"var({THEME[match[0]]})", svg)
    svg = re.sub(r' (?:d|x|y|transform)="[^"]*"', lambda match: _rounded(match[0]), svg)
    svg = re.sub(r"\s*\n\s*", "\n", svg)
    svg = re.sub(r"<svg[^>]*>", lambda match: _opening(match[0], key, title, alt), svg, count=1)
    return Markup(svg)  # noqa: S704  matplotlib and `_opening` escape texts


def _rounded(attribute: str) -> str:
    """Cut coordinates to tenths of a pixel: more cannot be seen, and the page becomes a third smaller."""
    return re.sub(r"(\.\d)\d+", r"\1", attribute)


def _opening(tag: str, key: str, title: str, alt: str) -> str:
    box = re.search(r'viewBox="[^"]*"', tag)
    return (
        f'<svg role="img" {box[0] if box else ""} aria-labelledby="{key}-title {key}-alt" '
        f'font-family="{FONTS}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-alt">{escape(alt)}</desc>'
    )
