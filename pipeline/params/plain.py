"""YAML into plain data, as JSON has it: mappings with text keys, lists, text, finite numbers, true, null."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipeline.params.faults import Fault, Where, fault, show

DEEPEST, MOST, LARGEST_FILE = 40, 200_000, 4_000_000


def read(path: Path) -> tuple[Any, list[Fault]]:
    """Return what a YAML file holds as plain data, and the faults that keep it from being that."""
    try:
        text = path.read_bytes()[: LARGEST_FILE + 1].decode("utf-8-sig")
    except OSError as error:
        return None, [fault(f"cannot be read: {error.strerror or error}")]
    except UnicodeDecodeError as error:
        return None, [fault(f"is not UTF-8 text (byte {error.start} is not)")]
    if len(text) > LARGEST_FILE:
        return None, [fault(f"is larger than {LARGEST_FILE // 1_000_000} MB")]
    return parse(text)


def parse(text: str) -> tuple[Any, list[Fault]]:
    """Return what YAML 1.2 text holds as plain data, and the faults that keep it from being that."""
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        return None, [fault(f"{_mark(error)}{_first_line(error.problem)}: each key may stand only once")]
    except MarkedYAMLError as error:
        return None, [fault(f"{_mark(error)}is not YAML: {_first_line(error.problem or error.context)}")]
    except (
        YAMLError,
        ValueError,
        TypeError,
        AttributeError,
        RecursionError,
        OverflowError,
        KeyError,
    ) as error:
        return None, [
            fault(f"is not YAML that can be read: {type(error).__name__}: {_first_line(str(error))}")
        ]
    faults = list(_faults(value))
    return (None, faults) if faults else (value, [])


def _mark(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


def _first_line(text: str | None) -> str:
    return (text or "no reason given").strip().splitlines()[0]


def _faults(root: Any) -> Iterator[Fault]:
    """Walk without recursion, so that neither depth nor aliases within aliases can exhaust anything."""
    pending: list[tuple[Where, Any]] = [((), root)]
    for seen in range(MOST):
        if not pending:
            return
        where, value = pending.pop()
        if len(where) > DEEPEST:
            yield fault(f"is nested deeper than {DEEPEST} levels", *where[:4])
            return
        yield from _own_faults(where, value)
        pending += list(_children(where, value))
        if len(pending) + seen > MOST:
            break
    if pending:
        yield fault(f"holds more than {MOST} values (aliases count each time)")


def _children(where: Where, value: Any) -> Iterator[tuple[Where, Any]]:
    if isinstance(value, dict):
        yield from (((*where, key), item) for key, item in reversed(value.items()) if isinstance(key, str))
    elif isinstance(value, list):
        yield from (((*where, index), item) for index, item in reversed(list(enumerate(value))))


def _own_faults(where: Where, value: Any) -> Iterator[Fault]:
    if isinstance(value, dict):
        for key in value:
            text = key if isinstance(key, str) else None
            if text is None or not _is_text(text):
                yield fault(f"keys must be text; got {show(key)}; put it in quotes", *where)
    elif not (value is None or isinstance(value, list | bool)):
        reason = _scalar_fault(value)
        if reason:
            yield fault(reason, *where)


def _scalar_fault(value: object) -> str | None:
    if isinstance(value, str):
        return None if _is_text(value) else "holds characters that are not text (lone surrogates)"
    if isinstance(value, int):
        return None if abs(value) < 2**63 else "is a whole number beyond 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"must be a finite number; got {value}"
    kind = type(value).__name__
    return f"must be text, a number, true, false, a list or a mapping; got a {kind}; put it in quotes"


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
