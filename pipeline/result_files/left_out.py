"""Ablations that were not trained, and why: in place of results. Nothing heavy is imported."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.files import read_json
from pipeline.core.project import result_folder

FILE = "ablation.json"
LEFT_OUT = "left_out"
"""The key under which the results of an ablation that was not trained say why."""

LARGEST = 2**16
"""Bytes of such a file, a question and a sentence, at most: larger ones are results, and need not be read for this."""


def left_out(results: Path, names: Sequence[str]) -> dict[str, str]:
    """Return, of the ablations that were not trained, why they were not."""
    paths = {name: result_folder(results, name) / FILE for name in names}
    raw = {name: read_json(path) for name, path in paths.items() if _is_small(path)}
    return {
        name: str(entry[LEFT_OUT])
        for name, entry in raw.items()
        if isinstance(entry, dict) and LEFT_OUT in entry
    }


def _is_small(path: Path) -> bool:
    try:
        return path.stat().st_size <= LARGEST
    except OSError:
        return False
