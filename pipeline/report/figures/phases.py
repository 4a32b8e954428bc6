"""Where the phases of a training begin, for curves that are joined over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from pipeline.report.figures.canvas import mark
from pipeline.report.figures.svg import INK, MUTED
from pipeline.report.results import Ablation, Variant
from pipeline.report.styles import Styles
from pipeline.report.texts import at, shortened

LONGEST = 36


@dataclass(frozen=True)
class PhaseMark:
    """A phase that begins after `epoch` epochs; `variants` are those that have it there."""

    epoch: int
    name: str
    variants: tuple[str, ...]


def phase_marks(ablation: Ablation) -> list[PhaseMark]:
    """Return where second and later phases begin, the earliest first; phases alike in several variants are one mark."""
    found: dict[tuple[int, str], list[str]] = {}
    for variant in ablation.variants:
        for begin in _begins(variant):
            found.setdefault(begin, []).append(variant.name)
    return [PhaseMark(epoch, name, tuple(names)) for (epoch, name), names in sorted(found.items())]


def phase_name(phase: Mapping[str, Any], number: int) -> str:
    """Return what a phase is called, counted from 1 where nobody named it."""
    return str(phase.get("name") or f"phase {number}")


def _begins(variant: Variant) -> list[tuple[int, str]]:
    """Return epoch and name of each phase but the first, as far as the recipe says.

    A phase that may stop early ends where nobody wrote down, so what follows it has no mark.
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
    return own[key] if key in own else at(recipe, path)


def draw_phases(axes: Axes, marks: Sequence[PhaseMark], styles: Styles) -> None:
    """Draw a dotted upright where each phase begins, its name along it."""
    place = axes.get_xaxis_transform()
    epochs = sorted({found.epoch for found in marks})
    for epoch in epochs:
        here = [found for found in marks if found.epoch == epoch]
        upright = axes.axvline(epoch + 0.5, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), zorder=0.6)
        name = " / ".join(dict.fromkeys(found.name for found in here))
        text = axes.text(
            epoch + 0.5, 0.02, f" {shortened(name, LONGEST)}", transform=place, rotation=90,
            ha="left", va="bottom", color=MUTED, fontsize=9,
        )  # fmt: skip
        owners = {owner for found in here for owner in found.variants}
        if len(owners) == 1:
            (owner,) = owners
            mark(upright, styles[owner])
            mark(text, styles[owner])
