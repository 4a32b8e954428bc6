"""What a built model consists of, as a table, and a digest of what it computes."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any
from uuid import uuid4

import keras
import numpy as np

from pipeline.build.graph import calls, graph_of, is_graph, parameters, walk
from pipeline.build.tracing import traced
from pipeline.core.errors import UserError

GIVEN_BY_KERAS = re.compile(r"(input_layer|keras_tensor)(_\d+)?")
DEEPEST = 20


@dataclass(frozen=True)
class LayerRow:
    """A row of a layer table; `name` is a path, `backbone/conv1`, in nested models, whose rows come before those in them.

    `output_shape` is text, `(None, 8, 8, 16)`; `?` where Keras does not know it.
    """

    name: str
    class_name: str
    output_shape: str
    parameters: int
    trainable: bool


def layer_table(model: keras.Model) -> list[LayerRow]:
    """Return the layers of `model` and of the models in it, as `model.summary(expand_nested=True)` shows them."""
    return [
        LayerRow(
            path,
            type(layer).__name__,
            _output_shape(layer),
            parameters(layer),
            bool(getattr(layer, "trainable", False)),
        )
        for path, layer in walk(model)
    ]


def _output_shape(layer: Any) -> str:
    try:
        shapes = [str(tuple(tensor.shape)) for tensor in keras.tree.flatten(layer.output)]
    except (AttributeError, ValueError):  # never called, or not on symbolic tensors
        return "?"
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def same_computation(one: keras.Model, other: keras.Model) -> bool:
    """Return whether two models compute the same, with weights of the same shapes that begin alike, whatever the names.

    False when in doubt; see `computation_digest`.
    """
    return computation_digest(one) == computation_digest(other)


def computation_digest(model: keras.Model) -> str:
    """Return a digest of what `model` computes, of its weights' shapes and initializers and of which can be trained.

    The same build has the same digest in every process; names and seeds do not count, nor whether layers are in nested
    models. Layers of Keras's are compared by their configuration; other layers, and subclassed models, by a trace of
    what they compute; what cannot be traced, or trains by a `train_step` of its own, is equal to nothing. `model` must
    have been made under `initializers_kept()` and built: where it is subclassed, called with `keras.Input`.

    Raises `UserError` where a subclassed model was not built.
    """
    form = _Form(model)
    text = json.dumps([form.outputs(model), form.entries, _training(model)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _training(model: keras.Model) -> str:
    """Return something unique for a model that trains in a way of its own: what it reads there is not known."""
    steps = [
        getattr(type(model), name) for name in ("train_step", "test_step", "compute_loss", "compute_metrics")
    ]
    return "" if all(step.__module__.startswith("keras.") for step in steps) else uuid4().hex


class _Form:
    """The canonical form of a computation: its calls in order, with layers and tensors by number."""

    def __init__(self, model: keras.Model) -> None:
        self.entries: list[Any] = []
        self._trainable = {id(weight) for weight in model.trainable_weights}
        self._layers: dict[int, int] = {}

    def outputs(self, model: keras.Model) -> Any:
        """Add all calls of the model; returns the numbers of its outputs."""
        if not is_graph(model):
            return self._outputs_of(_first_call(model), [])
        graph = graph_of(model)
        for tensor in graph.inputs:
            name = None if GIVEN_BY_KERAS.fullmatch(tensor.name) or len(graph.inputs) == 1 else tensor.name
            self.entries.append([list(tensor.shape), str(tensor.dtype), name])
        return self._outputs_of_graph(graph, [f"tensor {index}" for index, _ in enumerate(graph.inputs)])

    def _outputs_of_graph(self, graph: keras.Model, inputs: Sequence[str]) -> list[str]:
        known = dict(zip(map(id, graph.inputs), inputs, strict=False))
        for node in calls(graph):
            given = [known[id(tensor)] for tensor in node.input_tensors]
            arguments = node.arguments.convert(
                lambda each: known[id(each)] if isinstance(each, keras.KerasTensor) else _described(each)
            )
            outputs = self._outputs_of(node, given, arguments)
            known.update(zip(map(id, node.outputs), outputs, strict=True))
        return [known[id(output)] for output in graph.outputs]

    def _outputs_of(self, node: Any, given: Sequence[str], arguments: Any = None) -> list[str]:
        """Add one call; returns the numbers of its outputs."""
        operation = node.operation
        if is_graph(operation):
            settings = {key: value for key, value in arguments[1].items() if value is not None}
            if settings:
                self.entries.append(settings)
            return self._outputs_of_graph(graph_of(operation), given)
        if id(operation) not in self._layers:
            self._layers[id(operation)] = len(self._layers)
            self.entries.append(self._layer(node))
        start = len(self.entries)
        self.entries.append([self._layers[id(operation)], arguments])
        return [f"tensor {start}:{index}" for index, _ in enumerate(node.outputs)]

    def _layer(self, node: Any) -> Any:
        """Return the canonical form of a layer or an operation."""
        operation = node.operation
        config = _config(operation)
        weights = [
            [list(weight.shape), str(weight.dtype), id(weight) in self._trainable]
            for weight in getattr(operation, "weights", [])
        ]
        if config is not None:
            return [f"{type(operation).__module__}.{type(operation).__qualname__}", config, weights]
        try:
            trace = traced(node)
        except Exception:  # whatever a user's layer raises, or TensorFlow
            trace = [uuid4().hex]
        return [trace, weights, [_beginning(weight) for weight in getattr(operation, "weights", [])]]


def _first_call(model: keras.Model) -> Any:
    """Return the first call of a subclassed model, as a node."""
    if not model._inbound_nodes:
        shape = (model.get_build_config() or {}).get("input_shape")
        if shape is None:
            raise UserError(
                f"{type(model).__name__} {model.name!r} is not built: it must be called with keras.Input"
            )
        model(keras.Input(batch_shape=shape))
    return model._inbound_nodes[0]


def _config(operation: Any) -> Any:
    """Return a layer's configuration without its name and seeds; None where that does not say what it computes."""
    if not type(operation).__module__.startswith("keras.") or isinstance(operation, keras.layers.Lambda):
        return None
    config = {key: value for key, value in operation.get_config().items() if key != "name"}
    return None if _names_own_code(config) else _described(config)


def _names_own_code(config: Any) -> bool:
    """Return whether a configuration names a function or a class that is not Keras's."""
    if isinstance(config, list | tuple):
        return any(map(_names_own_code, config))
    if not isinstance(config, Mapping):
        return callable(config)
    own = not str(config.get("module") or "keras").startswith("keras") or config.get("registered_name")
    is_function = config.get("class_name") in {"function", "__lambda__"}
    return bool(own) or is_function or any(map(_names_own_code, config.values()))


def _beginning(weight: Any) -> Any:
    """Return what a variable begins with, and what holds for its values."""
    # In a scope that gives variables no values, Keras itself keeps the initializer.
    initializer = getattr(weight, "made_with", None) or weight._initializer
    return _described([initializer or np.asarray(weight), weight.regularizer, weight.constraint])


def _described(value: Any, depth: int = 0) -> Any:
    """Return a value as JSON has it, without seeds and layers' names; something unique for what is nested too deep."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if depth > DEEPEST:
        return uuid4().hex
    if isinstance(value, Mapping):
        unnamed = {"seed", "name"} if "trainable" in value else {"seed"}
        return {str(key): _described(each, depth + 1) for key, each in value.items() if key not in unnamed}
    if isinstance(value, list | tuple):
        return [_described(each, depth + 1) for each in value]
    return _described(_parts(value), depth + 1)


def _parts(value: Any) -> Any:
    """Return what tells an object from another one of its kind."""
    kind = type(value)
    if isinstance(value, CodeType):
        return [value.co_code.hex(), value.co_names, value.co_consts]
    if isinstance(value, FunctionType):
        closure = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__qualname__, value.__code__, value.__defaults__, value.__kwdefaults__, closure]
    if hasattr(value, "get_config"):
        own = {} if kind.__module__.startswith("keras.") else vars(value)
        return [f"{kind.__module__}.{kind.__qualname__}", value.get_config(), own]
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return [str(array.dtype), array.shape, hashlib.sha256(array.tobytes()).hexdigest()]
    return repr(value)  # with an address in it where it is an object: equal to no other
