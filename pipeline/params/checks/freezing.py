"""Rules for phases that compute the outputs of their frozen blocks once, checked before training."""

from pipeline.params.faults import Fault, fault_at
from pipeline.params.keras_names.vocabulary import allowed_names
from pipeline.params.types.layers import AnyLayer, DenseLayer, KerasLayer
from pipeline.params.types.phase_spec import PhaseSpec, frozen_blocks
from pipeline.params.types.recipe import Recipe

NOTHING_FROZEN = (
    "nothing below the blocks that train is frozen; set trainable to head or {top: k}, or leave it out"
)
RANDOM = "the frozen blocks hold {name}, which changes their outputs every time; take it out in this phase"
TWO_TOWERS = "frozen blocks of two towers cannot be computed once; leave it out"


def cache_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of phases with `cache_features` where it is not possible."""
    obstacles = {
        index: _obstacle(recipe, phase) for index, phase in enumerate(recipe.phases) if phase.cache_features
    }
    return [fault_at(text, "phases", index, "cache_features") for index, text in obstacles.items() if text]


def _obstacle(recipe: Recipe, phase: PhaseSpec) -> str | None:
    phase_recipe = recipe.in_phase(phase)
    chain = phase_recipe.chain
    if chain is None:
        return None
    layers = chain.unrolled()
    frozen = layers[: frozen_blocks(phase.trainable, len(layers))]
    if not frozen:
        return NOTHING_FROZEN
    if chain.towers == 2:
        return TWO_TOWERS
    random = next(filter(None, (_random_part(phase_recipe, layer) for layer in frozen)), None)
    return RANDOM.format(name=random) if random else None


def _random_part(recipe: Recipe, layer: AnyLayer) -> str | None:
    """Return the name of what in a block is random while training, if anything."""
    if isinstance(layer, KerasLayer):
        is_random = layer.name in allowed_names("noise") or layer.name.startswith("Random")
        return layer.name if is_random else None
    noise = layer.dropout or recipe.regularisation.dropout if isinstance(layer, DenseLayer) else None
    return noise.name if noise is not None else None
