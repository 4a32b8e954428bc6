"""YAML into plain data, as JSON has it: mappings with text keys, lists, text, finite numbers, true, null."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from pipeline.params.faults import Fault, Where, fault_at, show

MOST_LEVELS, MOST_VALUES, MOST_BYTES = 40, 200_000, 1_000_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and line ends

NOT_YAML = (YAMLError, ValueError, TypeError, AttributeError, RecursionError, OverflowError, KeyError)
"""What ruamel.yaml, or a constructor of Python's that it calls, raises for text that is not YAML."""
TOO_DEEP = f"is nested deeper than {MOST_LEVELS} levels"
TOO_MANY = f"holds more than {MOST_VALUES} values (aliases count each time)"


def read(path: Path) -> tuple[Any, list[Fault]]:
    """Return the content of a YAML file as plain data, or None and why it is not plain data."""
    try:
        text = path.read_bytes()[: MOST_BYTES + 1].decode("utf-8-sig")
    except OSError as error:
        return None, [fault_at(f"cannot be read: {error.strerror or error}")]
    except UnicodeDecodeError as error:
        return None, [fault_at(f"is not UTF-8 text (byte {error.start} is not)")]
    if len(text) > MOST_BYTES:
        return None, [fault_at(f"is larger than {MOST_BYTES // 1_000_000} MB")]
    return parse(text)


def parse(text: str) -> tuple[Any, list[Fault]]:
    """Return YAML 1.2 text as plain data, or None and why it is not plain data."""
    try:
        yaml = YAML(typ="safe", pure=True)
        root = yaml.compose(text)
        oversized = _oversized(root)  # before anything is built: aliases and merge keys multiply
        if oversized is not None:
            return None, [fault_at(oversized)]
        value = yaml.constructor.construct_document(root) if root is not None else None
    except DuplicateKeyError as error:
        return None, [fault_at(f"{_mark(error)}{_first_line(error.problem)}: each key may be used only once")]
    except MarkedYAMLError as error:
        return None, [fault_at(f"{_mark(error)}is not YAML: {_first_line(error.problem or error.context)}")]
    except NOT_YAML as error:
        kind, reason = type(error).__name__, _first_line(str(error))
        return None, [fault_at(f"is not YAML that can be read: {kind}: {reason}")]
    faults = list(_faults(value))
    return (None, faults) if faults else (value, [])


def _oversized(root: Node | None) -> str | None:
    """Return the sentence for nodes that, counted as often as aliases repeat them, are too many or too deep.

    An alias within the node that it names counts as too deep.
    """
    sizes: dict[int, tuple[int, int]] = {}  # by node: the number of values in it, and its depth
    pending, open_nodes = [(root, False)], set()
    while pending:
        node, children_are_sized = pending.pop()
        children = list(_children_of_node(node))
        if children_are_sized:
            inner = [sizes[id(child)] for child in children]
            size, depth = (
                1 + sum(size for size, _ in inner),
                1 + max((depth for _, depth in inner), default=0),
            )
            if size > 2 * MOST_VALUES:  # keys are nodes too
                return TOO_MANY
            if depth > MOST_LEVELS + 1:
                return TOO_DEEP
            sizes[id(node)] = size, depth
            open_nodes.discard(id(node))
        elif id(node) in open_nodes:
            return f"{TOO_DEEP}: an alias is inside the value that it names"
        elif id(node) not in sizes:
            open_nodes.add(id(node))
            pending.append((node, True))
            pending += [(child, False) for child in children if id(child) not in sizes]
    return None


def _children_of_node(node: Node | None) -> Iterator[Node]:
    if isinstance(node, MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, SequenceNode):
        yield from node.value


def _mark(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""


def _first_line(text: str | None) -> str:
    return (text or "no reason given").strip().splitlines()[0]


def _faults(root: Any) -> Iterator[Fault]:
    """Walk without recursion, so that neither depth nor aliases within aliases can exhaust anything."""
    pending: list[tuple[Where, Any]] = [((), root)]
    for visited in range(MOST_VALUES):
        if not pending:
            return
        where, value = pending.pop()
        if len(where) > MOST_LEVELS:
            yield fault_at(TOO_DEEP, *where[:4])
            return
        yield from (fault_at(text, *where) for text in _own_faults(value))
        pending += _children(where, value)
        if len(pending) + visited > MOST_VALUES:
            break
    if pending:
        yield fault_at(TOO_MANY)


def _children(where: Where, value: Any) -> Iterator[tuple[Where, Any]]:
    if isinstance(value, dict):
        yield from (((*where, key), item) for key, item in reversed(value.items()) if isinstance(key, str))
    elif isinstance(value, list):
        yield from (((*where, index), item) for index, item in reversed(list(enumerate(value))))


def _own_faults(value: Any) -> Iterator[str]:
    """Yield what is wrong with a value itself, its items aside."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str) or not _is_text(key):
                yield f"keys must be text; got {show(key)}; {_as_text(key)}"
            elif CONTROL.search(key):
                yield f"keys must not hold control characters; got {show(key)}"
    elif not isinstance(value, list) and (reason := _scalar_fault(value)):
        yield reason


def _as_text(key: object) -> str:
    if isinstance(key, int | float) and not isinstance(key, bool):
        return f"a name begins with a letter, such as n{key}; any other key, put in quotes"
    return "put it in quotes"


def _scalar_fault(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        if not _is_text(value):
            return "holds characters that are not text (lone surrogates)"
        return "holds control characters, which terminals obey" if CONTROL.search(value) else None
    if isinstance(value, int):
        return None if abs(value) < 2**63 else "is a whole number beyond 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"must be a finite number; got {value}"
    kind = type(value).__name__
    return f"must be text, a number, true, false, a list or a mapping; got a {kind}; put it in quotes"


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
