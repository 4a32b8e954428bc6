"""A user's own classes and functions, `module:Name`: located without running them, imported only from the project."""

import ast
import importlib
import sys
from pathlib import Path

from pipeline.core.errors import UserError, nearest


def is_plugin(spec: str) -> bool:
    """Return whether `spec` has the form `module:Name`, and is not a name of Keras."""
    return ":" in spec


def locate(spec: str, root: Path) -> Path:
    """Return the file that `module:Name` names, without importing it.

    Raises `UserError` unless the module is a file inside the folder `root`, outside hidden folders and virtual
    environments, that defines `Name` at its top level.

    Example: `locate("my_layers:Gated", Path("."))` is the absolute path of `my_layers.py`.
    """
    module, name = _split(spec)
    path = _module_path(spec, module, root)
    defined = top_level_names(path)
    if name not in defined:
        raise UserError(f"{spec!r}: {path.name} has no top-level {name!r}.{nearest(name, defined)}")
    return path


def load_object(spec: str, root: Path) -> object:
    """Import `module:Name` from the folder `root` and return it.

    Raises `UserError` as `locate` does, and if the import fails or finds another module of that name.
    """
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


def own_files(spec: str, root: Path) -> list[Path]:
    """Return the file that `module:Name` names and those of every module of the project that it imports, directly or not.

    Raises `UserError` as `locate` does.
    """
    found = [locate(spec, root)]
    for path in found:
        found += [file for file in _imported_files(path, root.resolve()) if file not in found]
    return found


def _imported_files(path: Path, root: Path) -> list[Path]:
    """Return the files of the project that a module imports, anywhere in it."""
    modules = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = path.relative_to(root).parts[: -node.level] if node.level else ()
            base = ".".join([*parts, *([node.module] if node.module else [])])
            modules += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    files = []
    for module in filter(None, modules):
        stem = root.joinpath(*module.split("."))
        candidates = (stem.with_suffix(".py"), stem / "__init__.py")
        files += [
            file.resolve()
            for file in candidates
            if file.is_file() and not _is_private(file.relative_to(root))
        ]
    return list(dict.fromkeys(files))


def top_level_names(path: Path) -> set[str]:
    """Return the names at the top level of a module: classes, functions, assigned and imported names.

    Raises `UserError` if the file is not Python.
    """
    try:
        body = ast.parse(path.read_bytes()).body
    except (SyntaxError, ValueError) as error:
        raise UserError(f"{path.name} is not Python: {error}") from error
    names = {node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


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
    # Importing a module also runs the files of the packages that it is in.
    executed = [path, *(parent.resolve() for parent in parents if parent.is_file())]
    if not all(file.is_relative_to(base) and not _is_private(file.relative_to(base)) for file in executed):
        raise UserError(
            f"{spec!r}: the module must be inside the project, outside hidden folders and environments"
        )
    return path


def _is_private(path: Path) -> bool:
    return any(
        part.startswith(".") or part in {"site-packages", "node_modules", "venv"} for part in path.parts
    )
