"""A layer's arguments, read as the rules of shapes need them; raises `FaultsError` for what Keras would not take."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pipeline.params.faults import invalid, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace
from pipeline.params.numbers import is_integer

Settings = Mapping[str, Any]


def complete(space: Namespace, name: str, written: Settings) -> Settings:
    """Return all arguments of a name of Keras: those written, and Keras's defaults for the others."""
    return {**_defaults(space, name), **written}


@cache
def _defaults(space: Namespace, name: str) -> Settings:
    symbol = catalogue.find(space, name)
    arguments = catalogue.arguments(symbol) if symbol else {}
    return {name: argument.default for name, argument in arguments.items()}


def is_whole(value: object, least: int) -> bool:
    """Return whether a value is a whole number of at least `least`."""
    return is_integer(value) and value >= least


def as_list(value: Any, count: int = 1) -> list[Any]:
    """Return the items of a list, or else the value itself, `count` times."""
    return list(value) if isinstance(value, list | tuple) else [value] * count


def whole_number(arguments: Settings, name: str) -> int:
    """Return an argument that is a whole number above 0."""
    value = arguments[name]
    if not is_whole(value, 1):
        raise invalid(f"must be a whole number of at least 1; got {show(value)}", name)
    return int(value)


def whole_numbers(arguments: Settings, name: str, count: int, least: int = 1) -> tuple[int, ...]:
    """Return an argument that is `count` whole numbers, written as one for all or as a list."""
    value = arguments[name]
    numbers = as_list(value, count)
    if len(numbers) != count or not all(is_whole(number, least) for number in numbers):
        listed = f", or a list of {count}" if count > 1 else ""
        raise invalid(f"must be a whole number of at least {least}{listed}; got {show(value)}", name)
    return tuple(numbers)


def edges(arguments: Settings, name: str, rank: int) -> tuple[tuple[int, ...], ...]:
    """Return an argument that is a pair of numbers, for the two ends, for each extent."""
    value = arguments[name]
    pairs = [value] if rank == 1 else as_list(value, rank)
    if len(pairs) != rank:
        raise invalid(f"must be a whole number, or a list of {rank}; got {show(value)}", name)
    return tuple(whole_numbers({name: pair}, name, 2, least=0) for pair in pairs)


def word(arguments: Settings, name: str, *allowed: str, fold: bool = False) -> str:
    """Return an argument that is one of a few words; `fold`: in any case."""
    value = arguments[name]
    folded = str(value).lower() if fold else value
    if folded not in allowed:
        raise invalid(f"must be {' or '.join(allowed)}; got {show(value)}", name)
    return str(folded)


def channels_first(arguments: Settings) -> bool:
    """Return whether a layer takes `[channels, height, width]`."""
    if arguments.get("data_format") is None:
        return False
    return word(arguments, "data_format", "channels_last", "channels_first", fold=True) == "channels_first"


def axes(arguments: Settings, rank: int, lists: bool, batch: bool) -> list[int]:
    """Return the `axis` argument as numbers from 0, the batch, to `rank`.

    `lists`: there may be several; `batch`: it may be one of them.
    """
    value, count = arguments["axis"], rank + 1
    chosen = as_list(value) if lists else [value]
    if not all(is_whole(axis, -count) and axis < count and (batch or axis % count) for axis in chosen):
        kinds = " or a list of axes" if lists else ""
        text = f"must be an axis from {0 if batch else 1} to {rank}, or counted from the end{kinds}; got {show(value)}"
        raise invalid(text, "axis")
    return [axis % count for axis in chosen]
