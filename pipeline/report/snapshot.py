"""Snapshots of the report: what the last one was made of, so that pages are rendered again only where something changed.

Nothing here imports what draws. With the pages are three hidden files: `.snapshot.json`, the contents of the last report
and the sessions of training it counted, for the next to compare with; `.stamp.json`, digests of all that went into the
pages and of the pages themselves; `.pages.json`, the same for each page, so that only what changed is drawn.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pipeline
from pipeline.core.digests import files_digest
from pipeline.core.files import read_json, write_json
from pipeline.core.project import result_folder
from pipeline.store.journal import Session

SNAPSHOT, STAMP, PAGES = ".snapshot.json", ".stamp.json", ".pages.json"
RESULT_FILES = ("ablation.json", "evaluation.json")
RENDERING = ("report", "result_files", "stats")
"""The packages whose code decides what pages look like."""


@dataclass(frozen=True)
class Snapshot:
    """One report: the digest of its `results`, the sessions that led to it, its summary and that of the previous report.

    `seen` is when the last session known to it began, whether it trained this study's runs or not; `before` is None for
    the first report.
    """

    results: str
    seen: int
    sessions: tuple[Session, ...]
    summary: Mapping[str, Any]
    before: Mapping[str, Any] | None


def last_snapshot(reports: Path) -> Snapshot | None:
    """Return the snapshot of the last report, or None where it is missing or cannot be read."""
    raw: Any = read_json(reports / SNAPSHOT)
    try:
        sessions = tuple(
            Session(**{**session, "runs": tuple(session["runs"])}) for session in raw["sessions"]
        )
        return Snapshot(**{**raw, "sessions": sessions})
    except (TypeError, KeyError):
        return None


def next_snapshot(last: Snapshot | None, results: str, new: Sequence[Session], keys: Set[str]) -> Snapshot:
    """Return the snapshot of the report to be made; its summary is added once the pages are written.

    It is the last one again unless results changed, or some of their runs (`keys`) were trained in `new` sessions; then
    the last one becomes the previous one.
    """
    seen = max([0 if last is None else last.seen, *(session.began for session in new)])
    own = tuple(session for session in new if not keys.isdisjoint(session.runs))
    if last is None:
        return Snapshot(results, seen, own, {}, None)
    if last.results == results and not own:
        return replace(last, seen=seen)
    return Snapshot(results, seen, own, {}, last.summary)


def run_keys(results: Path, ablations: Iterable[str]) -> set[str]:
    """Return the keys of all runs that results contain; results that cannot be read have none."""
    keys: set[str] = set()
    for name in ablations:
        raw: Any = read_json(result_folder(results, name) / "ablation.json") or {}
        for variant in raw.get("variants", ()):
            keys |= {run["run_key"] for run in (*variant["trials"], *variant["replicates"])}
    return keys


def save(reports: Path, snapshot: Snapshot) -> None:
    """Write the snapshot, for the next report to compare with; only once all pages are written."""
    write_json(reports / SNAPSHOT, asdict(snapshot))


def results_digest(results: Path, ablations: Iterable[str]) -> str:
    """Return a digest of the study's results, in order."""
    return files_digest(result_folder(results, name) / "ablation.json" for name in ablations)


def inputs_digest(results: Path, ablations: Iterable[str], reports: Path, links: object) -> str:
    """Return a digest of all that goes into the pages: results with diagnostics, the last snapshot, the code, links."""
    shown = (shown_digest(results, name) for name in ablations)
    parts = [*shown, rendering_digest(), files_digest([reports / SNAPSHOT]), json.dumps(links)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def shown_digest(results: Path, ablation: str) -> str:
    """Return a digest of what is shown of one ablation's results, diagnostics included."""
    return files_digest(result_folder(results, ablation) / file for file in RESULT_FILES)


@cache
def rendering_digest() -> str:
    """Return a digest of the code, templates and styles that make pages, computed once in a process."""
    package = Path(pipeline.__file__).parent
    return files_digest(
        path
        for part in RENDERING
        for path in sorted((package / part).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    )


def drawn_pages(reports: Path, files: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return, by ablation, what its page was drawn from, where all its `files` are still as they were written."""
    pages: Any = read_json(reports / PAGES)
    drawn: dict[str, str] = {}
    for name, own in files.items():
        with suppress(TypeError, KeyError):
            if pages[name]["files"] == _contents(reports, own):
                drawn[name] = pages[name]["inputs"]
    return drawn


def save_pages(reports: Path, inputs: Mapping[str, str], files: Mapping[str, Sequence[str]]) -> None:
    """Write what each page was drawn from, and digests of its `files`, for `drawn_pages`."""
    pages = {name: {"inputs": inputs[name], "files": _contents(reports, own)} for name, own in files.items()}
    write_json(reports / PAGES, pages)


def is_current(reports: Path, inputs: str) -> bool:
    """Return whether the pages were rendered from these inputs, are complete and unchanged."""
    stamp: Any = read_json(reports / STAMP)
    try:
        return bool(stamp["inputs"] == inputs and stamp["outputs"] == _contents(reports, stamp["outputs"]))
    except (TypeError, KeyError):
        return False


def stamp(reports: Path, inputs: str, files: Iterable[str]) -> None:
    """Write digests of the inputs of the pages and of the pages themselves."""
    write_json(reports / STAMP, {"inputs": inputs, "outputs": _contents(reports, files)})


def _contents(reports: Path, files: Iterable[str]) -> dict[str, str]:
    return {name: files_digest([reports / name]) for name in files}
