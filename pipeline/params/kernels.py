"""Rules between the axes of a kernel and what is asked of it: an initializer, a penalty, a constraint."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.params import catalogue
from pipeline.params.arguments import nested_namespace
from pipeline.params.catalogue import Namespace
from pipeline.params.faults import Fault, Where, show
from pipeline.params.layer_settings import complete, is_whole, several
from pipeline.params.layers import ConvLayer, DenseLayer, KerasLayer, title
from pipeline.plugins import is_plugin

if TYPE_CHECKING:
    from pipeline.params.recipe import Recipe

Asked = tuple[Namespace, Any, int, Where]  # what is asked, by which name, of how many axes, and where

FEWEST = {"Identity": 2, "Orthogonal": 2, "OrthogonalRegularizer": 2}
MOST = {"Identity": 2, "OrthogonalRegularizer": 2}
WITH_EXTENTS = re.compile(r"(?:Conv|DepthwiseConv|SeparableConv)([123])D(?:Transpose)?")
KERNELS = {"kernel", "depthwise", "pointwise"}


def kernel_faults(recipe: "Recipe") -> list[Fault]:
    """Return the faults of layers whose kernels have more or fewer axes than what is asked of them can deal with."""
    faults = []
    for index, layer in enumerate(recipe.model.layers):
        place = ("model", "layers", index)
        asked = _of_keras(layer, place) if isinstance(layer, KerasLayer) else _of_block(recipe, layer, place)
        for space, named, axes, where in asked:
            name, arguments = _named(space, named)
            if text := _unfit(space, name, arguments, axes):
                faults.append(Fault((where, place), f"{name} {text} of {title(layer)}"))
    return faults


def _of_block(recipe: "Recipe", layer: DenseLayer | ConvLayer, place: Where) -> Iterator[Asked]:
    axes, shared = 4 if isinstance(layer, ConvLayer) else 2, recipe.regularisation
    own = layer.initializer is not None
    where = (*place, "initializer") if own else ("model", "initializer")
    yield "initializers", layer.initializer or recipe.model.initializer, axes, where
    if shared.kernel_regularizer is not None:
        yield "regularizers", shared.kernel_regularizer, axes, ("regularisation", "kernel_regularizer")
    if shared.kernel_constraint is not None:
        yield "constraints", shared.kernel_constraint, axes, ("regularisation", "kernel_constraint")


def _of_keras(layer: KerasLayer, place: Where) -> Iterator[Asked]:
    for argument, value in layer.arguments.items():
        space, axes = nested_namespace(argument), _axes(layer.name, argument.rpartition("_")[0])
        if space is not None and space != "activations" and axes is not None and value is not None:
            yield space, value, axes, (*place, argument)


def _axes(layer: str, variable: str) -> int | None:
    """Return how many axes a variable of a layer has, where it is a dense or convolutional layer's kernel or bias."""
    found = WITH_EXTENTS.fullmatch(layer)
    if not found and layer != "Dense":
        return None
    if variable == "bias":
        return 1
    return 2 + (int(found[1]) if found else 0) if variable in KERNELS else None


def _named(space: Namespace, named: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the arguments of what a recipe or a layer's argument names; no name for a user's own."""
    if isinstance(named, str):
        named = {"name": named}
    name, arguments = (named["name"], named) if isinstance(named, Mapping) else (named.name, named.arguments)
    symbol = None if is_plugin(name) else catalogue.find(space, name)
    return (symbol.name if symbol else ""), arguments


def _unfit(space: Namespace, name: str, arguments: Mapping[str, Any], axes: int) -> str | None:
    """Return the end of the sentence for what cannot be done with a variable of so many axes."""
    if not FEWEST.get(name, 0) <= axes <= MOST.get(name, axes):
        exactly = "" if name in MOST else " or more"
        return f"needs {FEWEST[name]} axes{exactly}, and does not fit the {axes}"
    axis = complete(space, name, arguments).get("axis") if space == "constraints" else None
    if axis is not None and not all(is_whole(each, -axes) and each < axes for each in several(axis)):
        return f"along axis {show(axis)} does not fit the {axes} axes"
    return None
