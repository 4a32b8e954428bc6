"""The catalogue, read from source text, against the real Keras."""

import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import EXPORTS, NAMESPACES, RESERVED, Namespace, Symbol

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
    "num_classes": 3,
    "target_class_ids": [0],
    "recall": 0.5,
    "precision": 0.5,
    "specificity": 0.5,
    "sensitivity": 0.5,
    "height": 4,
    "width": 4,
    "factor": 0.25,
    "height_factor": 0.25,
    "width_factor": 0.25,
}

OF_ITS_OWN = {"RandomPosterization": {"factor": 4}}
NOT_LITERAL = {("RandomFlip", "mode")}  # the name of a constant in Keras's source


@pytest.fixture(scope="module")
def keras() -> ModuleType:
    return importlib.import_module("keras")


def symbols() -> Iterator[Any]:
    for space in NAMESPACES:
        for name in catalogue.names(space):
            yield pytest.param(space, name, id=f"{space}-{name}")


def entry(space: Namespace, name: str) -> Symbol:
    symbol = catalogue.find(space, name)
    assert symbol is not None
    return symbol


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
    listed = catalogue.arguments(entry(space, name))
    parameters = list(inspect.signature(real).parameters.values())
    if not inspect.isclass(real):
        parameters = parameters[1:]
    own = {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and parameter.name not in RESERVED
    }
    assert list(own) == list(listed)[: len(own)]
    empty = inspect.Parameter.empty
    assert {name: default is empty for name, default in own.items()} == {
        name: listed[name].required for name in own
    }
    literals = {
        argument: default
        for argument, default in own.items()
        if isinstance(default, bool | int | float | str) and (name, argument) not in NOT_LITERAL
    }
    assert literals == {name: listed[name].default for name in literals}


@pytest.mark.parametrize(("space", "name"), list(symbols()))
def test_keras_accepts_every_argument_listed(keras: ModuleType, space: Namespace, name: str) -> None:
    real = public(keras, space, name)
    if not inspect.isclass(real):
        return
    listed = catalogue.arguments(entry(space, name)).values()
    values = {**REQUIRED, **OF_ITS_OWN.get(name, {})}
    required = {argument.name: values[argument.name] for argument in listed if argument.required}
    for argument in listed:
        if not argument.required:
            real(**required, **{argument.name: inherited_default(real, argument.name)})


def inherited_default(kind: type, name: str) -> Any:
    inits = [inspect.signature(base.__init__).parameters for base in kind.__mro__ if "__init__" in vars(base)]
    return next(parameters[name].default for parameters in inits if name in parameters)


@pytest.mark.parametrize("space", ["activations", "initializers", "regularizers", "constraints"])
def test_keras_understands_the_spellings_that_are_handed_on_to_it(
    keras: ModuleType, space: Namespace
) -> None:
    get = getattr(keras, space).get
    for name in catalogue.names(space):
        symbol = entry(space, name)
        for written in {spelling for known in (name, *symbol.exports) for spelling in spellings(known)}:
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
