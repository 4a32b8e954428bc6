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

from pipeline.params.faults import Fault, Where, fault, show

DEEPEST, MOST, LARGEST_FILE = 40, 200_000, 1_000_000
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tabs and line ends


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
        yaml = YAML(typ="safe", pure=True)
        root = yaml.compose(text)
        swollen = next(_swollen(root), None)  # before anything is built: aliases and merge keys multiply
        if swollen is not None:
            return None, [swollen]
        value = yaml.constructor.construct_document(root) if root is not None else None
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


def _swollen(root: Node | None) -> Iterator[Fault]:
    """Yield a fault where nodes, each as often as aliases repeat it, are too many, too deep, or hold themselves."""
    sizes: dict[int, tuple[int, int]] = {}  # by node: the values in it, its depth
    pending, open_nodes = [(root, False)], set()
    while pending:
        node, known = pending.pop()
        inner = list(_inner(node))
        if known:
            found = [sizes[id(each)] for each in inner]
            size, depth = 1 + sum(each[0] for each in found), 1 + max((each[1] for each in found), default=0)
            if size > 2 * MOST:  # keys are nodes too
                yield fault(f"holds more than {MOST} values (aliases count each time)")
                return
            if depth > DEEPEST + 1:
                yield fault(f"is nested deeper than {DEEPEST} levels")
                return
            sizes[id(node)] = size, depth
            open_nodes.discard(id(node))
        elif id(node) in open_nodes:
            yield fault(f"is nested deeper than {DEEPEST} levels: an alias stands within what it names")
            return
        elif id(node) not in sizes:
            open_nodes.add(id(node))
            pending.append((node, True))
            pending += [(each, False) for each in inner if id(each) not in sizes]


def _inner(node: Node | None) -> Iterator[Node]:
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
            elif CONTROL.search(text):
                yield fault(f"keys must not hold control characters; got {show(key)}", *where)
    elif not (value is None or isinstance(value, list | bool)):
        reason = _scalar_fault(value)
        if reason:
            yield fault(reason, *where)


def _scalar_fault(value: object) -> str | None:
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
