"""The curves of runs in training, up to their last epoch."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.files import read_json, write_json
from pipeline.runs.records import Curves


class LiveCurves:
    """The live curves in `folder`, by run key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, key: str, curves: Curves) -> None:
        """Write the curves so far of a run in training."""
        write_json(self.folder / f"{key}.json", curves)

    def all(self) -> dict[str, Curves]:
        """Return the curves so far of all runs in training."""
        curves = {path.stem: read_json(path) for path in self.folder.glob("*.json")}
        return {key: values for key, values in curves.items() if values is not None}

    def remove(self, keys: Iterable[str]) -> None:
        """Remove the live curves of runs that are stored or no longer in training."""
        for key in keys:
            (self.folder / f"{key}.json").unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove all live curves, when nothing is in training."""
        shutil.rmtree(self.folder, ignore_errors=True)
