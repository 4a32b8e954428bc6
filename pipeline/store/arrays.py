"""Arrays in files, in order and without pickle. numpy is imported only where arrays are read or written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zipfile import BadZipFile

if TYPE_CHECKING:
    import numpy as np


def save_arrays(path: Path, arrays: "Sequence[np.ndarray]") -> None:
    """Write arrays to an `.npz` file, named by their positions; raises `ValueError` for arrays of objects."""
    import numpy as np

    np.savez(path, allow_pickle=False, **{str(index): array for index, array in enumerate(arrays)})


def load_arrays(path: Path) -> "list[np.ndarray] | None":
    """Return the arrays that `save_arrays` wrote, or None if they cannot be read."""
    try:
        with path.open("rb") as file:  # opened here because numpy leaves a damaged file open
            return read_arrays(file)
    except OSError:
        return None


def read_arrays(file: BinaryIO) -> "list[np.ndarray] | None":
    """Return the arrays in an open file that `save_arrays` wrote, or None if they cannot be read."""
    import numpy as np

    try:
        with np.load(file, allow_pickle=False) as archive:
            return [archive[str(index)] for index in range(len(archive.files))]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None
