"""Where the phases of a training begin, for curves that run through all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter

from matplotlib.axes import Axes

from pipeline.report.figures.chart import mark
from pipeline.report.figures.svg import INK, MUTED
from pipeline.report.phase_epochs import phase_ends
from pipeline.report.styles import Styles
from pipeline.report.texts import shortened
from pipeline.result_files.schema import Ablation, Variant

LONGEST = 36


@dataclass(frozen=True)
class PhaseMark:
    """A phase that begins after `epoch` epochs; `variants` are those that have it there."""

    epoch: int
    name: str
    variants: tuple[str, ...]


def phase_marks(ablation: Ablation) -> list[PhaseMark]:
    """Return where second and later phases begin, the earliest first; a phase that several variants share is one mark."""
    variants: dict[tuple[int, str], list[str]] = {}
    for variant in ablation.variants:
        for begin in _begins(variant):
            variants.setdefault(begin, []).append(variant.name)
    return [PhaseMark(epoch, name, tuple(names)) for (epoch, name), names in sorted(variants.items())]


def _begins(variant: Variant) -> list[tuple[int, str]]:
    """Return epoch and name of each phase but the first, as far as the recipe decides them."""
    neighbours = pairwise(phase_ends(variant))
    return [(end, name) for (_, end), (name, _) in neighbours if end is not None]


def draw_phases(axes: Axes, marks: Sequence[PhaseMark], styles: Styles) -> None:
    """Draw a dotted vertical line where each phase begins, its name along it."""
    by_epoch = groupby(sorted(marks, key=attrgetter("epoch")), attrgetter("epoch"))
    for epoch, group in by_epoch:
        here = list(group)
        line = axes.axvline(epoch + 0.5, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0.6)
        name = " / ".join(dict.fromkeys(phase.name for phase in here))
        text = axes.text(
            epoch + 0.5, 0.02, f" {shortened(name, LONGEST)}", transform=axes.get_xaxis_transform(), rotation=90,
            ha="left", va="bottom", color=MUTED, fontsize=9,
        )  # fmt: skip
        owners = {owner for phase in here for owner in phase.variants}
        if len(owners) == 1:
            style = styles[owners.pop()]
            mark(line, style)
            mark(text, style)
