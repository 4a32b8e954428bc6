"""A layer's arguments, read as the rules of shapes need them; each rejects what Keras would not take."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic_core import PydanticCustomError

from pipeline.params import catalogue
from pipeline.params.catalogue import Namespace
from pipeline.params.faults import fault, reject, show

Settings = Mapping[str, Any]


def complete(space: Namespace, name: str, written: Settings) -> Settings:
    """Return all arguments of a name of Keras: those written, for the others Keras's defaults."""
    return {**_defaults(space, name), **written}


@cache
def _defaults(space: Namespace, name: str) -> Settings:
    symbol = catalogue.find(space, name)
    found = catalogue.arguments(symbol) if symbol else {}
    return {key: argument.default for key, argument in found.items()}


def wrong(text: str, *where: str) -> PydanticCustomError:
    """Return the error for a rule to raise; `where` is the argument to mend, nothing for the layer as a whole."""
    return reject(fault(text, *where))


def is_whole(value: object, least: int) -> bool:
    """Tell whether a value is a whole number of at least `least`."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def several(value: Any, count: int = 1) -> list[Any]:
    """Return what a list holds, or else the value itself, `count` times."""
    return list(value) if isinstance(value, list | tuple) else [value] * count


def one(arguments: Settings, name: str) -> int:
    """Return an argument that is a whole number above 0."""
    value = arguments[name]
    if not is_whole(value, 1):
        raise wrong(f"must be a whole number of at least 1; got {show(value)}", name)
    return int(value)


def each(arguments: Settings, name: str, count: int, least: int = 1) -> tuple[int, ...]:
    """Return an argument that holds `count` whole numbers, written as one for all or as a list."""
    value = arguments[name]
    found = several(value, count)
    if len(found) != count or not all(is_whole(number, least) for number in found):
        listed = f", or a list of {count}" if count > 1 else ""
        raise wrong(f"must be a whole number of at least {least}{listed}; got {show(value)}", name)
    return tuple(found)


def edges(arguments: Settings, name: str, rank: int) -> tuple[tuple[int, ...], ...]:
    """Return an argument that holds a number for both ends of each extent."""
    value = arguments[name]
    found = [value] if rank == 1 else several(value, rank)
    if len(found) != rank:
        raise wrong(f"must be a whole number, or a list of {rank}; got {show(value)}", name)
    return tuple(each({name: pair}, name, 2, least=0) for pair in found)


def word(arguments: Settings, name: str, *allowed: str, fold: bool = False) -> str:
    """Return an argument that is one of a few words; `fold`: in any case."""
    value = arguments[name]
    found = str(value).lower() if fold else value
    if found not in allowed:
        raise wrong(f"must be {' or '.join(allowed)}; got {show(value)}", name)
    return str(found)


def channels_first(arguments: Settings) -> bool:
    """Tell whether a layer takes `[channels, height, width]`."""
    if arguments.get("data_format") is None:
        return False
    return word(arguments, "data_format", "channels_last", "channels_first", fold=True) == "channels_first"


def axes(arguments: Settings, rank: int, lists: bool, batch: bool) -> list[int]:
    """Return the `axis` argument as numbers from 0, the batch, to `rank`.

    `lists`: there may be several; `batch`: it may be one of them.
    """
    value, count = arguments["axis"], rank + 1
    found = several(value) if lists else [value]
    if not all(is_whole(axis, -count) and axis < count and (batch or axis % count) for axis in found):
        kinds = " or a list of axes" if lists else ""
        text = f"must be an axis from {0 if batch else 1} to {rank}, or counted from the end{kinds}; got {show(value)}"
        raise wrong(text, "axis")
    return [axis % count for axis in found]
