"""The arguments written beside a name, checked against its signature."""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import nearest
from pipeline.params import catalogue
from pipeline.params.catalogue import Namespace, Symbol
from pipeline.params.faults import Fault, fault, listing, show
from pipeline.params.ranges import value_fault
from pipeline.params.signatures import Argument
from pipeline.params.vocabulary import unknown_name
from pipeline.plugins import is_plugin

Written = Mapping[str, Any]

# What a layer's own argument names, by the end of the argument's name.
NESTED: dict[str, Namespace] = {
    "activation": "activations",
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
}


def nested_namespace(argument: str) -> Namespace | None:
    """Return what kind of thing a layer's argument of this name names itself, if any."""
    return NESTED.get(argument.rpartition("_")[2])


def argument_faults(symbol: Symbol, written: Written, given: frozenset[str]) -> list[Fault]:
    """Return what is wrong with the arguments of `symbol`; those in `given` come from elsewhere."""
    offered = {name: each for name, each in catalogue.arguments(symbol).items() if name not in given}
    checked = {key: item for key, item in written.items() if key not in given}
    return [
        *_unknown(symbol, offered, checked),
        *_missing(symbol, offered, checked),
        *_mistyped(symbol, offered, checked),
    ]


def typed(symbol: Symbol, written: Written) -> dict[str, Any]:
    """Return arguments, whole numbers as floats where the default is one: `1` and `1.0` are one recipe."""
    offered = catalogue.arguments(symbol)
    return {key: _typed(item, offered.get(key)) for key, item in written.items()}


def _typed(value: Any, argument: Argument | None) -> Any:
    floating = argument is not None and isinstance(argument.default, float)
    return float(value) if floating and _is_whole(value) else value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _unknown(symbol: Symbol, offered: Mapping[str, Argument], written: Written) -> list[Fault]:
    takes = f"it takes {listing(offered)}" if offered else "it takes none"
    return [
        fault(f"is not an argument of {symbol.name}; {takes}.{nearest(str(key), offered)}", key)
        for key in written
        if key not in offered
    ]


def _missing(symbol: Symbol, offered: Mapping[str, Argument], written: Written) -> list[Fault]:
    needed = [name for name, argument in offered.items() if argument.required and name not in written]
    return [fault(f"is missing; {symbol.name} requires it", name) for name in needed]


def _mistyped(symbol: Symbol, offered: Mapping[str, Argument], written: Written) -> list[Fault]:
    found = {
        key: _mistake(symbol.namespace, offered[key], item) or value_fault(symbol.name, key, item)
        for key, item in written.items()
        if key in offered and item is not None
    }
    return [fault(text, key) for key, text in found.items() if text]


def _mistake(namespace: Namespace, argument: Argument, value: object) -> str | None:
    default, got = argument.default, show(value)
    if isinstance(default, bool):
        return None if isinstance(value, bool) else f"must be true or false; got {got}"
    if isinstance(default, int | float):
        several = namespace in ("layers", "constraints") and isinstance(value, list)  # axes
        return (
            None
            if several or isinstance(value, float) or _is_whole(value)
            else f"must be a number; got {got}"
        )
    space = nested_namespace(argument.name)
    if space and isinstance(value, str) and not is_plugin(value) and not catalogue.find(space, value):
        return unknown_name(value, space)
    return None
