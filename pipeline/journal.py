"""The journal beside the store: which runs were trained when, and how long each session took.

Times are kept here and in the store alone: results and their DVC hashes know none. One file a session, under
`.runs/.journal/`; the newest are kept.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.store import Store, read_json, write_json

FOLDER = ".journal"
MOST = 500


@dataclass(frozen=True)
class Session:
    """Training in one go: `began` in nanoseconds since 1970, the `seconds` a user waited, the keys of its runs."""

    began: int
    seconds: float
    runs: tuple[str, ...]


@contextmanager
def session(store: Store) -> Iterator[None]:
    """Write down what is trained meanwhile, also where that ends in an error or by Ctrl-C."""
    before, began, clock = store.keys(), time.time_ns(), time.monotonic()
    try:
        yield
    finally:
        trained = tuple(sorted(store.keys() - before))
        if trained:
            _note(store, Session(began, round(time.monotonic() - clock, 1), trained))


def sessions(store: Store, after: int = 0) -> list[Session]:
    """Return the sessions that began later than `after`, the first one first; files that cannot be read are left out."""
    paths = [path for path in _files(store) if int(path.stem) > after]
    return [found for path in paths if (found := _read(path)) is not None]


def _note(store: Store, done: Session) -> None:
    write_json(store.folder / FOLDER / f"{done.began}.json", asdict(done))
    for path in _files(store)[:-MOST]:
        path.unlink(missing_ok=True)


def _files(store: Store) -> list[Path]:
    found = [path for path in (store.folder / FOLDER).glob("*.json") if path.stem.isdecimal()]
    return sorted(found, key=lambda path: int(path.stem))


def _read(path: Path) -> Session | None:
    raw: Any = read_json(path)
    try:
        return Session(int(raw["began"]), float(raw["seconds"]), tuple(map(str, raw["runs"])))
    except (TypeError, KeyError, ValueError):
        return None
