"""Preparing a data set: the fetched files as numpy arrays, which are loaded memory-mapped without delay."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.files import read_json, remove_partial, replacing, sha256, write_json
from pipeline.data import catalogue, idx
from pipeline.data.catalogue import META, PARTS, Dataset


@dataclass(frozen=True, eq=False)
class Images:
    """A prepared data set: images [n, *image_shape] of unsigned bytes, labels [n] of int64; all arrays are read-only."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]


def prepare(dataset: str, root: Path) -> Path:
    """Write a fetched data set as four `.npy` files to its folder in `data/prepared`, and return that folder.

    Raises `DataError` if a fetched file is missing or damaged.
    """
    record = catalogue.lookup(dataset, root)
    arrays = {part: _fetched(record, part, root) for part in PARTS}
    folder = catalogue.prepared_folder(dataset, root)
    remove_partial(folder)
    (folder / META).unlink(missing_ok=True)
    for part, array in arrays.items():
        _save(folder / f"{part}.npy", array)
    write_json(folder / META, {"digest": record.digest})
    return folder


def load(dataset: str, root: Path) -> Images:
    """Return a prepared data set, memory-mapped.

    Raises `DataError` if it was not prepared completely, or from other content than was fetched last.

    Example: `load("digits", Path(".")).x_train` has the shape (1397, 8, 8).
    """
    record = catalogue.lookup(dataset, root)
    folder = catalogue.prepared_folder(dataset, root)
    if read_json(folder / META) != {"digest": record.digest}:
        state = "holds other content than was fetched" if (folder / META).exists() else "is not prepared"
        raise DataError(f"{dataset}: {folder} {state}; run `dvc repro prepare`")
    x_train, y_train, x_test, y_test = (_mapped(record, part, folder) for part in PARTS)
    return Images(x_train, y_train, x_test, y_test, record.class_names, record.image_shape)


def _fetched(record: Dataset, part: str, root: Path) -> NDArray[Any]:
    path = catalogue.raw_folder(record.name, root) / record.files[part]
    if not path.exists():
        raise DataError(f"{record.name}: {path} is missing; run `dvc repro fetch`")
    array = idx.read(path)
    if sha256(path) != record.sha256[part]:
        raise DataError(f"{path}: does not have the published content; run `dvc repro fetch`")
    return array.astype(np.int64) if part.endswith("labels") else array


def _save(path: Path, array: NDArray[Any]) -> None:
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def _mapped(record: Dataset, part: str, folder: Path) -> NDArray[Any]:
    path = folder / f"{part}.npy"
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}; run `dvc repro prepare`") from error
    if array.shape != (expected := record.shape(part)):
        raise DataError(f"{path}: must have shape {expected}; got {array.shape}; run `dvc repro prepare`")
    return array
