"""The phases of a training: a recipe without any is one phase."""

from dataclasses import dataclass
from typing import Literal

from pipeline.params.recipe import Only, Recipe, Top


@dataclass(frozen=True)
class Phase:
    """One phase, with its complete recipe (itself without phases).

    `reuse`: how many hidden blocks carry over from the phase before. `trainable`: which blocks learn.
    `cache_features`: whether those below them, frozen, are computed once.
    """

    name: str
    recipe: Recipe
    reuse: int | Literal["all"] = "all"
    trainable: Literal["all", "head"] | Top | Only = "all"
    cache_features: bool = False


def phases_of(recipe: Recipe) -> tuple[Phase, ...]:
    """Return the phases of a recipe in order; unnamed ones are called `phase 1`, `phase 2`..."""
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
