"""Initial weights as a pure function of recipe and seed, so that every engine starts a run from the same weights."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.built import HEAD
from pipeline.build.freezing import block_index, head_names, leaf_layers, trained_by_name
from pipeline.build.initializers import draw, made_again
from pipeline.build.model import all_blocks
from pipeline.build.resolve import make, make_layer
from pipeline.core.plugins import is_plugin
from pipeline.params.keras_names.named import Named
from pipeline.params.types.layers import ConvLayer, DenseLayer, KerasLayer
from pipeline.params.types.phase_spec import Reuse
from pipeline.params.types.recipe import Recipe
from pipeline.runs.seeds import derive

Weights = list[NDArray[Any]]


def initial_weights(template: keras.Model, recipe: Recipe, seed: int) -> Weights:
    """Return fresh weights for `template`, built under `initializers_kept`, in the order of its `weights`.

    Kernels are drawn from the initializers that `recipe` names, which may differ from those the template was built with;
    everything else of Keras's layers, however deep, from the initializer that its layer gave it. The seed of each draw
    follows from `seed`, the layer's name, the variable's name, and which of the variables with that name it is in its
    layer. A layer of the user's own is made again with a seed that follows from `seed` and its name.

    Raises `UserError` where a user's own layer draws from what no seed reaches.
    """
    kernels, own = _kernel_initializers(recipe), _own_layers(recipe)
    made = {
        id(variable): value
        for layer in template.layers
        if layer.name in own
        for variable, value in zip(
            layer.weights, made_again(layer, own[layer.name], derive(seed, layer.name)), strict=True
        )
    }
    return [
        made[id(variable)]
        if id(variable) in made
        else draw(_initializer(layer, variable, kernels), variable, derive(seed, layer.name, key))
        for layer, variable, key in _keyed_weights(template)
    ]


def owned_weights(model: keras.Model) -> list[tuple[keras.layers.Layer, keras.Variable]]:
    """Return each of `model.weights`, in that order, with the layer of the model that owns it."""
    return [(layer, variable) for layer, variable, _ in _keyed_weights(model)]


def _keyed_weights(model: keras.Model) -> list[tuple[keras.layers.Layer, keras.Variable, str]]:
    """Return each of `model.weights` with its layer and a key that is unique there, the same in every process."""
    owners: dict[int, tuple[keras.layers.Layer, keras.Variable, str]] = {}
    for layer in (
        *leaf_layers(model),
        model,
    ):  # the model itself, for weights that it adds beside those of its layers
        own = [variable for variable in layer.weights if id(variable) not in owners]
        keys = _numbered(variable.name for variable in own)
        owners.update({id(v): (layer, v, key) for v, key in zip(own, keys, strict=True)})
    return [owners[id(variable)] for variable in model.weights]


def _numbered(names: Iterable[str]) -> list[str]:
    """Return names with a number for each after the first of its kind: `kernel`, `bias`, `kernel#1`."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        result.append(f"{name}#{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return result


def seed_generators(model: keras.Model) -> dict[str, keras.random.SeedGenerator]:
    """Return every seed generator (of dropout and other noise), however deep, by its layer's name, numbered as weights."""
    found: dict[int, tuple[str, keras.random.SeedGenerator]] = {}
    for layer in (*leaf_layers(model), model):
        for generator in generators(layer):
            found.setdefault(id(generator), (layer.name, generator))
    names = _numbered(name for name, _ in found.values())
    return {name: generator for name, (_, generator) in zip(names, found.values(), strict=True)}


def generators(layer: keras.layers.Layer) -> list[keras.random.SeedGenerator]:
    """Return the seed generators of a layer and of all layers in it."""
    return [generator for inner in layer._flatten_layers() for generator in inner._seed_generators]


def seed_states(template: keras.Model, seed: int) -> dict[str, NDArray[np.uint32]]:
    """Return the state of every seed generator, `[seed, calls so far]`, by the names of `seed_generators`."""
    return {name: np.array([derive(seed, name), 0], np.uint32) for name in seed_generators(template)}


def carry_over(
    weights: Weights,
    model: keras.Model,
    previous: Weights,
    earlier: keras.Model,
    reuse: Reuse,
    same_classes: bool = True,
) -> Weights:
    """Return `weights` of `model` with blocks taken from `previous`, the weights of the phase before.

    The first `reuse` blocks are carried over, the layers that it names, or `all` of them; with all of them also the head,
    where it is for the same classes.
    """
    named, heads = trained_by_name(model, reuse), head_names(model)
    old = {
        (layer.name, key): value
        for (layer, _, key), value in zip(_keyed_weights(earlier), previous, strict=True)
    }
    result = []
    for (layer, _, key), fresh in zip(_keyed_weights(model), weights, strict=True):
        carried = layer.name in named or _is_carried(layer.name, reuse, same_classes, heads)
        kept = old.get((layer.name, key)) if carried else None
        result.append(kept if kept is not None and kept.shape == fresh.shape else fresh)
    return result


def _is_carried(layer_name: str, reuse: Reuse, same_classes: bool, heads: Container[str]) -> bool:
    if reuse == "all":
        return same_classes or layer_name not in heads
    index = block_index(layer_name)
    return isinstance(reuse, int) and index is not None and index < reuse


def _kernel_initializers(recipe: Recipe) -> dict[str, Named]:
    """Return the initializers of kernels by the prefix of their layers' names."""
    model = recipe.chain
    if model is None or model.replace:
        return {}  # those of the template's own variables
    hidden = {
        block.prefix: block.spec.initializer or model.initializer
        for block in all_blocks(model)
        if isinstance(block.spec, DenseLayer | ConvLayer)
    }
    return {**hidden, HEAD: model.output.initializer}


def _own_layers(recipe: Recipe) -> dict[str, Callable[[], keras.layers.Layer]]:
    """Return what makes each layer of a user's own class, by the layer's name."""
    if recipe.chain is None:
        return {}
    return {
        block.layer_name: partial(make_layer, block.spec, name=block.layer_name)
        for block in all_blocks(recipe.chain)
        if isinstance(block.spec, KerasLayer) and is_plugin(block.spec.name)
    }


def _initializer(layer: keras.layers.Layer, variable: keras.Variable, kernels: dict[str, Named]) -> Any:
    prefix = HEAD if layer.name == HEAD else layer.name.partition("_")[0] + "_"
    if variable.name == "kernel" and prefix in kernels:
        return make("initializers", kernels[prefix])
    if hasattr(variable, "loaded"):
        return keras.initializers.Constant(variable.loaded)
    return getattr(variable, "made_with", None) or _constant(variable)


def _constant(variable: keras.Variable) -> keras.initializers.Initializer:
    """Return an initializer with the template's own value, for a variable that was made from a value."""
    value = np.asarray(variable)
    return keras.initializers.Constant(value if value.shape else value.item())


def set_seed_states(model: keras.Model, states: dict[str, NDArray[np.uint32]]) -> None:
    """Set the seed generators of a model's layers to `states`, see `seed_states`."""
    for name, generator in seed_generators(model).items():
        if name in states:
            generator.state.assign(states[name])


def count(weights: Sequence[NDArray[Any]]) -> int:
    """Return how many numbers `weights` hold."""
    return sum(array.size for array in weights)
