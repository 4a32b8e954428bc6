"""Initial weights as a pure function of recipe and seed, so that every engine starts a run from the same weights."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.model import HEAD, all_blocks, block_index
from pipeline.build.resolve import make
from pipeline.params.keras_names.named import Named
from pipeline.params.types.layers import ConvLayer, DenseLayer
from pipeline.params.types.recipe import Recipe
from pipeline.runs.seeds import derive

Weights = list[NDArray[Any]]


def initial_weights(template: keras.Model, recipe: Recipe, seed: int) -> Weights:
    """Return fresh weights for `template` in the order of its `weights`.

    Kernels are drawn from the initializers that `recipe` names, which may differ from those the template was built with;
    everything else from the layer's own initializers.
    """
    kernels = _kernel_initializers(recipe)
    return [
        _draw(_initializer(layer, variable, kernels), variable, derive(seed, layer.name, variable.name))
        for layer, variable in owned_weights(template)
    ]


def owned_weights(model: keras.Model) -> list[tuple[keras.layers.Layer, keras.Variable]]:
    """Return each of `model.weights`, in that order, with the layer that owns it."""
    owner = {id(variable): layer for layer in model.layers for variable in layer.weights}
    return [(owner[id(variable)], variable) for variable in model.weights]


def seed_states(template: keras.Model, seed: int) -> dict[str, NDArray[np.uint32]]:
    """Return the state of every seed generator (of dropout and other noise), by layer name: `[seed, calls so far]`."""
    names = [layer.name for layer in template.layers if hasattr(layer, "seed_generator")]
    return {name: np.array([derive(seed, name), 0], np.uint32) for name in names}


def carry_over(
    weights: Weights,
    model: keras.Model,
    previous: Weights,
    earlier: keras.Model,
    reuse: int | str,
    same_classes: bool = True,
) -> Weights:
    """Return `weights` of `model` with blocks taken from `previous`, the weights of the phase before.

    The first `reuse` blocks are carried over, or `all` of them; with all of them also the head, where it is for the same
    classes.
    """
    old = {
        (layer.name, variable.name): value
        for (layer, variable), value in zip(owned_weights(earlier), previous, strict=True)
    }
    result = []
    for (layer, variable), fresh in zip(owned_weights(model), weights, strict=True):
        kept = old.get((layer.name, variable.name)) if _is_carried(layer.name, reuse, same_classes) else None
        result.append(kept if kept is not None and kept.shape == fresh.shape else fresh)
    return result


def _is_carried(layer_name: str, reuse: int | str, same_classes: bool) -> bool:
    if reuse == "all":
        return same_classes or not layer_name.startswith(HEAD)
    index = block_index(layer_name)
    return index is not None and index < int(reuse)


def _kernel_initializers(recipe: Recipe) -> dict[str, Named]:
    """Return the initializers of kernels by the prefix of their layers' names."""
    model = recipe.model
    hidden = {
        block.prefix: block.spec.initializer or model.initializer
        for block in all_blocks(model)
        if isinstance(block.spec, DenseLayer | ConvLayer)
    }
    return {**hidden, HEAD: model.output.initializer}


def _initializer(layer: keras.layers.Layer, variable: keras.Variable, kernels: dict[str, Named]) -> Any:
    prefix = HEAD if layer.name == HEAD else layer.name.partition("_")[0] + "_"
    if variable.name == "kernel" and prefix in kernels:
        return make("initializers", kernels[prefix])
    return getattr(layer, f"{variable.name}_initializer", None) or _constant(variable)


def _constant(variable: keras.Variable) -> keras.initializers.Initializer:
    """Return an initializer with the template's own value, for variables of layers without an initializer for them."""
    value = np.asarray(variable)
    return keras.initializers.Constant(value if value.shape else value.item())


def _draw(initializer: Any, variable: keras.Variable, seed: int) -> NDArray[Any]:
    if hasattr(initializer, "seed"):
        config = keras.initializers.get(initializer).get_config()
        initializer = type(initializer).from_config({**config, "seed": seed})
    return np.asarray(initializer(tuple(variable.shape), dtype=variable.dtype))


def set_seed_states(model: keras.Model, states: dict[str, NDArray[np.uint32]]) -> None:
    """Set the seed generators of a model's layers to `states`, see `seed_states`."""
    for layer in model.layers:
        if layer.name in states:
            layer.seed_generator.state.assign(states[layer.name])


def count(weights: Sequence[NDArray[Any]]) -> int:
    """Return how many numbers `weights` hold."""
    return sum(array.size for array in weights)
