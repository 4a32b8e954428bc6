"""Rules for phases that compute their frozen blocks once: found before anything trains."""

from typing import TYPE_CHECKING, Any

from pipeline.params.faults import Fault
from pipeline.params.layers import DenseLayer, KerasLayer
from pipeline.params.vocabulary import allowed_names

if TYPE_CHECKING:
    from pipeline.params.recipe import PhaseSpec, Recipe

NOTHING = "nothing below the blocks that train is frozen; set trainable to head or {top: k}, or leave it out"
RANDOM = "the frozen blocks hold {what}, which changes their outputs every time; take it out in this phase"
TOWERS = "frozen blocks of two towers cannot be computed once; leave it out"


def cache_faults(recipe: "Recipe") -> list[Fault]:
    """Return the faults of phases that ask for `cache_features` where it cannot be."""
    found = [(at, _obstacle(recipe, phase)) for at, phase in enumerate(recipe.phases) if phase.cache_features]
    return [Fault((("phases", at, "cache_features"),), text) for at, text in found if text]


def _obstacle(recipe: "Recipe", phase: "PhaseSpec") -> str:
    whole = recipe.in_phase(phase)
    specs = [layer for layer in whole.model.layers for _ in range(getattr(layer, "repeat", 1))]
    frozen = specs[: frozen_blocks(phase.trainable, len(specs))]
    if not frozen:
        return NOTHING
    if whole.model.towers == 2:
        return TOWERS
    what = next((name for spec in frozen if (name := _random(whole, spec))), "")
    return RANDOM.format(what=what) if what else ""


def frozen_blocks(trainable: Any, count: int) -> int:
    """Return how many of `count` hidden blocks lie below the first that trains."""
    if isinstance(trainable, str):
        return 0 if trainable == "all" else count
    top = getattr(trainable, "top", None)
    return min(trainable.only, default=count) if top is None else max(0, count - int(top))


def _random(recipe: "Recipe", spec: object) -> str:
    """Return what in a block depends on chance while training; nothing where nothing does."""
    if isinstance(spec, KerasLayer):
        return spec.name if spec.name in allowed_names("noise") or spec.name.startswith("Random") else ""
    noise = spec.dropout or recipe.regularisation.dropout if isinstance(spec, DenseLayer) else None
    return noise.name if noise is not None else ""
