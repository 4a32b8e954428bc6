"""Layers taken out of a model that somebody's code built."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import keras

from pipeline.build.graph import (
    calls,
    graph_of,
    is_graph,
    is_input,
    made_again,
    parameters,
    require_graph,
    walk,
    words,
)
from pipeline.build.replacement import replaced
from pipeline.core.errors import UserError, nearest
from pipeline.params.faults import listing

__all__ = ["Part", "Removed", "replaced", "without"]

MERGES = (
    *(keras.layers.Add, keras.layers.Subtract, keras.layers.Multiply, keras.layers.Average),
    *(keras.layers.Maximum, keras.layers.Minimum, keras.layers.Concatenate, keras.layers.Dot),
)
MERGING_OPERATIONS = {"Add", "Subtract", "Multiply", "Maximum", "Minimum", "Concatenate"}
"""What `x + y`, `keras.ops.maximum(x, y)` and their like are in a graph; these classes have no public names."""


@dataclass(frozen=True)
class Part:
    """A layer of a model: its name, with the path in nested models, its class and its number of parameters."""

    name: str
    class_name: str
    parameters: int


@dataclass(frozen=True)
class Removed:
    """What `without` did: layers taken out, merges whose inputs became one tensor, layers that nothing uses any more.

    `parameters` is the number of parameters saved, also by layers that stay and have become smaller; it is
    negative where those have grown.
    """

    layers: tuple[Part, ...]
    merges: tuple[str, ...]
    unused: tuple[Part, ...]
    parameters: int


def without(model: keras.Model, patterns: Sequence[str]) -> tuple[keras.Model, Removed]:
    """Return a new model like `model`, with new variables, that lacks the layers whose names match `patterns`.

    A pattern (`fnmatch`, case matters) is for a layer's name or its path, `backbone/conv_*`. What is taken out passes
    its input on, one with several inputs its first; so does a merge whose inputs have thereby become one tensor.

    Example: `without(model, ["se_*"])` turns `x * se(x)` into `x`.

    Raises `UserError` where `model` is subclassed or unbuilt, a pattern matches nothing, an input or the output layer, a
    layer has several outputs, or shapes no longer fit.
    """
    require_graph(model, "model.without")
    surgery = _Surgery(model, patterns)
    result = surgery.rebuilt(model)
    for path, old, new in zip(_output_paths(model), model.outputs, result.outputs, strict=False):
        if old.shape != new.shape:
            raise UserError(
                f"model.without: the output of {path!r} was {_shape(old)} and would be {_shape(new)} without "
                f"{listing(surgery.taken.values())}"
            )
    if model.compiled:
        result.compile_from_config(model.get_compile_config())
    return result, surgery.removed(model, result)


class _Surgery:
    """One call of `without`; `taken` are the paths of the layers to take out, by the layers' ids.

    `_sources` says, for each nested model by its id, which tensor stands in for a tensor of the old graph; `_new` are the
    new layers by the ids of the old ones, so that a shared layer stays shared.
    """

    def __init__(self, model: keras.Model, patterns: Sequence[str]) -> None:
        self.paths: dict[int, str] = {}
        for path, operation in walk(model):
            self.paths.setdefault(id(operation), path)
        self.taken = _matches(model, patterns)
        self.merges: list[str] = []
        self._sources: dict[int, dict[int, Any]] = {}
        self._new: dict[int, Any] = {}

    def rebuilt(self, model: keras.Model, given: Sequence[Any] = ()) -> keras.Model:
        """Return the new model for `model`; a nested one may now be `given` tensors of other shapes."""
        graph = graph_of(model)
        source = self._plan(model, graph)
        inputs = _new_inputs(graph, given)
        values = dict(zip(map(id, graph.inputs), keras.tree.flatten(inputs), strict=True))
        for node in _used(graph, source):
            outputs = self._called(node, values, source)
            values.update(zip(map(id, node.outputs), keras.tree.flatten(outputs), strict=True))
        outputs = keras.tree.map_structure(lambda tensor: values[id(_now(tensor, source))], graph.output)
        if isinstance(model, keras.Sequential):
            layers = [self._new[id(layer)] for layer in model.layers if id(layer) in self._new]
            return keras.Sequential([*inputs, *layers], name=model.name, trainable=model.trainable)
        own_constructor = not type(model).__init__.__module__.startswith("keras.")
        kind = keras.Model if own_constructor else type(model)
        return kind(inputs, outputs, name=model.name, trainable=model.trainable)

    def removed(self, model: keras.Model, result: keras.Model) -> Removed:
        """Return what changed from `model` to `result`."""
        inside = tuple(f"{path}/" for path in self.taken.values())
        taken, unused = {}, {}
        for path, operation in walk(model):
            if self.paths[id(operation)] != path or path.startswith(inside):
                continue
            part = Part(path, type(operation).__name__, parameters(operation))
            if id(operation) in self.taken:
                taken[path] = part
            elif not (id(operation) in self._new or is_graph(operation) or is_input(operation)):
                unused[path] = part
        merges = tuple(dict.fromkeys(self.merges))
        unused = {path: part for path, part in unused.items() if path not in merges}
        saved = parameters(model) - parameters(result)
        return Removed(tuple(taken.values()), merges, tuple(unused.values()), saved)

    def _plan(self, model: keras.Model, graph: keras.Model) -> dict[int, Any]:
        """Return, by the ids of tensors that fall away, the tensors of the same graph that stand in for them."""
        if id(model) not in self._sources:
            source: dict[int, Any] = {}
            for node in calls(graph):
                for output, stand_in in zip(node.outputs, self._passed_on(node, source), strict=True):
                    if stand_in is not None:
                        source[id(output)] = stand_in
            self._sources[id(model)] = source
        return self._sources[id(model)]

    def _passed_on(self, node: Any, source: Mapping[int, Any]) -> list[Any]:
        """Return for each output of a call the tensor that stands in for it, None where it is computed as before."""
        operation, before = node.operation, node.input_tensors
        now = [_now(tensor, source) for tensor in before]
        if id(operation) in self.taken:
            return [_now(_first_input(node), source)]
        if _is_merge(operation) and len({*map(id, before)}) > 1 and len({*map(id, now)}) == 1:
            self.merges.append(self.paths[id(operation)])
            return [now[0]]
        if is_graph(operation):
            inner = graph_of(operation)
            inner_source = self._plan(operation, inner)
            by_id = dict(zip(map(id, inner.inputs), now, strict=False))
            return [by_id.get(id(_now(output, inner_source))) for output in inner.outputs]
        return [None] * len(node.outputs)

    def _called(self, node: Any, values: Mapping[int, Any], source: Mapping[int, Any]) -> Any:
        """Return what the new layer gives for the new inputs of a call."""

        def new(argument: Any) -> Any:
            return values[id(_now(argument, source))] if isinstance(argument, keras.KerasTensor) else argument

        args, kwargs = node.arguments.convert(new)
        given = [new(tensor) for tensor in node.input_tensors]
        try:
            return self._layer(node.operation, given)(*args, **kwargs)
        except UserError:
            raise
        except Exception as error:  # each layer refuses shapes with exceptions of its own
            raise UserError(
                f"model.without: {type(node.operation).__name__} {self.paths[id(node.operation)]!r} no longer fits "
                f"without {listing(self.taken.values())}: it got {_shapes(node.input_tensors)} and would get "
                f"{_shapes(given)}. Keras: {words(error)}"
            ) from error

    def _layer(self, operation: Any, given: Sequence[Any]) -> Any:
        if id(operation) not in self._new:
            self._new[id(operation)] = (
                self.rebuilt(operation, given)
                if is_graph(operation)
                else made_again(operation, self.paths[id(operation)])
            )
        return self._new[id(operation)]


def _matches(model: keras.Model, patterns: Sequence[str]) -> dict[int, str]:
    """Return the paths of the layers to take out, by the layers' ids."""
    known = dict(walk(model))
    inner_inputs = {path for path, layer in known.items() if "/" in path and is_input(layer)}
    heads = set(_output_paths(model))
    taken: dict[int, str] = {}
    for pattern in patterns:
        matched = [
            path
            for path in known
            if path not in inner_inputs
            and (fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern))
        ]
        _check_matches(pattern, matched, known, heads)
        for path in matched:
            taken.setdefault(id(known[path]), path)
    outermost = set(taken.values())
    return {
        layer: path for layer, path in taken.items() if not any(above in outermost for above in _above(path))
    }


def _check_matches(pattern: str, matched: Sequence[str], known: Mapping[str, Any], heads: set[str]) -> None:
    """Raise `UserError` where a pattern matches nothing or what cannot be taken out."""
    start = f"model.without: {pattern!r} matches"
    if not matched:
        names = [path for path, layer in known.items() if not is_input(layer)]
        raise UserError(f"{start} no layer; there are: {listing(names)}.{nearest(pattern, names)}")
    for path in matched:
        layer = known[path]
        if is_input(layer):
            raise UserError(f"{start} the input {path!r}; inputs stay")
        if path in heads:
            raise UserError(f"{start} the output layer {path!r}; the head stays")
        for above in _above(path):
            if not is_graph(known[above]):
                raise UserError(
                    f"{start} {path!r} in {above!r}, which is subclassed: its layers cannot be taken out"
                )
        outputs = len(keras.tree.flatten(layer.output))
        if outputs > 1:
            raise UserError(
                f"{start} {path!r}, which has {outputs} outputs; a layer to take out must have one"
            )


def _above(path: str) -> list[str]:
    """Return the paths of the nested models that a layer is in."""
    steps = path.split("/")[:-1]
    return ["/".join(steps[: count + 1]) for count in range(len(steps))]


def _output_paths(model: keras.Model, prefix: str = "") -> list[str]:
    """Return the path of the layer behind each output, then, where that is a nested model, those behind its outputs."""
    graph = graph_of(model)
    producers = {id(output): node.operation for node in calls(graph) for output in node.outputs}
    last = [producers[id(output)] for output in graph.outputs if id(output) in producers]
    inner = [path for each in last if is_graph(each) for path in _output_paths(each, f"{prefix}{each.name}/")]
    return [*(f"{prefix}{each.name}" for each in last), *inner]


def _used(graph: keras.Model, source: Mapping[int, Any]) -> list[Any]:
    """Return the calls that the outputs still depend on, in order."""
    wanted = {id(_now(output, source)) for output in graph.outputs}
    used = []
    for node in reversed(calls(graph)):
        if any(id(output) in wanted for output in node.outputs):
            used.append(node)
            wanted |= {id(_now(tensor, source)) for tensor in node.input_tensors}
    return used[::-1]


def _now(tensor: Any, source: Mapping[int, Any]) -> Any:
    """Return what stands in for a tensor of the old graph: another one of it, or itself."""
    return source.get(id(tensor), tensor)


def _new_inputs(graph: keras.Model, given: Sequence[Any]) -> Any:
    """Return new inputs in the structure of `graph.input`, of the shapes of what is `given` where those differ."""
    layers = {id(layer.output): layer for layer in graph.layers if is_input(layer)}
    shapes = {id(old): new.shape for old, new in zip(graph.inputs, given, strict=False)}

    def new(tensor: Any) -> Any:
        config, shape = layers[id(tensor)].get_config(), shapes.get(id(tensor), tensor.shape)
        same_rank = len(shape) == len(tensor.shape)
        if not same_rank or any(
            size not in (None, now) for size, now in zip(tensor.shape, shape, strict=True)
        ):
            config["batch_shape"] = shape
        return keras.layers.InputLayer.from_config(config).output

    return keras.tree.map_structure(new, graph.input)


def _first_input(node: Any) -> Any:
    """Return the first tensor that a call was given, in the order of the arguments of the layer's `call`."""
    order = [*inspect.signature(node.operation.call).parameters]
    named = sorted(
        node.arguments.kwargs.items(),
        key=lambda item: order.index(item[0]) if item[0] in order else len(order),
    )
    ordered = keras.tree.flatten([*node.arguments.args, *(value for _, value in named)])
    return next(value for value in ordered if isinstance(value, keras.KerasTensor))


def _is_merge(operation: Any) -> bool:
    kind = type(operation)
    return isinstance(operation, MERGES) or (
        kind.__module__.startswith("keras.src.ops.") and kind.__name__ in MERGING_OPERATIONS
    )


def _shape(tensor: Any) -> str:
    return str(tuple(tensor.shape))


def _shapes(tensors: Iterable[Any]) -> str:
    return " and ".join(map(_shape, tensors))
