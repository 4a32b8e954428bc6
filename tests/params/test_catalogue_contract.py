"""The catalogue, read from source text, against the real Keras."""

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from pipeline.params import catalogue
from pipeline.params.catalogue import EXPORTS, NAMESPACES, RESERVED, Namespace, Symbol

REQUIRED: dict[str, Any] = {
    "filters": 2,
    "kernel_size": 3,
    "units": 4,
    "rate": 0.5,
    "stddev": 0.5,
    "scale": 0.5,
    "output_size": 2,
    "target_shape": (4,),
    "dims": (1,),
    "n": 2,
    "equation": "ab,bc->ac",
    "output_shape": 3,
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "decay_rate": 0.5,
    "first_decay_steps": 10,
    "boundaries": [1],
    "values": [1.0, 0.5],
    "threshold": 0.5,
    "default_value": 0.0,
    "pool_size": 2,
    "alpha": 0.5,
}


@pytest.fixture(scope="module")
def keras() -> ModuleType:
    return importlib.import_module("keras")


def symbols() -> Iterator[Any]:
    for space in NAMESPACES:
        for name in catalogue.names(space):
            yield pytest.param(space, name, id=f"{space}-{name}")


def entry(space: Namespace, name: str) -> Symbol:
    found = catalogue.find(space, name)
    assert found is not None
    return found


def public(keras: ModuleType, space: Namespace, name: str) -> Any:
    module = keras
    for part in EXPORTS.get(space, space).split("."):
        module = getattr(module, part)
    return getattr(module, name)


@pytest.mark.parametrize(("space", "name"), list(symbols()))
def test_every_name_is_keras_own_and_its_signature_agrees(
    keras: ModuleType, space: Namespace, name: str
) -> None:
    real = public(keras, space, name)
    found = catalogue.arguments(entry(space, name))
    parameters = list(inspect.signature(real).parameters.values())
    if not inspect.isclass(real):
        parameters = parameters[1:]
    own = [each for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    own = [each for each in own if each.name not in RESERVED]
    assert [each.name for each in own] == list(found)[: len(own)]
    assert [each.default is each.empty for each in own] == [found[each.name].required for each in own]
    literal = [each for each in own if isinstance(each.default, bool | int | float | str)]
    assert [each.default for each in literal] == [found[each.name].default for each in literal]


@pytest.mark.parametrize(("space", "name"), list(symbols()))
def test_keras_accepts_every_argument_listed(keras: ModuleType, space: Namespace, name: str) -> None:
    real = public(keras, space, name)
    if not inspect.isclass(real):
        return
    listed = catalogue.arguments(entry(space, name)).values()
    given = {each.name: REQUIRED[each.name] for each in listed if each.required}
    for each in listed:
        if not each.required:
            real(**given, **{each.name: inherited_default(real, each.name)})


def inherited_default(kind: type, name: str) -> Any:
    inits = [inspect.signature(base.__init__).parameters for base in kind.__mro__ if "__init__" in vars(base)]
    return next(found[name].default for found in inits if name in found)


@pytest.mark.parametrize("space", ["activations", "initializers", "regularizers", "constraints"])
def test_keras_understands_the_spellings_that_are_handed_on_to_it(
    keras: ModuleType, space: Namespace
) -> None:
    get = getattr(keras, space).get
    for name in catalogue.names(space):
        symbol = entry(space, name)
        for written in {spelling for each in (name, *symbol.exports) for spelling in spellings(each)}:
            assert catalogue.is_understood(symbol, written) == is_read(get, written), written


def spellings(name: str) -> set[str]:
    snake = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return {name, name.lower(), name.upper(), name.title(), snake, snake.replace("_", "")}


def is_read(get: Any, written: str) -> bool:
    try:
        get(written)
    except (ValueError, KeyError):
        return False
    return True
