"""The journal: which runs were trained when, and how long each session took.

Times are kept only here and with the runs: results, which DVC hashes, have none. There is one file per session.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core import project
from pipeline.core.files import read_json, write_json
from pipeline.store.runs import FinishedRuns

MOST = 500
"""Sessions that are kept, the newest ones."""


@dataclass(frozen=True)
class Session:
    """One session of training: `began` in nanoseconds since 1970, the `seconds` it took, and the keys of its `runs`.

    `work` is what there was to do, where all of it was done; see `pipeline.planning.speed`. `commit` is the one that was
    checked out, with `-dirty` where files had changed since, None without git.
    """

    began: int
    seconds: float
    runs: tuple[str, ...]
    work: Mapping[str, Any] | None = None
    commit: str | None = None


class Journal:
    """The sessions in `folder`, which stored their runs in `runs`."""

    def __init__(self, folder: Path, runs: FinishedRuns) -> None:
        self.folder, self._runs = folder, runs

    @contextmanager
    def session(self, work: Mapping[str, Any] | None = None) -> Iterator[None]:
        """Record the runs that are stored during the block, also if it ends in an error or by Ctrl-C.

        `work` is recorded with them if it does not, as it is at the end.
        """
        before, began, clock, done = self._runs.keys(), time.time_ns(), time.monotonic(), None
        commit = project.commit(self.folder.parents[1])
        try:
            yield
            done = work
        finally:
            trained = tuple(sorted(self._runs.keys() - before))
            if trained:
                took = round(time.monotonic() - clock, 1)
                self._write(Session(began, took, trained, done or None, commit))

    def sessions(self, after: int = 0) -> list[Session]:
        """Return the sessions that began after `after` (nanoseconds since 1970), the oldest first; skip unreadable files."""
        paths = [path for path in self._files() if int(path.stem) > after]
        return [session for path in paths if (session := _read(path)) is not None]

    def by_run(self) -> dict[str, list[Session]]:
        """Return, by the key of each run, the sessions that trained it: several where it was damaged or removed."""
        trained: dict[str, list[Session]] = {}
        for session in self.sessions():
            for key in session.runs:
                trained.setdefault(key, []).append(session)
        return trained

    def _write(self, session: Session) -> None:
        write_json(self.folder / f"{session.began}.json", asdict(session))
        for path in self._files()[:-MOST]:
            path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        paths = [path for path in self.folder.glob("*.json") if path.stem.isdecimal()]
        return sorted(paths, key=lambda path: int(path.stem))


def _read(path: Path) -> Session | None:
    raw: Any = read_json(path)
    try:
        runs, work = tuple(map(str, raw["runs"])), raw.get("work")
        commit = raw.get("commit")
        return Session(
            int(raw["began"]),
            float(raw["seconds"]),
            runs,
            work if isinstance(work, dict) else None,
            commit if isinstance(commit, str) else None,
        )
    except (TypeError, KeyError, ValueError):
        return None
