"""The arguments written with a name, checked against its signature."""

from collections.abc import Mapping
from typing import Any

from pipeline.core.errors import nearest
from pipeline.core.plugins import is_plugin
from pipeline.params.faults import Fault, fault_at, listing, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace, Symbol
from pipeline.params.keras_names.signatures import Argument
from pipeline.params.keras_names.vocabulary import unknown_name
from pipeline.params.numbers import is_integer, is_number

Written = Mapping[str, Any]

NESTED: dict[str, Namespace] = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}
"""The namespace that a layer's own argument takes its value from, by the last word of the argument's name."""


def nested_namespace(argument: str) -> Namespace | None:
    """Return the namespace that a layer's argument of this name takes its value from, if any."""
    return NESTED.get(argument.rpartition("_")[2])


def argument_faults(symbol: Symbol, written: Written, elsewhere: frozenset[str]) -> list[Fault]:
    """Return what is wrong with the arguments of `symbol`; those in `elsewhere` are filled in and checked elsewhere."""
    offered = {
        name: argument for name, argument in catalogue.arguments(symbol).items() if name not in elsewhere
    }
    checked = {key: value for key, value in written.items() if key not in elsewhere}
    return [
        *unknown_arguments(symbol.name, offered, checked),
        *missing_arguments(symbol.name, offered, checked),
        *_mistyped(symbol, offered, checked),
    ]


def typed(symbol: Symbol, written: Written) -> dict[str, Any]:
    """Return arguments, whole numbers as floats where the default is one: `1` and `1.0` are one recipe."""
    offered = catalogue.arguments(symbol)
    return {key: _typed(value, offered.get(key)) for key, value in written.items()}


def _typed(value: Any, argument: Argument | None) -> Any:
    is_float = argument is not None and isinstance(argument.default, float)
    return float(value) if is_float and is_integer(value) else value


def unknown_arguments(name: str, offered: Mapping[str, Argument], written: Written) -> list[Fault]:
    """Return a fault for each argument that `name` does not take."""
    takes = f"it takes {listing(offered)}" if offered else "it takes none"
    return [
        fault_at(f"is not an argument of {name}; {takes}.{nearest(str(key), offered)}", key)
        for key in written
        if key not in offered
    ]


def missing_arguments(name: str, offered: Mapping[str, Argument], written: Written) -> list[Fault]:
    """Return a fault for each argument that `name` requires and that is not written."""
    missing = [key for key, argument in offered.items() if argument.required and key not in written]
    return [fault_at(f"is missing; {name} requires it", key) for key in missing]


def _mistyped(symbol: Symbol, offered: Mapping[str, Argument], written: Written) -> list[Fault]:
    texts = {
        key: _type_fault(symbol.namespace, offered[key], value)
        for key, value in written.items()
        if key in offered and value is not None
    }
    return [fault_at(text, key) for key, text in texts.items() if text]


def _type_fault(namespace: Namespace, argument: Argument, value: object) -> str | None:
    default = argument.default
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"must be true or false; got {show(value)}"
    if is_number(default):
        is_axes = namespace in ("layers", "constraints") and isinstance(value, list)
        return None if is_axes or is_number(value) else f"must be a number; got {show(value)}"
    space = nested_namespace(argument.name)
    if space and isinstance(value, str) and not is_plugin(value) and not catalogue.find(space, value):
        return unknown_name(value, space)
    return None
