"""Whether all that a command read is as it was when it last succeeded: which files those are is watched, not listed.

`check` runs at every `dvc repro`, and reading and expanding a large params file takes longer than all the rest where nothing
changed. Files of installed libraries are not watched one by one: installing something changes the folder they are in.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pipeline
from pipeline.core.files import read_json, write_json

SETTINGS = ("KERAS_", "TF_", "DVC_ROOT", "ABLATION_")
"""Beginnings of the names of environment variables that count."""
READING = ("open", "os.listdir", "os.scandir")
"""Events of Python's auditing of which the first argument is a path that is read."""


def recalled(memory: Path, outputs: Path) -> str | None:
    """Return what the command said when it last succeeded; None unless all that it read and wrote is unchanged since."""
    entry: Any = read_json(memory)
    try:
        unchanged = entry["read"] == _stamps(entry["read"]) and entry["around"] == _around()
        return str(entry["said"]) if unchanged and entry["wrote"] == _stamps(_files(outputs)) else None
    except (TypeError, KeyError):
        return None


def remember(memory: Path, outputs: Path, read: set[str], said: str) -> None:
    """Keep what a command said that has succeeded, with the state of all that it `read`, and wrote to `outputs`."""
    own = {str(file) for file in Path(pipeline.__file__).parent.rglob("*.py")}
    watched = {path for path in read if not Path(path).is_relative_to(outputs.resolve())} - {str(memory)}
    entry = {
        "read": _stamps(watched | own),
        "around": _around(),
        "wrote": _stamps(_files(outputs)),
        "said": said,
    }
    write_json(memory, entry)


@contextmanager
def watching() -> Iterator[set[str]]:
    """Yield a set which has, after the block, all files that were opened in it and all folders that were listed."""
    _add_hook()
    paths: set[str] = set()
    _watched.append(paths)
    try:
        yield paths
    finally:
        _watched.remove(paths)
        paths -= {path for path in paths if not _counts(path)}


_watched: list[set[str]] = []


@cache
def _add_hook() -> None:
    """Have Python say what it opens; once, since hooks cannot be removed again."""
    sys.addaudithook(_note)


def _note(event: str, given: tuple[Any, ...]) -> None:
    if _watched and event in READING and isinstance(given[0], str | os.PathLike):
        _watched[-1].add(str(Path.cwd() / given[0]))


def _counts(path: str) -> bool:
    """Return whether a path is of this project; folders that `import` lists are not."""
    elsewhere = (*_libraries(), "/proc/", "/dev/", "/sys/")
    return (
        not path.startswith(elsewhere) and not path.endswith(".pyc") and path not in sys.path_importer_cache
    )


def _libraries() -> tuple[str, ...]:
    """Return the folders of Python's own and of installed modules."""
    paths = sysconfig.get_paths()
    return tuple({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _around() -> list[Any]:
    """Return what counts besides files: the Python, what is installed, the working folder, settings."""
    installed = [_stamp(folder) for folder in sorted(_libraries())]
    settings = {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}
    return [sys.version, installed, str(Path.cwd()), settings]


def _files(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if path.is_file())


def _stamps(paths: Any) -> dict[str, list[int] | None]:
    return {path: _stamp(path) for path in sorted(paths)}


def _stamp(path: str) -> list[int] | None:
    """Return what changes when a file or folder is written, replaced or removed."""
    try:
        state = Path(path).stat()
    except OSError:
        return None
    return [state.st_ino, state.st_size, state.st_mtime_ns]
