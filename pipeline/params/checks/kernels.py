"""Rules between the axes of a kernel and its initializer, penalty and constraint."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.plugins import is_plugin
from pipeline.params.checks.layer_settings import as_list, complete, is_whole
from pipeline.params.faults import Fault, Where, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.arguments import nested_namespace
from pipeline.params.keras_names.catalogue import Namespace
from pipeline.params.types.layers import ConvLayer, DenseLayer, KerasLayer, title
from pipeline.params.types.recipe import ModelSpec, Recipe

Demand = tuple[Namespace, Any, int, Where]
"""An initializer, penalty or constraint: its namespace, its name, the number of axes of its variable, and where it is."""

FEWEST = {"Identity": 2, "Orthogonal": 2, "OrthogonalRegularizer": 2}
MOST = {"Identity": 2, "OrthogonalRegularizer": 2}
CONVOLUTION = re.compile(r"(?:Conv|DepthwiseConv|SeparableConv)([123])D(?:Transpose)?")
KERNELS = {"kernel", "depthwise", "pointwise"}


def kernel_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of layers where the number of axes does not fit an initializer, penalty or constraint."""
    chain, faults = recipe.chain, []
    for index, layer in enumerate(chain.layers if chain else ()):
        place = ("model", "layers", index)
        demands = (
            _of_keras(layer, place)
            if isinstance(layer, KerasLayer)
            else _of_block(recipe, chain, layer, place)
        )
        for space, named, axes, where in demands:
            name, arguments = _named(space, named)
            if text := _unfit(space, name, arguments, axes):
                faults.append(Fault((where, place), f"{name} {text} of {title(layer)}"))
    return faults


def _of_block(
    recipe: Recipe, chain: ModelSpec | None, layer: DenseLayer | ConvLayer, place: Where
) -> Iterator[Demand]:
    axes, shared = 4 if isinstance(layer, ConvLayer) else 2, recipe.regularisation
    where = (*place, "initializer") if layer.initializer is not None else ("model", "initializer")
    yield "initializers", layer.initializer or (chain and chain.initializer), axes, where
    if shared.kernel_regularizer is not None:
        yield "regularizers", shared.kernel_regularizer, axes, ("regularisation", "kernel_regularizer")
    if shared.kernel_constraint is not None:
        yield "constraints", shared.kernel_constraint, axes, ("regularisation", "kernel_constraint")


def _of_keras(layer: KerasLayer, place: Where) -> Iterator[Demand]:
    for argument, value in layer.arguments.items():
        space, axes = nested_namespace(argument), _axes(layer.name, argument.rpartition("_")[0])
        if space is not None and space != "activations" and axes is not None and value is not None:
            yield space, value, axes, (*place, argument)


def _axes(layer: str, variable: str) -> int | None:
    """Return how many axes a variable of a layer has, where it is a dense or convolutional layer's kernel or bias."""
    convolution = CONVOLUTION.fullmatch(layer)
    if not convolution and layer != "Dense":
        return None
    if variable == "bias":
        return 1
    return 2 + (int(convolution[1]) if convolution else 0) if variable in KERNELS else None


def _named(space: Namespace, named: Any) -> tuple[str, Mapping[str, Any]]:
    """Return the canonical name and the arguments in a recipe or a layer's argument; no name for a user's own."""
    if isinstance(named, str):
        named = {"name": named}
    name, arguments = (named["name"], named) if isinstance(named, Mapping) else (named.name, named.arguments)
    symbol = None if is_plugin(name) else catalogue.find(space, name)
    return (symbol.name if symbol else ""), arguments


def _unfit(space: Namespace, name: str, arguments: Mapping[str, Any], axes: int) -> str | None:
    """Return the end of the sentence for a name of Keras that cannot be used for a variable of `axes` axes."""
    if not FEWEST.get(name, 0) <= axes <= MOST.get(name, axes):
        exactly = "" if name in MOST else " or more"
        return f"needs {FEWEST[name]} axes{exactly}, and does not fit the {axes}"
    axis = complete(space, name, arguments).get("axis") if space == "constraints" else None
    if axis is not None and not all(is_whole(index, -axes) and index < axes for index in as_list(axis)):
        return f"along axis {show(axis)} does not fit the {axes} axes"
    return None
