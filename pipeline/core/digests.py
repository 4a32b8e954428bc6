"""Digests of plain data and of source code."""

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path


def digest(value: object) -> str:
    """Return 32 hex digits for a JSON value, whose keys may be in any order; raises `ValueError` for NaN and infinities."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def files_digest(paths: Iterable[Path]) -> str:
    """Return the SHA-256 (hexadecimal) of the names and contents of files, in this order; a missing file counts as such."""
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes() if path.is_file() else b"missing"
        total.update(f"{path.name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def source_digest(paths: Iterable[Path]) -> str:
    """Return a digest of the Python code in files and folders, independent of its distribution over the files.

    Comments, docstrings, imports from this package, and the names and order of files do not count: definitions that move
    from one file to another do not change the digest.
    """
    statements = {
        ast.dump(statement)
        for path in _python_files(paths)
        for statement in without_docstrings(ast.parse(path.read_text(encoding="utf-8"))).body
    }
    return digest(sorted(statements))


def without_docstrings(tree: ast.Module) -> ast.Module:
    """Remove docstrings and imports from this package from the syntax tree of a source file, and return it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [statement for statement in node.body if not _is_docstring_or_own_import(statement)]
    return tree


def _is_docstring_or_own_import(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
        return True
    module = statement.module if isinstance(statement, ast.ImportFrom) else None
    return module is not None and module.partition(".")[0] == __name__.partition(".")[0]


def _python_files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from path.rglob("*.py") if path.is_dir() else [path]
