"""Digests of a user's files and folders, read again only where size or time of change say that they were edited."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipeline.core.digests import digest
from pipeline.core.files import read_json, sha256, write_json


def file_digests(paths: Mapping[str, Path], cache: Path) -> dict[str, str]:
    """Return a digest of the content of each path, a file or a folder, by name; hidden files do not count.

    What was found is remembered in the file `cache`, with sizes and times of change. Raises `OSError` where a file
    cannot be read.
    """
    remembered = read_json(cache) if paths else None
    before: dict[str, Any] = remembered if isinstance(remembered, dict) else {}
    found = {name: _remembered(path, before.get(str(path))) for name, path in paths.items()}
    after = {str(paths[name]): list(entry) for name, entry in found.items()}
    if after != before and paths:
        write_json(cache, after)
    return {name: content for name, (_, content) in found.items()}


def _remembered(path: Path, entry: Any) -> tuple[str, str]:
    """Return a digest of the sizes and times of the files at `path`, and one of their content."""
    files = [(file.relative_to(path).as_posix(), file, file.stat()) for file in _files(path)]
    stamp = digest([(name, stat.st_size, stat.st_mtime_ns) for name, _, stat in files])
    if isinstance(entry, list) and len(entry) == 2 and entry[0] == stamp:
        return stamp, str(entry[1])
    return stamp, digest([(name, sha256(file)) for name, file, _ in files])


def _files(path: Path) -> Iterator[Path]:
    """Yield a file itself, or the files in a folder in one order."""
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))
