"""The phases of a training by name, and the epochs at which they end."""

from collections.abc import Mapping
from typing import Any

from pipeline.report.texts import value_at
from pipeline.result_files.schema import Variant


def phase_name(phase: Mapping[str, Any], number: int) -> str:
    """Return a phase's name; one without is numbered, from 1."""
    return str(phase.get("name") or f"phase {number}")


def phase_ends(variant: Variant) -> list[tuple[str, int | None]]:
    """Return each phase's name and its last epoch, counted from the start of training.

    None where the recipe does not decide it: a phase that may stop early does not record its end, and so has none, nor does
    what follows it.
    """
    ends: list[tuple[str, int | None]] = []
    passed: int | None = 0
    for number, phase in enumerate(variant.recipe.get("phases") or (), start=1):
        epochs = _setting(variant.recipe, phase, "training.epochs")
        stops_early = _setting(variant.recipe, phase, "training.early_stopping")
        passed = (
            passed + epochs if passed is not None and isinstance(epochs, int) and not stops_early else None
        )
        ends.append((phase_name(phase, number), passed))
    return ends


def _setting(recipe: Mapping[str, Any], phase: Mapping[str, Any], path: str) -> Any:
    section, _, key = path.partition(".")
    own = phase.get(section) or {}
    return own[key] if key in own else value_at(recipe, path)
