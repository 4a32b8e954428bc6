"""Activations, layers, initializers and regularizers of a built model exchanged for others, everywhere but in its head."""

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from pipeline.build.graph import calls, configuration, graph_of, is_graph, made_again, require_graph, words
from pipeline.build.resolve import activation_layer, make, make_layer
from pipeline.core.errors import UserError, nearest
from pipeline.core.plugins import is_plugin, load_object
from pipeline.core.project import root
from pipeline.params.faults import FaultsError, listing, one_of
from pipeline.params.keras_names.catalogue import Namespace, find, fold
from pipeline.params.keras_names.named import Named, read_named

SPACES: dict[str, tuple[Namespace, ...]] = {
    "activation": ("activations", "activation_layers"),
    "layer": ("layers",),
    "initializer": ("initializers",),
    "regularizer": ("regularizers",),
}
"""The kinds of what can be exchanged, and where Keras has them."""
KERNELS = {"kernel", "recurrent", "depthwise", "pointwise"}
NONE = "none"


def replaced(model: keras.Model, replacements: Mapping[str, Mapping[Any, Any]]) -> keras.Model:
    """Return a new model like `model`, with new variables, in which `replacements` are made everywhere but in the head.

    The head is the last layer with weights before each output, and what follows it. Old names are as Keras spells them,
    in either spelling (`relu`, `ReLU`); new ones may have arguments. The regularizer `none`, or null, is what kernels
    have that have none.

    Example: `replaced(model, {"activation": {"relu": "gelu"}, "regularizer": {"none": {"name": "L2", "l2": 1e-4}}})`.

    Raises `UserError` where `model` is subclassed or unbuilt, an old name occurs nowhere, Keras has no such new name, or
    what is new does not fit.
    """
    require_graph(model, "model.replace")
    for kind in replacements:
        if kind not in SPACES:
            raise UserError(f"model.replace: {one_of(SPACES, kind)}")
    exchanges = {kind: _Exchange(kind, replacements.get(kind, {})) for kind in SPACES}
    replacer = _Replacer(exchanges, _head(model))
    in_sequence = isinstance(model, keras.Sequential)
    try:
        result = keras.models.clone_model(
            model,
            clone_function=replacer.layer,
            call_function=None if in_sequence else replacer.called,
            recursive=True,
        )
    except UserError:
        raise
    except Exception as error:  # each layer refuses shapes with exceptions of its own
        raise UserError(f"model.replace: the model cannot be built. Keras: {words(error)}") from error
    for exchange in exchanges.values():
        exchange.check_all_occur()
    return result


class _Exchange:
    """The replacements of one kind, and the names of that kind that were seen in the model."""

    def __init__(self, kind: str, pairs: Mapping[Any, Any]) -> None:
        self.kind = kind
        self.seen: set[str] = set()
        self._old = {fold(self._spelled(old)): self._spelled(old) for old in pairs}
        self._new = {fold(self._spelled(old)): self._read(old, new) for old, new in pairs.items()}

    def concerns(self, name: object) -> bool:
        """Return whether what is called `name` is to be exchanged."""
        self.seen.add(self._spelled(name))
        return fold(self._spelled(name)) in self._new

    def new(self, name: object) -> Any:
        """Return the `Named` that takes the place of `name`; None for no regularizer."""
        return self._new[fold(self._spelled(name))]

    def own_objects(self) -> list[Any]:
        """Return the users' own classes and functions among what is new."""
        names = [named.name for named in self._new.values() if named]
        return [load_object(name, root()) for name in names if is_plugin(name)]

    def check_all_occur(self) -> None:
        """Raise `UserError` where a name to be exchanged was not seen."""
        seen = {fold(name) for name in self.seen}
        for folded, old in self._old.items():
            if folded not in seen:
                raise UserError(
                    f"model.replace.{self.kind}: {old!r} occurs nowhere outside the head; "
                    f"there are: {listing(sorted(self.seen)) or 'none'}.{nearest(old, self.seen)}"
                )

    def _spelled(self, name: object) -> str:
        """Return `name` as Keras spells it: `swish` as `silu`, `he_normal` as `HeNormal`."""
        known = (find(space, str(name)) for space in SPACES[self.kind])
        return NONE if name is None else next((symbol.name for symbol in known if symbol), str(name))

    def _read(self, old: object, new: Any) -> Named | None:
        if isinstance(new, Named):
            return new
        if self.kind == "regularizer" and (new is None or new == NONE):
            return None
        name = new.get("name") if isinstance(new, Mapping) else new
        if self.kind == "layer" and _only_keras_knows(name):
            return Named.model_validate({"name": name} if isinstance(new, str) else new)
        try:
            return Named.model_validate(read_named(new, *SPACES[self.kind]))
        except FaultsError as error:
            raise UserError(f"model.replace.{self.kind}.{old}: {error}") from None


class _Replacer:
    """Makes the layers of the new model, for `clone_model`; `head` are the ids of those that are made as they were."""

    def __init__(self, exchanges: Mapping[str, _Exchange], head: set[int]) -> None:
        self._exchanges, self._head = exchanges, head
        self._own = {own.__name__: own for each in exchanges.values() for own in each.own_objects()}
        self._exchanged: list[Any] = []

    def layer(self, old: Any) -> Any:
        """Return the new layer, or operation, for an old one."""
        if id(old) in self._head:
            return made_again(old, old.name)
        class_name, layers, activations = (
            type(old).__name__,
            self._exchanges["layer"],
            self._exchanges["activation"],
        )
        new = None
        if isinstance(old, keras.layers.Layer) and layers.concerns(class_name):
            new = make_layer(layers.new(class_name), name=old.name, trainable=old.trainable)
        elif _is_activation(old) and activations.concerns(class_name):
            new = activation_layer(activations.new(class_name), old.name)
        if new is not None:
            self._exchanged.append(new)
            return new
        with keras.saving.CustomObjectScope(self._own):
            return made_again(old, old.name, self._changed(configuration(old)))

    def called(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of a new layer: one in another's place may take fewer arguments (`mask`)."""
        if any(layer is each for each in self._exchanged):
            taken = inspect.signature(layer.call).parameters
            kwargs = {key: value for key, value in kwargs.items() if key in taken}
        return layer(*args, **kwargs)

    def _changed(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a layer's configuration with what it names exchanged, also in the configurations of layers in it."""
        return {key: self._changed_value(key, value) for key, value in config.items()}

    def _changed_value(self, key: str, value: Any) -> Any:
        kind = _kind(key)
        if kind is None:
            is_layer = isinstance(value, dict) and isinstance(value.get("config"), dict)
            return {**value, "config": self._changed(value["config"])} if is_layer else value
        may_be_given = kind == "regularizer" and key.partition("_")[0] in KERNELS
        if value is None and not may_be_given:
            return None
        name, exchange = _name(value), self._exchanges[kind]
        return _serialized(kind, exchange.new(name)) if exchange.concerns(name) else value


def _kind(argument: str) -> str | None:
    """Return the kind of what a layer's argument names, if any."""
    if argument == "activation":
        return argument
    role, _, kind = argument.rpartition("_")
    return kind if kind in {"initializer", "regularizer"} and not role.startswith("moving") else None


def _name(value: Any) -> str:
    """Return the name of what a layer's configuration has for such an argument."""
    if value is None:
        return NONE
    if isinstance(value, Mapping):
        return str(value["config"] if value["class_name"] == "function" else value["class_name"])
    return str(getattr(value, "__name__", value))


def _serialized(kind: str, named: Named | None) -> Any:
    """Return `named` as a layer's configuration has it."""
    if named is None:
        return None
    if kind != "activation":
        return keras.saving.serialize_keras_object(make(f"{kind}s", named))
    is_function = not named.arguments and hasattr(keras.activations, named.name)
    layer = None if is_function else activation_layer(named, named.name)
    return keras.saving.serialize_keras_object(layer) if layer else named.name


def _is_activation(operation: Any) -> bool:
    """Return whether this is a layer of Keras's such as `ReLU`, or what `keras.ops.relu(x)` became."""
    kind, is_layer = type(operation), isinstance(operation, keras.layers.Layer)
    known = find("activation_layers" if is_layer else "activations", kind.__name__)
    return known is not None and kind.__module__.startswith("keras.")


def _only_keras_knows(name: object) -> bool:
    """Return whether this is a layer that no chain may have, such as `Concatenate`; its arguments are Keras's to check."""
    is_class = isinstance(name, str) and isinstance(getattr(keras.layers, name, None), type)
    return is_class and find("layers", str(name)) is None


def _head(model: keras.Model) -> set[int]:
    """Return the ids of the last layers with weights before the outputs, and of what follows them."""
    graph = graph_of(model)
    producers = {id(output): node for node in calls(graph) for output in node.outputs}
    head: set[int] = set()
    tensors = list(graph.outputs)
    while tensors:
        node = producers.get(id(tensors.pop()))
        if node is None or id(node.operation) in head:
            continue
        head |= {id(node.operation), *(_head(node.operation) if is_graph(node.operation) else ())}
        if not getattr(node.operation, "weights", ()):
            tensors += node.input_tensors
    return head
