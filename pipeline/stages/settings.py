"""The names of the files that `check` writes for the other stages, and the reading of one of them; imports nothing heavy."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.files import read_json

ABLATIONS = "ablations.json"
ENTRIES = "ablations"
HASHES = ".hashes.json"
CHECKED = ".checked.json"


def read_ablations(folder: Path, newer_than: Path) -> Sequence[str] | None:
    """Return the names of ablations that `write_settings` wrote last, without reading the params file.

    None if they were not written, or if the params file `newer_than` was changed since.
    """
    try:
        changed = newer_than.stat().st_mtime_ns > (folder / ABLATIONS).stat().st_mtime_ns
    except OSError:
        return None
    return None if changed else read_json(folder / ABLATIONS)
