"""Signatures read from source files, those of base classes included, without importing anything."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Argument:
    """One argument: whether it must be given, and its default where that is a plain literal (else None)."""

    name: str
    required: bool = False
    default: object = None


@cache
def signature(path: Path, name: str) -> Mapping[str, Argument]:
    """Return the arguments of the function (its first left out) or class `name` in the file `path`, in order.

    Where `__init__` takes `**kwargs`, the base classes' arguments follow. Raises `KeyError` where the file
    lacks the name.
    """
    node = definitions(path)[name]
    if isinstance(node, ast.ClassDef):
        return _of_class(path, node)
    return dict(list(_of_function(node).items())[1:])


def parameters(path: Path, name: str) -> Mapping[str, Argument] | None:
    """Return all arguments of the function or class `name`; None where the file does not show all of them."""
    if not is_closed(path, name):
        return None
    node = definitions(path)[name]
    return _of_function(node) if isinstance(node, ast.FunctionDef) else signature(path, name)


def is_closed(path: Path, name: str) -> bool:
    """Return whether the file itself shows all arguments of `name`: no `*args`, no `**kwargs`."""
    node = definitions(path).get(name)
    function = _init(node) if isinstance(node, ast.ClassDef) else node
    return function is not None and function.args.kwarg is None and function.args.vararg is None


@cache
def definitions(path: Path) -> Mapping[str, ast.ClassDef | ast.FunctionDef]:
    """Return the classes and functions at the top level of a file."""
    body = _tree(path).body
    return {node.name: node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _of_class(path: Path, node: ast.ClassDef) -> dict[str, Argument]:
    init = _init(node)
    own = dict(list(_of_function(init).items())[1:]) if init else {}
    if init is None or init.args.kwarg:
        for base in _bases(path, node):
            passed = _passed_on(init, list(base)) if init else set()
            own |= {name: argument for name, argument in base.items() if name not in passed | own.keys()}
    return own


def _init(node: ast.ClassDef) -> ast.FunctionDef | None:
    functions = (item for item in node.body if isinstance(item, ast.FunctionDef))
    return next((function for function in functions if function.name == "__init__"), None)


def _passed_on(init: ast.FunctionDef, base: list[str]) -> set[str]:
    """Return the base class's arguments that `super().__init__(...)` fills in, so the user cannot."""
    calls = [node for node in ast.walk(init) if isinstance(node, ast.Call) and _is_super_init(node.func)]
    named = {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}
    return named.union(*(base[: len(call.args)] for call in calls))


def _is_super_init(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "__init__" and isinstance(node.value, ast.Call)


def _of_function(node: ast.FunctionDef) -> dict[str, Argument]:
    spec = node.args
    positional = [*spec.posonlyargs, *spec.args]
    missing = len(positional) - len(spec.defaults)
    defaults: list[ast.expr | None] = [*([None] * missing), *spec.defaults, *spec.kw_defaults]
    pairs = zip([*positional, *spec.kwonlyargs], defaults, strict=True)
    return {arg.arg: Argument(arg.arg, default is None, _literal(default)) for arg, default in pairs}


def _literal(node: ast.expr | None) -> object:
    try:
        return ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None


def _bases(path: Path, node: ast.ClassDef) -> Iterator[Mapping[str, Argument]]:
    for base in node.bases:
        location = _locate(path, base)
        if location is not None and location[1] in definitions(location[0]):
            yield signature(*location)


def _locate(path: Path, base: ast.expr) -> tuple[Path, str] | None:
    """Return the file and name of a base class written `Name` or `module.Name`, if it can be followed."""
    if isinstance(base, ast.Name):
        if base.id in definitions(path):
            return path, base.id
        return _imported(path, base.id)
    if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name):
        module = _imports(path).get(base.value.id)
        return (file, base.attr) if module and (file := _module_file(path, module)) else None
    return None


def _imported(path: Path, name: str) -> tuple[Path, str] | None:
    module, _, original = _imports(path).get(name, "").rpartition(".")
    file = _module_file(path, module) if module else None
    return (file, original) if file else None


@cache
def _imports(path: Path) -> Mapping[str, str]:
    """Return local name -> dotted origin for every `from ... import ...` at the top level of a file."""
    imports = [node for node in _tree(path).body if isinstance(node, ast.ImportFrom)]
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in imports
        if node.module and not node.level
        for alias in node.names
    }


def _module_file(origin: Path, module: str) -> Path | None:
    """Return the file of a dotted module in the same top-level package as `origin`."""
    top, *rest = module.split(".")
    parents = [parent for parent in origin.parents if parent.name == top]
    if not parents:
        return None
    file = parents[-1].joinpath(*rest).with_suffix(".py")
    return file if rest and file.is_file() else None
