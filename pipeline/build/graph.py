"""The graph of a functional or Sequential model: its layers with their paths, and the calls of them in order."""

import math
import re
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import keras

from pipeline.core.errors import UserError

OWN_KINDS = (
    keras.layers.Layer,
    keras.initializers.Initializer,
    keras.regularizers.Regularizer,
    keras.constraints.Constraint,
)
TERMINAL_CODES = re.compile(r"\x1b\[\d+m")


def is_graph(layer: Any) -> bool:
    """Return whether `layer` is a model that computes what its graph says: functional, or Sequential and built.

    A subclass with a `call` of its own may compute anything.
    """
    known = isinstance(layer, keras.Function | keras.Sequential) and layer.built
    return known and type(layer).call.__module__.startswith("keras.")


def graph_of(model: keras.Model) -> keras.Model:
    """Return `model` as a functional model: itself, or what has the same layers where it is Sequential."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs, model.outputs, name=model.name)
    return model


def calls(graph: keras.Model) -> list[Any]:
    """Return the calls in a functional model's graph, Keras's nodes, each after those whose outputs it takes.

    A node has an `operation` (a layer, or what a function of `keras.ops` became), `arguments`, `input_tensors` and
    `outputs`.
    """
    by_depth = graph._nodes_by_depth  # `clone_model` reads the same; Keras has no public way
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def walk(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each layer and operation of `model` with its path, `inner/conv`; nested models before what is in them."""
    for operation in getattr(model, "operations", model.layers):
        path = f"{prefix}{operation.name}"
        yield path, operation
        if isinstance(operation, keras.Model):
            yield from walk(operation, f"{path}/")


def parameters(operation: Any) -> int:
    """Return the number of a layer's or a model's parameters; 0 for an operation that is no layer."""
    return sum(math.prod(weight.shape) for weight in getattr(operation, "weights", []))


def require_graph(model: keras.Model, key: str) -> None:
    """Raise `UserError` where `model` has no graph that can be changed."""
    if is_graph(model):
        return
    if isinstance(model, keras.Sequential) and not model.built:
        raise UserError(
            f"{key}: the Sequential model {model.name!r} has no input shape; begin it with keras.Input"
        )
    raise UserError(
        f"{key}: works for functional and Sequential models; {type(model).__name__} {model.name!r} is subclassed, "
        "and what its call computes is not known"
    )


def is_input(operation: Any) -> bool:
    """Return whether this is the layer behind an input."""
    return isinstance(operation, keras.layers.InputLayer)


def made_again(operation: Any, path: str, config: Mapping[str, Any] | None = None) -> Any:
    """Return a new layer (or operation) with the configuration of another one, or with `config`.

    Raises `UserError` where its class cannot be made from that.
    """
    config, kind = dict(config or configuration(operation)), type(operation)
    try:
        if isinstance(operation, keras.layers.Lambda):  # its `from_config` takes no functions
            return kind(**{**config, "arguments": operation.arguments})
        with keras.saving.CustomObjectScope(_own_classes(operation)):
            return kind.from_config(config)
    except Exception as error:  # a class of a user's own may raise anything
        raise UserError(
            f"{kind.__name__} {path!r} cannot be made again from its configuration. Keras: {words(error)}"
        ) from error


def configuration(operation: Any) -> dict[str, Any]:
    """Return a layer's configuration in which functions are themselves: Keras finds those of a user by no name."""
    config: dict[str, Any] = operation.get_config()
    functions = {key: getattr(operation, key, None) for key in config}
    return {**config, **{key: value for key, value in functions.items() if isinstance(value, FunctionType)}}


def _own_classes(operation: Any) -> dict[str, type]:
    """Return the classes by name of the objects that a layer and the layers in it were given."""
    layers = operation._flatten_layers() if isinstance(operation, keras.layers.Layer) else []
    values = [value for layer in layers for value in (layer, *vars(layer).values())]
    kinds = {type(value) for value in values if isinstance(value, OWN_KINDS)}
    return {kind.__name__: kind for kind in kinds if not kind.__module__.startswith("keras.")}


def words(error: Exception) -> str:
    """Return what an exception of Keras says, without the frame that Keras puts around it."""
    text = TERMINAL_CODES.sub("", str(error)).rpartition("Exception encountered: ")[2]
    parts = [part for part in text.split("\n\n") if not part.startswith("Exception encountered when")]
    return " ".join((parts or [type(error).__name__])[0].split())
