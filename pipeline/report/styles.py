"""One look per variant name, the same on every page: a colour, a marker and a dash."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from pipeline.result_files.schema import Ablation

LIGHT = (
    "#0072b2",
    "#c14a00",
    "#00805c",
    "#a86f00",
    "#8a4fb5",
    "#3a8fb7",
    "#c2468a",
    "#5f7a00",
    "#7a5230",
    "#59636e",
)
"""Colours on white, after M. Okabe and K. Ito's set for colour-blind readers, darker to be seen on white."""

DARK = (
    "#5ab0f0",
    "#ff8f57",
    "#3fd0a0",
    "#f0b840",
    "#c79bf0",
    "#86d3ee",
    "#f58ac2",
    "#bccf50",
    "#d0a37c",
    "#aab4bf",
)
"""The same hues on a dark page."""

MARKERS = ("o", "s", "D", "^", "v", "P", "p")
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.6), (1.4, 1.4), (6, 1.4, 1.4, 1.4))


@dataclass(frozen=True)
class Style:
    """How a variant is drawn: `index` counts through colours, markers and dashes."""

    index: int

    @property
    def colour(self) -> int:
        """Index into the palettes."""
        return self.index % len(LIGHT)

    @property
    def marker(self) -> str:
        """A matplotlib marker."""
        return MARKERS[self.index % len(MARKERS)]

    @property
    def dash(self) -> tuple[float, ...]:
        """Lengths of dashes and gaps, none for a solid line; another one every five styles."""
        return DASHES[self.index // 5 % len(DASHES)]


Styles = dict[str, Style]


def assign(ablations: Sequence[Ablation]) -> Styles:
    """Give every variant name of a study a style that no other name in any of its ablations has."""
    companions: dict[str, set[str]] = defaultdict(set)
    for ablation in ablations:
        names = {variant.name for variant in ablation.variants}
        for name in names:
            companions[name] |= names
    styles: Styles = {}
    for name in (variant.name for ablation in ablations for variant in ablation.variants):
        if name not in styles:
            taken = {styles[other].index for other in companions[name] if other in styles}
            styles[name] = Style(next(index for index in count() if index not in taken))
    return styles
