"""The graph of a functional or Sequential model: its layers with their paths, and the calls of them in order."""

import math
from collections.abc import Iterator
from typing import Any

import keras


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
