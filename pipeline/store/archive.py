"""Finished runs in files that travel: with results through DVC's cache, or to a folder or bucket that people share.

An archive is a ZIP file. Runs are without weights unless asked for: where those are needed, the run is trained again.
Reading takes nothing on trust: what is damaged, or is not what its name says, is left out.
"""

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from pipeline.core.files import read_json, write_json
from pipeline.core.project import result_folder
from pipeline.runs.records import RunRecord
from pipeline.store.arrays import read_arrays
from pipeline.store.runs import CURVES, RUN, WEIGHTS
from pipeline.store.store import Store

FILE = "runs.zip"
NOTES = ("choices", "diagnostics", "models")
"""What belongs to runs besides their folders, by the attribute of the store; see `Store`."""
DAMAGES = (BadZipFile, zlib.error, EOFError)
"""What reading from a damaged archive raises."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all entries: equal runs have equal archives."""


def pack(
    store: Store,
    keys: Iterable[str],
    notes: Mapping[str, Sequence[str]],
    weights: bool = False,
    times: bool = False,
) -> bytes:
    """Return an archive of runs, and of the `notes` with these keys, by kind; what cannot be read is left out.

    Without `times`, runs that were trained again to the same numbers have the same archive: DVC sees no change.
    """
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for key in sorted(set(keys)):
            record = store.runs.get(key)
            if record is not None:
                _add_record(archive, record if times else _without_times(record))
                if weights and store.runs.weights(key) is not None:
                    _add(archive, f"runs/{key}/{WEIGHTS}", (store.folder / key / WEIGHTS).read_bytes())
        for kind in NOTES:
            for name in sorted({f"{kind}/{key}.json" for key in notes.get(kind, ())}):
                if read_json(_path(store, name)) is not None:
                    _add(archive, name, _path(store, name).read_bytes())
    return buffer.getvalue()


def is_current(path: Path, store: Store, keys: Iterable[str], notes: Mapping[str, Sequence[str]]) -> bool:
    """Return whether an archive without weights has these runs and notes, and none was stored after it was written.

    Opens no file of the store: there may be thousands.
    """
    wanted = {f"runs/{key}/{name}" for key in keys for name in (RUN, CURVES)}
    named = {f"{kind}/{key}.json" for kind in NOTES for key in notes.get(kind, ())}
    wanted |= {name for name in named if _path(store, name).is_file()}
    try:
        with ZipFile(path) as archive:
            if set(archive.namelist()) != wanted:
                return False
        written = path.stat().st_mtime_ns
        return all(_path(store, name).stat().st_mtime_ns <= written for name in wanted)
    except (OSError, BadZipFile):
        return False


def _path(store: Store, name: str) -> Path:
    """Return where the store has what an archive calls `name`."""
    kind, _, rest = name.partition("/")
    return store.folder / rest if kind == "runs" else getattr(store, kind).folder / rest


def _without_times(record: RunRecord) -> RunRecord:
    """Return the record without what differs when a run is trained again: its times, and the stack of a trial."""
    alone = record.engine if record.kind == "replicate" else replace(record.engine, size=1, slot=0)
    return replace(record, seconds=0.0, phase_seconds=[], engine=alone)


def _add_record(archive: ZipFile, record: RunRecord) -> None:
    plain = record.as_json()
    curves = plain.pop("curves")
    for name, value in ((RUN, plain), (CURVES, curves)):
        _add(archive, f"runs/{record.key}/{name}", json.dumps(value).encode())


def _add(archive: ZipFile, name: str, content: bytes) -> None:
    entry = ZipInfo(name, EPOCH)
    entry.compress_type = ZIP_DEFLATED
    archive.writestr(entry, content)


def run_keys(data: bytes | Path) -> set[str]:
    """Return the keys of the runs in an archive, without reading them; none where it is damaged or missing."""
    try:
        with ZipFile(data if isinstance(data, Path) else io.BytesIO(data)) as archive:
            return {name.split("/")[1] for name in archive.namelist() if name.startswith("runs/")}
    except (OSError, BadZipFile, IndexError):
        return set()


def adopt(store: Store, results: Path, names: Iterable[str]) -> None:
    """Store the runs that came with the results of these ablations, from somebody else or another machine."""
    stored = store.runs.keys()
    for name in names:
        archive = result_folder(results, name) / FILE
        if archive.is_file() and not run_keys(archive) <= stored:
            unpack(store, archive)
            stored = store.runs.keys()


def unpack(store: Store, data: bytes | Path, only: Set[str] | None = None) -> int:
    """Store what an archive has and the store lacks; return how many runs that were. `only`: no other runs than these."""
    try:
        with ZipFile(data if isinstance(data, Path) else io.BytesIO(data)) as archive:
            new = list(_new_runs(archive, store.runs.keys() if only is None else set(), only))
            if new:
                store.runs.put_all(new)
            _put_notes(store, archive)
            return len(new)
    except (OSError, *DAMAGES):
        return 0


def _new_runs(archive: ZipFile, stored: Set[str], only: Set[str] | None) -> Iterator[tuple[RunRecord, Any]]:
    names = set(archive.namelist())
    keys = {name.split("/")[1] for name in names if name.startswith("runs/") and name.count("/") == 2}
    for key in sorted(keys - stored if only is None else keys & only):
        record, weights = _record(archive, key), f"runs/{key}/{WEIGHTS}"
        if record is not None:
            yield record, _weights(archive, weights) if weights in names else None


def _record(archive: ZipFile, key: str) -> RunRecord | None:
    """Return a run's record; None where it is damaged, or that of another run."""
    run, curves = (_json(archive, f"runs/{key}/{name}") for name in (RUN, CURVES))
    try:
        record = RunRecord.from_json({**run, "curves": curves})
    except (TypeError, KeyError):
        return None
    return record if record.key == key else None


def _json(archive: ZipFile, name: str) -> Any:
    try:
        return json.loads(archive.read(name))
    except (KeyError, ValueError, *DAMAGES):
        return None


def _weights(archive: ZipFile, name: str) -> Any:
    try:
        return read_arrays(io.BytesIO(archive.read(name)))
    except DAMAGES:
        return None


def _put_notes(store: Store, archive: ZipFile) -> None:
    for name in archive.namelist():
        kind, _, file = name.partition("/")
        if kind in NOTES and file.endswith(".json") and "/" not in file:
            content = _json(archive, name)
            if isinstance(content, dict) and getattr(store, kind).get(file.removesuffix(".json")) is None:
                write_json(_path(store, name), content)
