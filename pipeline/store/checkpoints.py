"""Checkpoints of long trainings, from which a killed training is resumed."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.files import replacing
from pipeline.store.arrays import load_arrays, save_arrays

if TYPE_CHECKING:
    import numpy as np


class CheckpointFiles:
    """Checkpoints in `folder`, by name: one file each, with plain data and arrays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, plain: dict[str, Any], arrays: "Sequence[np.ndarray]") -> None:
        """Write the checkpoint `name`, completely or not at all; raises `ValueError` for NaN and infinities in `plain`."""
        import numpy as np

        text = np.frombuffer(json.dumps(plain, allow_nan=False).encode(), np.uint8)
        with replacing(self._path(name)) as temporary:
            save_arrays(temporary, [text, *arrays])

    def get(self, name: str) -> "tuple[dict[str, Any], list[np.ndarray]] | None":
        """Return the checkpoint `name`, or None if it is missing or damaged."""
        arrays = load_arrays(self._path(name))
        if not arrays:
            return None
        try:
            return json.loads(arrays[0].tobytes()), arrays[1:]
        except ValueError:
            return None

    def clear(self) -> None:
        """Remove all checkpoints, once everything is trained."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"
