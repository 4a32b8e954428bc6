"""A user's own classes, `module:Name`: found without being run, imported only from inside the project."""

import ast
import importlib
import sys
from pathlib import Path

from pipeline.errors import UserError, nearest


def is_plugin(spec: str) -> bool:
    """Tell whether `spec` is meant as `module:Name` rather than as a name of Keras."""
    return ":" in spec


def locate(spec: str, root: Path) -> Path:
    """Return the file that `module:Name` names, without importing it.

    Raises `UserError` unless the module is a file inside the folder `root`, outside hidden folders and
    environments, that has `Name` at its top level.
    """
    module, name = _split(spec)
    path = _module_path(spec, module, root)
    defined = top_level_names(path)
    if name not in defined:
        raise UserError(f"{spec!r}: {path.name} has no top-level {name!r}.{nearest(name, defined)}")
    return path


def load_object(spec: str, root: Path) -> object:
    """Import `module:Name` from the folder `root` and return it; raises `UserError` as `locate` does."""
    path = locate(spec, root)
    module, name = _split(spec)
    if str(root.resolve()) not in sys.path:
        sys.path.insert(0, str(root.resolve()))
    try:
        loaded = importlib.import_module(module)
    except Exception as error:
        raise UserError(
            f"{spec!r}: importing {path.name} failed with {type(error).__name__}: {error}"
        ) from error
    if not loaded.__file__ or Path(loaded.__file__).resolve() != path:
        raise UserError(
            f"{spec!r}: another module is already named {module!r} ({loaded.__file__}); rename yours"
        )
    return getattr(loaded, name)


def top_level_names(path: Path) -> set[str]:
    """Return what a module defines at its top level: classes, functions, assigned and imported names."""
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path.name} is not Python: {error}") from error
    found = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def _split(spec: str) -> tuple[str, str]:
    module, _, name = spec.partition(":")
    parts = [*module.split("."), name]
    if not all(part.isidentifier() and part.isascii() for part in parts):
        raise UserError(f"{spec!r} is not of the form module:Name, such as my_layers:Gated")
    return module, name


def _module_path(spec: str, module: str, root: Path) -> Path:
    base = root.resolve()
    stem = base.joinpath(*module.split("."))
    candidates = [stem.with_suffix(".py"), stem / "__init__.py"]
    path = next((candidate.resolve() for candidate in candidates if candidate.is_file()), None)
    if path is None:
        raise UserError(f"{spec!r}: there is no {candidates[0].relative_to(base)} in the project")
    parents = [
        base.joinpath(*module.split(".")[:depth], "__init__.py") for depth in range(1, module.count(".") + 1)
    ]
    run = [
        path,
        *(each.resolve() for each in parents if each.is_file()),
    ]  # importing runs the packages' files too
    if not all(each.is_relative_to(base) and not _is_private(each.relative_to(base)) for each in run):
        raise UserError(
            f"{spec!r}: the module must lie inside the project, outside hidden folders and environments"
        )
    return path


def _is_private(path: Path) -> bool:
    return any(
        part.startswith(".") or part in {"site-packages", "node_modules", "venv"} for part in path.parts
    )
