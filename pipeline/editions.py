"""Editions of the report: what the last one was made of, so that pages are drawn anew only where something changed.

Nothing here imports what draws. Beside the pages lie two hidden files: `.edition.json`, what the last report said
and which sessions of training it counted, for the next to compare with; `.stamp.json`, digests of all that went into
the pages and of all that came out.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pipeline
from pipeline.journal import Session
from pipeline.store import read_json, write_json

EDITION, STAMP = ".edition.json", ".stamp.json"
DRAWS = ("report", "stats")
"""The parts of the pipeline that decide what pages look like."""


@dataclass(frozen=True)
class Edition:
    """One report: the digest of its `results`, the sessions that led to it, its summary and that of the one before.

    `seen` is when the last session began that it knows of, its own or not; `before` is None for the first report.
    """

    results: str
    seen: int
    sessions: tuple[Session, ...]
    summary: Mapping[str, Any]
    before: Mapping[str, Any] | None


def last_edition(reports: Path) -> Edition | None:
    """Return what the last report was, or None where there is none, or none that can be read."""
    raw: Any = read_json(reports / EDITION)
    try:
        sessions = tuple(Session(**{**each, "runs": tuple(each["runs"])}) for each in raw["sessions"])
        return Edition(**{**raw, "sessions": sessions})
    except (TypeError, KeyError):
        return None


def next_edition(last: Edition | None, results: str, new: Sequence[Session], keys: Set[str]) -> Edition:
    """Return the edition to be made, its summary still to come.

    It is the last one over again unless results changed, or some of their runs (`keys`) were trained in `new`
    sessions; then that becomes the one before.
    """
    seen = max([0 if last is None else last.seen, *(session.began for session in new)])
    own = tuple(session for session in new if not keys.isdisjoint(session.runs))
    if last is None:
        return Edition(results, seen, own, {}, None)
    if last.results == results and not own:
        return replace(last, seen=seen)
    return Edition(results, seen, own, {}, last.summary)


def run_keys(results: Path, ablations: Iterable[str]) -> set[str]:
    """Return the keys of all runs that results name; results that cannot be read have none."""
    found: set[str] = set()
    for name in ablations:
        raw: Any = read_json(results / name / "ablation.json") or {}
        for variant in raw.get("variants", ()):
            found |= {run["run_key"] for run in (*variant["trials"], *variant["replicates"])}
    return found


def keep(reports: Path, edition: Edition) -> None:
    """Write down what the report says, for the next one; only once its pages are whole."""
    write_json(reports / EDITION, asdict(edition))


def digest_of_results(results: Path, ablations: Iterable[str]) -> str:
    """Return a digest of the study's results, in order."""
    return _digest(results / name / "ablation.json" for name in ablations)


def inputs(results: str, reports: Path, links: object) -> str:
    """Return a digest of all that goes into the pages: results, the last edition, the code that draws, links."""
    package = Path(pipeline.__file__).parent
    code = (path for part in DRAWS for path in sorted((package / part).rglob("*")) if path.suffix != ".pyc")
    parts = [results, _digest(code), _digest([reports / EDITION]), json.dumps(links)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def is_current(reports: Path, made_of: str) -> bool:
    """Say whether the pages are those made of these inputs, all there and as they were written."""
    stamp: Any = read_json(reports / STAMP)
    try:
        return bool(stamp["inputs"] == made_of and stamp["outputs"] == _contents(reports, stamp["outputs"]))
    except (TypeError, KeyError):
        return False


def stamp(reports: Path, made_of: str, files: Iterable[str]) -> None:
    """Write down what the pages were made of and what they hold."""
    write_json(reports / STAMP, {"inputs": made_of, "outputs": _contents(reports, files)})


def _contents(reports: Path, files: Iterable[str]) -> dict[str, str]:
    return {name: _digest([reports / name]) for name in files}


def _digest(paths: Iterable[Path]) -> str:
    """Return a digest of names and contents; a file that is missing counts as such."""
    found = hashlib.sha256()
    for path in paths:
        if not path.is_dir():
            content = path.read_bytes() if path.is_file() else b"missing"
            found.update(f"{path.name} {len(content)}\n".encode())
            found.update(content)
    return found.hexdigest()
