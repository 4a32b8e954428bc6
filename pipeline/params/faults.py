"""Faults: what is wrong and where, from pydantic and from our own rules, as sentences a reader can act on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline.core.errors import nearest

Where = tuple[str | int, ...]
"""The keys and indexes that lead to a value: `("model", "layers", 0)`."""

MOST_WORDS = 14
MOST_CHARACTERS = 80
Model = TypeVar("Model", bound=BaseModel)

REQUIREMENTS: dict[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "greater_than": "greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "too_short": "at least {min_length} long",
    "too_long": "at most {max_length} long",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
}
"""What a value must be, by pydantic's type of error, with the context of the error filled in."""


@dataclass(frozen=True)
class Fault:
    """Something wrong. `places` lists the values that cause it together, the one to change first at the front."""

    places: tuple[Where, ...]
    text: str

    def under(self, *prefix: str | int) -> "Fault":
        """Return the same fault, its places relative to `prefix`."""
        return Fault(tuple((*prefix, *place) for place in self.places), self.text)

    def sentence(self) -> str:
        """Return `path: what is wrong`."""
        return f"{dotted(self.places[0])}: {self.text}" if self.places[0] else self.text


def fault_at(text: str, *where: str | int) -> Fault:
    """Return a fault with one place."""
    return Fault((where,), text)


def dotted(where: Where) -> str:
    """Return `("model", "layers", 0)` as `model.layers[0]`."""
    joined = "".join(f"[{step}]" if isinstance(step, int) else f".{_printable(step)}" for step in where)
    return joined.removeprefix(".")


def _printable(step: str) -> str:
    """Return a key as it is, or quoted where it has line ends or marks that change how a line reads."""
    return step if step.isprintable() else repr(step)


def show(value: object) -> str:
    """Return `value` as a message quotes it, cut to a readable length."""
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else _yaml(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."


def listing(allowed: Iterable[str]) -> str:
    """Return the allowed words in one line, the first dozen or so."""
    words = list(allowed)
    rest = f", ... ({len(words)} in all)" if len(words) > MOST_WORDS else ""
    return ", ".join(words[:MOST_WORDS]) + rest


def one_of(allowed: Iterable[str], value: object) -> str:
    """Return the sentence for a value that is not among the allowed words."""
    words = list(allowed)
    near = nearest(value, words) if isinstance(value, str) else ""
    return f"must be one of {listing(words)}; got {show(value)}.{near}"


def unknown_key(key: object, allowed: Iterable[str]) -> str:
    """Return the sentence for a key that does not exist."""
    words = list(allowed)
    return f"unknown key; allowed: {listing(words)}.{nearest(str(key), words)}"


class FaultsError(ValueError):
    """Raised by validators and rules that have found faults."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(fault.sentence() for fault in faults))
        self.faults = list(faults)


def invalid(text: str, *where: str | int) -> FaultsError:
    """Return the error to raise for one fault; `where` is relative to the value that is being read."""
    return FaultsError(fault_at(text, *where))


def read_as(kind: type[Model], value: object) -> Model:
    """Return `value` as a `kind` of section; raises `FaultsError` with every fault."""
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise FaultsError(*faults_of(error)) from None


def faults_of(error: ValidationError) -> list[Fault]:
    """Return every fault in an error of pydantic's."""
    return [fault for details in error.errors(include_url=False) for fault in _faults(details)]


def _faults(details: ErrorDetails) -> list[Fault]:
    where = details["loc"]
    raised = details.get("ctx", {}).get("error")
    if isinstance(raised, FaultsError):
        return [fault.under(*where) for fault in raised.faults]
    return [fault_at(_text(details), *where)]


def _text(details: ErrorDetails) -> str:
    context: Mapping[str, Any] = details.get("ctx", {})
    if details["type"] == "missing":
        return "is missing"
    if details["type"] == "literal_error":  # expected: "'a', 'b' or 'c'"
        return one_of(
            [word.strip("'") for word in re.split(", | or ", context["expected"])], details["input"]
        )
    requirement = REQUIREMENTS.get(details["type"])
    expected = details["msg"] if requirement is None else requirement.format(**context)
    return f"must be {expected}; got {show(details['input'])}"


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in list(value.items())[:MOST_WORDS]) + "}"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item) for item in value[:MOST_WORDS]) + "]"
    return str(value)
