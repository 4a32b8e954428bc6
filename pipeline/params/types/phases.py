"""The phases of a training: a recipe without `phases` has one."""

from dataclasses import dataclass
from typing import Any

from pipeline.params.types.phase_spec import PhaseSpec, Reuse, Trainable
from pipeline.params.types.recipe import Recipe


@dataclass(frozen=True)
class Phase:
    """One phase, with its complete recipe (itself without phases).

    `reuse`: how many hidden blocks carry over from the previous phase. `trainable`: which blocks train.
    `cache_features`: whether the outputs of the frozen blocks below them are computed once.
    """

    name: str
    recipe: Recipe
    reuse: Reuse = "all"
    trainable: Trainable = "all"
    cache_features: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """What is reused and what trains, as plain data, as a phase is written."""
        spec = PhaseSpec(reuse=self.reuse, trainable=self.trainable, cache_features=self.cache_features)
        return spec.model_dump(mode="json", include={"reuse", "trainable", "cache_features"})


def phases_of(recipe: Recipe) -> tuple[Phase, ...]:
    """Return the phases of a recipe in order; those without a name are `phase 1`, `phase 2`..."""
    if not recipe.phases:
        return (Phase("training", recipe),)
    return tuple(
        Phase(
            phase.name or f"phase {number}",
            recipe.in_phase(phase),
            phase.reuse,
            phase.trainable,
            phase.cache_features,
        )
        for number, phase in enumerate(recipe.phases, start=1)
    )
