"""Preparing a data set: the fetched files as numpy arrays, which are loaded memory-mapped without delay."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.files import read_json, remove_partial, replacing, sha256, write_json
from pipeline.data import catalogue, idx
from pipeline.data.catalogue import META, PARTS, Dataset, Shape

Array = NDArray[Any]
IDX_PARTS = dict(zip(PARTS, ("x_train", "y_train", "x_test", "y_test"), strict=True))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A prepared data set; all arrays are read-only, and memory-mapped.

    `x` [n, ...] is what was given: unsigned bytes, whole numbers or float32; of a table float64, see
    `pipeline.data.table`; a dict of such arrays where there are several inputs. `y` is int64 [n] for classes and [n, h, w]
    for maps, numbered from 0; float32 [n, k] for labels and regression. `weights` [n] are float32, `groups` [n] int64.
    """

    x_train: Any
    y_train: Array
    x_test: Any
    y_test: Array
    record: Dataset
    weights_train: Array | None = None
    weights_test: Array | None = None
    groups_train: Array | None = None
    groups_test: Array | None = None

    def arrays(self) -> dict[str, Array]:
        """Return all arrays by name, several inputs as `x_train.<input>`; `from_arrays` takes them back."""
        fields = {name: value for name, value in vars(self).items() if name != "record" and value is not None}
        return {
            f"{name}.{key}" if key else name: array
            for name, value in fields.items()
            for key, array in (value.items() if isinstance(value, Mapping) else [("", value)])
        }

    def inputs(self, name: str = "") -> list[Array]:
        """Return the training rows and the test rows of an input, of a single one under an empty name."""
        return [part[name] if name else part for part in (self.x_train, self.x_test)]

    def targets(self) -> Array:
        """Return the targets of training rows and then of test rows."""
        return np.concatenate([self.y_train, self.y_test])

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, the labels or the targets."""
        return self.record.class_names

    @property
    def image_shape(self) -> Shape:
        """The shape of the one input; raises `DataError` where there are several."""
        return self.record.image_shape


def prepare(dataset: str, root: Path) -> Path:
    """Write a fetched data set as `.npy` files to its folder in `data/prepared`, and return that folder.

    Where they are `.npy` files already, they get a second name there instead of a copy, if the file system can do that.
    Raises `DataError` if a fetched file is missing or damaged.
    """
    record = catalogue.lookup(dataset, root)
    fetched = {part: _fetched(record, part, root) for part in record.files}
    folder = catalogue.prepared_folder(dataset, root)
    folder.mkdir(parents=True, exist_ok=True)
    remove_partial(folder)
    (folder / META).unlink(missing_ok=True)
    for part, path in fetched.items():
        if record.is_idx:
            _convert(path, folder / f"{part}.npy")
        else:
            _link(path, folder / f"{part}.npy")
    write_json(folder / META, {"digest": record.digest})
    return folder


def load(dataset: str, root: Path) -> Prepared:
    """Return a prepared data set, memory-mapped.

    Raises `DataError` if it was not prepared completely, or from other content than was fetched last.

    Example: `load("digits", Path(".")).x_train` has the shape (1397, 8, 8).
    """
    record = catalogue.lookup(dataset, root)
    folder = catalogue.prepared_folder(dataset, root)
    if read_json(folder / META) != {"digest": record.digest}:
        state = "holds other content than was fetched" if (folder / META).exists() else "is not prepared"
        raise DataError(f"{dataset}: {folder} {state}; run `dvc repro prepare`")
    arrays = {part: _mapped(record, part, folder) for part in record.files}
    return from_arrays(record, {IDX_PARTS.get(part, part): array for part, array in arrays.items()})


def from_arrays(record: Dataset, arrays: Mapping[str, Array]) -> Prepared:
    """Return a prepared data set of the arrays that `Prepared.arrays` returned."""
    inputs: dict[str, Any] = {name: _inputs(arrays, name) for name in ("x_train", "x_test")}
    others = {name: array for name, array in arrays.items() if not name.startswith("x_")}
    return Prepared(**inputs, **others, record=record)


def _inputs(arrays: Mapping[str, Array], name: str) -> Array | dict[str, Array]:
    """Return the one input called `name`, or those called `<name>.<input>` by the names of the inputs."""
    if name in arrays:
        return arrays[name]
    return {
        part.removeprefix(f"{name}."): array for part, array in arrays.items() if part.startswith(f"{name}.")
    }


def _fetched(record: Dataset, part: str, root: Path) -> Path:
    """Return the path of a fetched file; raises `DataError` where it is missing or does not have the right content."""
    path = catalogue.raw_folder(record.name, root) / record.files[part]
    if not path.exists():
        raise DataError(f"{record.name}: {path} is missing; run `dvc repro fetch`")
    if record.is_idx:
        idx.read(path)
    if sha256(path) != record.sha256[part]:
        raise DataError(f"{path}: does not have the published content; run `dvc repro fetch`")
    return path


def _convert(path: Path, target: Path) -> None:
    array = idx.read(path)
    with replacing(target) as temporary, temporary.open("wb") as stream:
        np.save(stream, array if array.ndim > 1 else array.astype(np.int64), allow_pickle=False)


def _link(path: Path, target: Path) -> None:
    with replacing(target) as temporary:
        try:
            os.link(path, temporary)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(path, temporary)


def _mapped(record: Dataset, part: str, folder: Path) -> Array:
    path = folder / f"{part}.npy"
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}; run `dvc repro prepare`") from error
    if array.shape != (expected := record.shape(part)):
        raise DataError(f"{path}: must have shape {expected}; got {array.shape}; run `dvc repro prepare`")
    return array
