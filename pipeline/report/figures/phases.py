"""Where the phases of a training begin, for curves that run through all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from matplotlib.axes import Axes

from pipeline.report.figures.chart import mark
from pipeline.report.figures.svg import INK, MUTED
from pipeline.report.styles import Styles
from pipeline.report.texts import shortened, value_at
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


def phase_name(phase: Mapping[str, Any], number: int) -> str:
    """Return a phase's name; one without is numbered, from 1."""
    return str(phase.get("name") or f"phase {number}")


def _begins(variant: Variant) -> list[tuple[int, str]]:
    """Return epoch and name of each phase but the first, as far as the recipe decides them.

    When a phase that may stop early ends is not recorded, so what follows it has no mark.
    """
    begins: list[tuple[int, str]] = []
    passed = 0
    for number, phase in enumerate(variant.recipe.get("phases") or (), start=1):
        if number > 1:
            begins.append((passed, phase_name(phase, number)))
        epochs = _setting(variant.recipe, phase, "training.epochs")
        if not isinstance(epochs, int) or _setting(variant.recipe, phase, "training.early_stopping"):
            break
        passed += epochs
    return begins


def _setting(recipe: Mapping[str, Any], phase: Mapping[str, Any], path: str) -> Any:
    section, _, key = path.partition(".")
    own = phase.get(section) or {}
    return own[key] if key in own else value_at(recipe, path)


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
