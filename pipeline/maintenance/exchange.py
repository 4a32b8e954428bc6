"""Finished runs shared through a folder or bucket, at any address that fsspec knows: pushed, and pulled by others.

There is a file for each run, named by its key, so that two people's stores merge and no run is there twice. Runs are without
weights unless asked for. Whatever is damaged stays where it is: it is neither pushed nor taken in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import UserError
from pipeline.store import Store, archive

RUNS, CHOICES, DIAGNOSTICS = "runs", "choices", "diagnostics"
PARTIAL = ".partial"


@dataclass(frozen=True)
class Exchanged:
    """How many runs went over, how many were there already, and the keys of those that are damaged."""

    sent: int
    known: int
    damaged: tuple[str, ...]


def push(store: Store, address: str, weights: bool = False) -> Exchanged:
    """Copy the runs, choices and outcomes of diagnostics that an address lacks to it; `weights`: with those of replicates.

    Raises `UserError` where the address cannot be written to.
    """
    files, place = _open(address)
    there, own = _names(files, place, RUNS), store.runs.keys()
    damaged = []
    for key in sorted(own - there):
        data = archive.pack(store, [key], {}, weights, times=True)
        if archive.run_keys(data):
            _write(files, f"{place}/{RUNS}/{key}.zip", data)
        else:
            damaged.append(key)
    for kind in (CHOICES, DIAGNOSTICS):
        known = _names(files, place, kind)
        for key in sorted(_notes(store, kind) - known):
            _write(files, f"{place}/{kind}/{key}.zip", archive.pack(store, [], {kind: [key]}))
    return Exchanged(len(own - there) - len(damaged), len(own & there), tuple(damaged))


def pull(store: Store, address: str) -> Exchanged:
    """Take in what an address has and the store lacks; raises `UserError` where the address cannot be read.

    The caller holds the store's lock.
    """
    files, place = _open(address)
    there, own = _names(files, place, RUNS), store.runs.keys()
    damaged = [
        key
        for key in sorted(there - own)
        if archive.unpack(store, _read(files, f"{place}/{RUNS}/{key}.zip"), {key}) != 1
    ]
    for kind in (CHOICES, DIAGNOSTICS):
        for key in sorted(_names(files, place, kind) - _notes(store, kind)):
            archive.unpack(store, _read(files, f"{place}/{kind}/{key}.zip"))
    return Exchanged(len(there - own) - len(damaged), len(own & there), tuple(damaged))


def _open(address: str) -> tuple[Any, str]:
    import fsspec

    try:
        files, place = fsspec.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise UserError(f"{address}: {error}") from error
    return files, str(place).rstrip("/")


def _names(files: Any, place: str, kind: str) -> set[str]:
    """Return the keys of the files of a kind at an address; none where there is nothing yet."""
    try:
        paths: Iterable[str] = files.ls(f"{place}/{kind}", detail=False)
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise UserError(f"{place}: {error}") from error
    names = (str(path).rstrip("/").rpartition("/")[2] for path in paths)
    return {name.removesuffix(".zip") for name in names if name.endswith(".zip")}


def _notes(store: Store, kind: str) -> set[str]:
    return {path.stem for path in getattr(store, kind).folder.glob("*.json")}


def _write(files: Any, path: str, data: bytes) -> None:
    """Write a file whole or not at all: elsewhere than on a disk that is so by itself."""
    try:
        files.makedirs(path.rpartition("/")[0], exist_ok=True)
        files.pipe_file(f"{path}{PARTIAL}", data)
        files.mv(f"{path}{PARTIAL}", path)
    except OSError as error:
        raise UserError(f"{path}: {error}") from error


def _read(files: Any, path: str) -> bytes:
    try:
        return bytes(files.cat_file(path))
    except OSError as error:
        raise UserError(f"{path}: {error}") from error
