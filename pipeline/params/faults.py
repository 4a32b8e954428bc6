"""Faults: what is wrong and where, from pydantic and from our own rules, as sentences a reader can act on."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from pipeline.errors import nearest

Where = tuple[str | int, ...]
SHOWN = 14


@dataclass(frozen=True)
class Fault:
    """Something wrong. `at` lists the places that cause it together, the one to mend first at the front."""

    at: tuple[Where, ...]
    text: str

    def under(self, *prefix: str | int) -> "Fault":
        """Return the same fault, its places taken as relative to `prefix`."""
        return Fault(tuple((*prefix, *where) for where in self.at), self.text)

    def sentence(self) -> str:
        """Return `path: what is wrong`."""
        return f"{dotted(self.at[0])}: {self.text}" if self.at[0] else self.text


def fault(text: str, *where: str | int) -> Fault:
    """Return a fault with one place."""
    return Fault((where,), text)


def dotted(where: Where) -> str:
    """Return `("model", "layers", 0)` as `model.layers[0]`."""
    joined = "".join(f"[{step}]" if isinstance(step, int) else f".{_printable(step)}" for step in where)
    return joined.removeprefix(".")


def _printable(step: str) -> str:
    """Return a key as it is, or quoted where it holds line ends or marks that change how a line reads."""
    return step if step.isprintable() else repr(step)


def show(value: object) -> str:
    """Return `value` as a message quotes it, cut to a readable length."""
    text = "nothing" if value is None else repr(value) if isinstance(value, str) else _yaml(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def listing(allowed: Iterable[str]) -> str:
    """Return the allowed words in one line, the first dozen or so."""
    words = list(allowed)
    return ", ".join(words[:SHOWN]) + (f", ... ({len(words)} in all)" if len(words) > SHOWN else "")


def one_of(words: Iterable[str], came: object) -> str:
    """Return the sentence for a word that is not among those allowed."""
    allowed = list(words)
    near = nearest(came, allowed) if isinstance(came, str) else ""
    return f"must be one of {listing(allowed)}; got {show(came)}.{near}"


def unknown_key(key: object, allowed: Iterable[str]) -> str:
    """Return the sentence for a key that does not exist."""
    words = list(allowed)
    return f"unknown key; allowed: {listing(words)}.{nearest(str(key), words)}"


def reject(*faults: Fault) -> PydanticCustomError:
    """Return an error for a pydantic validator to raise, that carries several faults."""
    return PydanticCustomError("faults", "see faults", {"faults": faults})


def carried(error: PydanticCustomError) -> list[Fault]:
    """Return what `reject` put into an error."""
    return list((error.context or {}).get("faults", ()))


def faults_of(error: ValidationError) -> list[Fault]:
    """Return every fault that a pydantic error stands for."""
    return [found for details in error.errors(include_url=False) for found in _faults(details)]


def _faults(details: ErrorDetails) -> list[Fault]:
    where = details["loc"]
    if details["type"] == "faults":
        return [found.under(*where) for found in details["ctx"]["faults"]]
    return [fault(_text(details), *where)]


def _text(details: ErrorDetails) -> str:
    context: Mapping[str, Any] = details.get("ctx", {})
    if details["type"] == "missing":
        return "is missing"
    if details["type"] == "literal_error":
        words = re.findall(r"'([^']*)'", context["expected"])
        return one_of(words, details["input"])
    wanted = WANTED.get(details["type"])
    return f"must be {wanted(context) if wanted else details['msg']}; got {show(details['input'])}"


WANTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "int_type": lambda _: "a whole number",
    "int_from_float": lambda _: "a whole number",
    "int_parsing_size": lambda _: "a smaller whole number",
    "float_type": lambda _: "a number",
    "finite_number": lambda _: "a finite number",
    "string_type": lambda _: "text",
    "bool_type": lambda _: "true or false",
    "tuple_type": lambda _: "a list",
    "list_type": lambda _: "a list",
    "dict_type": lambda _: "a mapping",
    "greater_than": lambda context: f"greater than {context['gt']:g}",
    "greater_than_equal": lambda context: f"at least {context['ge']:g}",
    "less_than": lambda context: f"less than {context['lt']:g}",
    "less_than_equal": lambda context: f"at most {context['le']:g}",
    "too_short": lambda context: f"at least {context['min_length']} long",
    "too_long": lambda context: f"at most {context['max_length']} long",
    "string_too_short": lambda context: f"at least {context['min_length']} characters",
    "string_too_long": lambda context: f"at most {context['max_length']} characters",
}


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in list(value.items())[:SHOWN]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml(item) for item in value[:SHOWN]) + "]"
    return str(value)
