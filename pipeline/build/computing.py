"""What Keras refuses only when a model computes: an untrained model is traced once, without values."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras.src.backend import compute_output_spec

from pipeline.build.built import BuildError
from pipeline.build.graph import calls, graph_of, words

ROWS = 2
"""Of the batch that is traced: with a known number the backends refuse what they let pass with an unknown one."""


def check_computes(model: keras.Model) -> None:
    """Trace a functional model while it trains, and the penalties and constraints of its weights.

    Much that does not fit is no fault to Keras while a model is built, such as a negative padding, or an orthogonal penalty
    of a convolution. Raises `BuildError` in Keras's words, with the layer's name.
    """
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    batch = keras.tree.map_structure(_batch_of_rows, inputs)
    try:
        computed = compute_output_spec(lambda rows: model(rows, training=True), batch)
    except Exception as error:
        for node in calls(graph_of(model)):
            _check_call(node)
        raise BuildError(words(error)) from error
    _check_promise(f"the model {model.name}", model.outputs, computed)
    for layer in model._flatten_layers(include_self=False):
        _check_rules(layer)


def _batch_of_rows(tensor: Any) -> keras.KerasTensor:
    return keras.KerasTensor((ROWS, *tensor.shape[1:]), tensor.dtype)


def _check_call(node: Any) -> None:
    """Raise `BuildError` where a layer cannot be called as it is in a model's graph."""
    inputs = [_batch_of_rows(tensor) for tensor in node.input_tensors]
    takes_training = getattr(node.operation, "_call_has_training_arg", False)

    def call(*values: Any) -> Any:
        args, kwargs = node.arguments.fill_in(dict(zip(map(id, node.input_tensors), values, strict=True)))
        return node.operation(*args, **{**kwargs, **({"training": True} if takes_training else {})})

    place = f"the layer {node.operation.name}"
    _check_promise(place, node.outputs, _traced(place, call, *inputs))


def _check_promise(place: str, promised: Sequence[Any], computed: Any) -> None:
    """Raise `BuildError` where tensors have other shapes than Keras took them to have while the model was built."""
    for one, other in zip(promised, keras.tree.flatten(computed), strict=True):
        sizes = list(zip(one.shape[1:], other.shape[1:], strict=False))
        if len(one.shape) != len(other.shape) or any(size not in (None, real) for size, real in sizes):
            shapes = f"{tuple(one.shape[1:])}, and gives {tuple(other.shape[1:])}"
            raise BuildError(f"{place}: Keras expects it to give the shape {shapes}")


def _check_rules(layer: keras.layers.Layer) -> None:
    """Raise `BuildError` where a penalty or a constraint cannot be that of a layer's weight."""
    for weight in layer._trainable_variables:
        for rule in (weight.regularizer, weight.constraint):
            if rule is not None:
                spec = keras.KerasTensor(tuple(weight.shape), weight.dtype)
                _traced(f"the {weight.name} of the layer {layer.name}", rule, spec)


def _traced(place: str, call: Callable[..., Any], *inputs: keras.KerasTensor) -> Any:
    try:
        return compute_output_spec(call, *inputs)
    except Exception as error:
        raise BuildError(f"{place}: {words(error)}") from error
