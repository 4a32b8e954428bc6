"""What a model computes, as a digest: two models may share a compiled graph only where their digests are equal.

Configurations do not tell: a layer may hold a number in a closure, and a layer's name may be a hyperparameter. So the
model is traced, while training and while evaluating, and every operation, constant and connection counts; names do not.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import op_def_registry  # what says which operations have a state

from pipeline.engine.fused.lifting import dropouts

CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
"""Operations that do what the functions in their attributes do."""
STAND_IN = 0.5
"""The rate of dropouts while a model is traced."""


@dataclass(frozen=True)
class Computation:
    """A traced model: the digest of what it computes, and the kinds of its operations."""

    digest: str
    operations: frozenset[str]

    @property
    def convolves(self) -> bool:
        """Whether there is a convolution in it."""
        return any("Conv" in operation for operation in self.operations)

    @property
    def loops(self) -> bool:
        """Whether there is a loop in it, such as that of a recurrent layer, which XLA compiles slowly or not at all."""
        return any("While" in operation for operation in self.operations)


def computation(model: keras.Model, inputs: Any) -> Computation | None:
    """Return what `model` computes from a batch of rows like those of `inputs` `[n, ...]`.

    Return None where that may depend on more than its variables and inputs: on other variables, tables, files, Python
    code that runs at each step, or random numbers that are not drawn from the model's own seeds.
    """
    graph = _traced(model, inputs)
    held = [external for external, _ in graph.captures]
    definition = graph.as_graph_def()
    functions = {function.signature.name: function for function in definition.library.function}
    bodies = [definition.node, *(function.node_def for function in functions.values())]
    operations = {node.op for body in bodies for node in body}
    if not all(map(_is_constant, held)) or any(_has_state(operation) for operation in operations):
        return None
    digests = _Digests(functions)
    outputs = [tensor.name for tensor in graph.outputs]
    inner = [internal.name for _, internal in graph.captures]
    content = digests.of_nodes(definition.node, [], [*outputs, *inner])
    return Computation(_digest([content, *map(_constant, held)]), frozenset(operations))


def _traced(model: keras.Model, inputs: Any) -> Any:
    """Return the graph of `model` while training and while evaluating, and of its constraints."""

    def both(trainable: Any, state: Any, batch: Any) -> Any:
        calls = [
            model.stateless_call(trainable, state, batch, training=training, return_losses=True)
            for training in (True, False)
        ]
        constrained = [
            variable.constraint(value)
            for variable, value in zip(model.trainable_variables, trainable, strict=True)
            if variable.constraint is not None
        ]
        return calls, constrained

    with _rates_alike(dropouts(model)):
        traced = tf.function(both, autograph=False).get_concrete_function(
            [_like(variable) for variable in model.trainable_variables],
            [_like(variable) for variable in model.non_trainable_variables],
            tf.TensorSpec([None, *inputs.shape[1:]], inputs.dtype),
        )
    return traced.graph


@contextmanager
def _rates_alike(layers: Sequence[keras.layers.Layer]) -> Iterator[None]:
    """Give all dropouts one rate, so that models that differ in it alone are traced alike."""
    rates = [layer.rate for layer in layers]
    try:
        for layer in layers:
            layer.rate = STAND_IN
        yield
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate


def _like(variable: keras.Variable) -> tf.TensorSpec:
    return tf.TensorSpec(variable.shape, variable.dtype)


def _is_constant(tensor: Any) -> bool:
    """Return whether a tensor that a graph holds is neither a variable nor a table, whose values may change."""
    return tensor.dtype not in (tf.resource, tf.variant) and hasattr(tensor, "numpy")


def _constant(tensor: Any) -> str:
    array = tensor.numpy()
    content = repr(array.tolist()) if array.dtype.hasobject else array.tobytes()
    return _digest([array.dtype.name, repr(array.shape), content])


def _has_state(operation: str) -> bool:
    definition = op_def_registry.get(operation)
    return operation not in CALLS and (definition is None or definition.is_stateful)


class _Digests:
    """Digests of functions that graphs call, without the names in them."""

    def __init__(self, functions: Mapping[str, Any]) -> None:
        self._functions = functions
        self._known: dict[str, str] = {}

    def of_nodes(self, nodes: Iterable[Any], arguments: Sequence[str], results: Iterable[str]) -> str:
        """Return a digest of `nodes` and `results` (names of tensors), nodes and arguments numbered by their order."""
        nodes = list(nodes)
        numbers = {
            name: f"#{number}" for number, name in enumerate([*arguments, *(node.name for node in nodes)])
        }
        lines = [
            [node.op, *(_numbered(name, numbers) for name in node.input), *self._attributes(node.attr)]
            for node in nodes
        ]
        return _digest([repr(lines), repr([_numbered(name, numbers) for name in results])])

    def _of_function(self, name: str) -> str:
        if name not in self._known:
            function = self._functions[name]
            arguments = [argument.name for argument in function.signature.input_arg]
            results = [function.ret[result.name] for result in function.signature.output_arg]
            controls = sorted(function.control_ret.values())
            self._known[name] = self.of_nodes(function.node_def, arguments, [*results, *controls])
        return self._known[name]

    def _attributes(self, attributes: Mapping[str, Any]) -> Iterator[Any]:
        for key in sorted(attributes):
            value = attributes[key]
            if key == "_class":  # which operations are placed together, by name
                continue
            called = [value.func] if value.HasField("func") else value.list.func
            if called:
                yield key, [self._of_function(function.name) for function in called]
            else:
                yield key, value.SerializeToString(deterministic=True)


def _numbered(tensor: str, numbers: Mapping[str, str]) -> str:
    """Return the name of a tensor, `^node`, `node:0` or `node:output:0`, with a number for the node."""
    mark = "^" if tensor.startswith("^") else ""
    node, _, output = tensor.removeprefix("^").partition(":")
    return f"{mark}{numbers[node]}:{output or '0'}"


def _digest(parts: Iterable[str | bytes]) -> str:
    content = hashlib.sha256()
    for part in parts:
        content.update(part if isinstance(part, bytes) else part.encode())
        content.update(b"\0")
    return content.hexdigest()
