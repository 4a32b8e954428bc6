"""Rules for an output without weights, whose activation is applied to what the last hidden layer yields."""

from pipeline.params.faults import Fault
from pipeline.params.types.layers import KerasLayer
from pipeline.params.types.phase_spec import Only
from pipeline.params.types.recipe import ModelSpec, Recipe

WEIGHTS, LAYERS = ("model", "output", "weights"), ("model", "layers")
WEIGHTLESS = ("Pooling", "Flatten", "Reshape", "Dropout", "Padding", "Cropping", "UpSampling", "Rescaling")
"""Words in the names of Keras's layers that have no weights."""


def untrained_faults(recipe: Recipe) -> list[Fault]:
    """Return the fault of a model without any weights to train, as far as the names of its layers tell."""
    if recipe.chain is None or recipe.chain.output.weights or _has_weights(recipe.chain):
        return []
    return [Fault((WEIGHTS, LAYERS), "neither the output nor a hidden layer has weights to train")]


def untrained_phase_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of phases that train the output alone, where it has no weights."""
    faults = []
    for index, phase in enumerate(recipe.phases):
        model = recipe.in_phase(phase).chain
        bare = model is not None and not model.output.weights and not model.joint
        if phase.trainable in ("head", Only(only=())) and bare:
            place = ("phases", index, "trainable")
            faults.append(Fault((place, WEIGHTS), "the output has no weights, so nothing would train"))
    return faults


def _has_weights(chain: ModelSpec) -> bool:
    return any(
        not isinstance(layer, KerasLayer) or not any(word in layer.name for word in WEIGHTLESS)
        for layer in (*chain.layers, *chain.joint)
    )
