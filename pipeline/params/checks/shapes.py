"""The shapes through the layers of a recipe's model, computed without Keras, to find what it would refuse to build.

As in `build.model`, a dense block flattens its input, blocks repeat, and two towers are equal. The output of a user's own
layer or data set is unknown, and so is every shape after it, until a dense block.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from pipeline.params.checks.image_shapes import Shape
from pipeline.params.checks.layer_shapes import activation_shape, flat, layer_shape
from pipeline.params.faults import Fault, FaultsError, Where
from pipeline.params.types.layers import ConvLayer, DenseLayer, KerasLayer, title
from pipeline.params.types.recipe import ModelSpec, Recipe

Follow = Callable[[str, Mapping[str, Any], Shape], Shape | None]

KERNEL = ("filters", "kernel_size", "strides", "padding")
VECTOR = (1,)  # of any length, where only the number of axes matters


def shape_faults(recipe: Recipe, image_shape: Shape | None) -> list[Fault]:
    """Return what Keras would refuse to build for images of `image_shape`.

    `image_shape` is `height, width[, channels]`; None where it is unknown.
    """
    model = recipe.chain
    if model is None:
        return []
    walk = _Walk(_start(model, image_shape))
    for index, layer in enumerate(model.layers):
        walk.through(model, layer, ("model", "layers", index))
    if model.joint:
        walk.shape = VECTOR
        walk.activated(model.activation, ("model", "activation"), ("model", "joint"))
    walk.shape = VECTOR
    if model.output.activation is not None:
        walk.activated(model.output.activation, ("model", "output", "activation"))
    return list(dict.fromkeys(walk.faults))


def hidden_units(model: ModelSpec, image_shape: Shape | None) -> int | None:
    """Return how many numbers reach the output for images of `image_shape`; None where that is unknown."""
    if model.joint:
        return model.joint[-1]
    walk = _Walk(_start(model, image_shape))
    for index, layer in enumerate(model.layers):
        walk.through(model, layer, ("model", "layers", index))
    return None if walk.shape is None else prod(walk.shape) * model.towers


def _start(model: ModelSpec, image_shape: Shape | None) -> Shape | None:
    if image_shape is None:
        return None
    if all(isinstance(layer, DenseLayer) for layer in model.layers):
        return flat(image_shape)
    return (*image_shape, 1) if len(image_shape) == 2 else image_shape


class _Walk:
    """A walk through a model: the current shape, None where it is unknown, and the faults so far."""

    def __init__(self, shape: Shape | None) -> None:
        self.shape = shape
        self.faults: list[Fault] = []

    def through(self, model: ModelSpec, layer: Any, place: Where) -> None:
        """Go through a layer of the chain, as often as it repeats."""
        if isinstance(layer, KerasLayer):
            self._follow(layer_shape, layer.name, layer.arguments, title(layer), place)
            return
        own = ((*place, "activation"),) if layer.activation else (("model", "activation"), place)
        for _ in range(layer.repeat):
            before = self.shape
            self._weighted(layer, place)
            self.activated(layer.activation or model.activation, *own)
            if self.shape == before:  # and further repeats keep it too
                break

    def activated(self, named: Any, *places: Where) -> None:
        """Go through an activation; the first of `places` decides which it is."""
        self._follow(activation_shape, named.name, named.arguments, named.name, *places)

    def _weighted(self, layer: Any, place: Where) -> None:
        if isinstance(layer, ConvLayer):
            arguments = {key: getattr(layer, key) for key in KERNEL}
            self._follow(layer_shape, "Conv2D", arguments, title(layer), place)
        else:
            self.shape = (layer.units,)

    def _follow(
        self, follow: Follow, name: str, arguments: Mapping[str, Any], subject: str, *places: Where
    ) -> None:
        if self.shape is None:
            return
        try:
            self.shape = follow(name, arguments, self.shape)
        except FaultsError as error:
            self.shape = None
            self.faults += [_placed(fault, arguments, subject, *places) for fault in error.faults]


def _placed(fault: Fault, arguments: Mapping[str, Any], subject: str, *places: Where) -> Fault:
    """Return a rule's fault at the argument that was written; the text names one that was not."""
    (argument, *_) = (*fault.places[0], "")
    if argument in arguments:
        return Fault(((*places[0], argument), *places[1:]), fault.text)
    return Fault(places, f"{subject}'s {argument} {fault.text}" if argument else f"{subject} {fault.text}")
