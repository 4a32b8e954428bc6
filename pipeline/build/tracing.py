"""What a layer computes, as text: traced with the backend, for layers whose configuration does not say it all."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import keras

ODD_SIZE = 7
"""What an unknown size is where the backend traces with known sizes alone."""


def traced(node: Any) -> list[str]:
    """Return what the layer of a call computes on tensors of the call's shapes, as canonical text without names.

    While training with its gradients and losses, and in use.
    """
    layer = node.operation
    variables = [layer.trainable_variables, layer.non_trainable_variables]
    trace = _traced_by_jax if keras.backend.backend() == "jax" else _traced_by_tensorflow
    return [
        trace(partial(_outputs, node, True), *variables, node.input_tensors, with_gradients=True),
        trace(partial(_outputs, node, False), *variables, node.input_tensors, with_gradients=False),
    ]


def _outputs(
    node: Any, training: bool, trainable: Sequence[Any], others: Sequence[Any], inputs: Sequence[Any]
) -> Any:
    """Return the layer's outputs, its new state and its losses for values of its variables and of its inputs."""
    values = dict(zip(map(id, node.input_tensors), inputs, strict=True))
    args, kwargs = node.arguments.fill_in(values)
    return node.operation.stateless_call(
        trainable, others, *args, **{**kwargs, "training": training}, return_losses=True
    )


def _total(outputs: Any) -> Any:
    """Return the sum of everything of floating point, to have gradients of."""
    parts = [
        each for each in keras.tree.flatten(outputs) if "float" in keras.backend.standardize_dtype(each.dtype)
    ]
    return sum((keras.ops.sum(keras.ops.cast(part, "float32")) for part in parts), keras.ops.zeros(()))


def _traced_by_jax(compute: Callable[..., Any], *groups: Iterable[Any], with_gradients: bool) -> str:
    import jax

    specs = [[jax.ShapeDtypeStruct(_known(each.shape), each.dtype) for each in group] for group in groups]
    text: str = jax.jit(compute).lower(*specs).as_text()
    if with_gradients:
        text += jax.jit(jax.grad(lambda *values: _total(compute(*values)))).lower(*specs).as_text()
    return text


def _known(shape: Sequence[int | None]) -> tuple[int, ...]:
    return tuple(ODD_SIZE if size is None else size for size in shape)


def _traced_by_tensorflow(compute: Callable[..., Any], *groups: Iterable[Any], with_gradients: bool) -> str:
    import tensorflow as tf

    def traced_function(trainable: Any, others: Any, inputs: Any) -> Any:
        outputs = compute(trainable, others, inputs)
        gradients = tf.gradients(_total(outputs), trainable) if with_gradients and trainable else []
        return outputs, [each for each in gradients if each is not None]

    specs = [[tf.TensorSpec(each.shape, each.dtype) for each in group] for group in groups]
    graph = tf.function(traced_function, autograph=False).get_concrete_function(*specs).graph
    definition = graph.as_graph_def()
    names: dict[str, str] = {}
    text = _nodes_text(
        definition.node, {each.signature.name: each for each in definition.library.function}, names
    )
    return f"{text}\n{[_renamed(each.name, names) for each in graph.outputs]}"


def _nodes_text(nodes: Iterable[Any], functions: Mapping[str, Any], names: dict[str, str]) -> str:
    """Return the operations of a TensorFlow graph, their names replaced by numbers, which are added to `names`."""
    lines = []
    nodes = list(nodes)
    names.update(zip((node.name for node in nodes), map(str, itertools.count()), strict=False))
    for node in nodes:
        attributes = [
            (key, _attribute_text(node.attr[key], functions)) for key in sorted(node.attr) if key[0] != "_"
        ]
        lines.append(f"{node.op} {[_renamed(name, names) for name in node.input]} {attributes}")
    return "\n".join(lines)


def _attribute_text(attribute: Any, functions: Mapping[str, Any]) -> str:
    called = [attribute.func, *attribute.list.func]
    if not any(each.name in functions for each in called):
        return str(attribute.SerializeToString(deterministic=True).hex())
    return "; ".join(_function_text(functions[each.name], functions) for each in called if each.name)


def _function_text(function: Any, functions: Mapping[str, Any]) -> str:
    """Return what a function in a TensorFlow graph computes."""
    names = {
        argument.name: f"argument {index}" for index, argument in enumerate(function.signature.input_arg)
    }
    text = _nodes_text(function.node_def, functions, names)
    return f"({text}\n{[_renamed(function.ret[each.name], names) for each in function.signature.output_arg]})"


def _renamed(tensor: str, names: Mapping[str, str]) -> str:
    """Return `layer/MatMul:0` as `7:0`."""
    mark = "^" if tensor.startswith("^") else ""
    name, colon, output = tensor.removeprefix("^").partition(":")
    return f"{mark}{names[name]}{colon}{output}"
