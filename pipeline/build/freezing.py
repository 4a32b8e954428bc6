"""Which layers of a model a phase trains: by the numbers of blocks, by names, or the head alone."""

import fnmatch
import re

import keras

from pipeline.build.built import HEAD, BuildError
from pipeline.build.model import JOINT, TOWERS, blocks
from pipeline.core.errors import nearest
from pipeline.params.types.phase_spec import LayerNames, Only, Reuse, Top, Trainable
from pipeline.params.types.recipe import Recipe


def freeze_layers(model: keras.Model, trainable: Trainable, recipe: Recipe) -> None:
    """Freeze all layers except those that a phase of `recipe` trains; the head and what joins towers always train.

    `trainable` is `all`, `head`, `{top: k}`, `{only: [indexes]}` or `{layers: [patterns]}`. Raises `BuildError` for a
    pattern that no layer has.
    """
    if trainable == "all":
        return
    trained = _trained_blocks(trainable, len(blocks(recipe.chain))) if recipe.chain else set()
    named = trained_by_name(model, trainable)
    heads = head_names(model)
    for layer in leaf_layers(model):
        layer.trainable = (
            layer.name.startswith(JOINT)
            or layer.name in heads
            or layer.name in named
            or block_index(layer.name) in trained
        )


def trained_by_name(model: keras.Model, trainable: Trainable | Reuse) -> set[str]:
    """Return the names of the layers that `{layers: [patterns]}` means; raises `BuildError` for a pattern without any."""
    if not isinstance(trainable, LayerNames):
        return set()
    names = [layer.name for layer in leaf_layers(model)]
    matched = {pattern: fnmatch.filter(names, pattern) for pattern in trainable.layers}
    for pattern, found in matched.items():
        if not found:
            raise BuildError(
                f"no layer is called {pattern!r}; there are {', '.join(names[:20])}.{nearest(pattern, names)}"
            )
    return {name for found in matched.values() for name in found}


def leaf_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a model in order, those of models within it in their place."""
    leaves: list[keras.layers.Layer] = []
    for layer in model.layers:
        leaves += leaf_layers(layer) if isinstance(layer, keras.Model) else [layer]
    return leaves


def head_names(model: keras.Model) -> set[str]:
    """Return the names of the layers of a model's head: those called `output…`, else from the last with weights on."""
    leaves = leaf_layers(model)
    named = {layer.name for layer in leaves if layer.name.startswith(HEAD)}
    if named:
        return named
    last = max((place for place, layer in enumerate(leaves) if layer.weights), default=0)
    return {layer.name for layer in leaves[last:]}


def block_index(layer_name: str) -> int | None:
    """Return the number in `block<i>_<part>`, or in a second tower's `twin<i>_<part>`; None for other layers."""
    match = re.match(rf"(?:{'|'.join(TOWERS)})(\d+)_", layer_name)
    return int(match[1]) if match else None


def _trained_blocks(trainable: Trainable, count: int) -> set[int]:
    if trainable == "all":
        return set(range(count))
    if trainable == "head":
        return set()
    if isinstance(trainable, Top):
        return set(range(count - trainable.top, count))
    return set(trainable.only) if isinstance(trainable, Only) else set()
