"""Data sets in `.npz` files, as Keras's own: read member by member, in chunks, without unpacking the file."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipeline.core.errors import DataError, nearest
from pipeline.data.file_spec import FileSpec
from pipeline.data.halves import Half
from pipeline.data.inputs import check_numbers
from pipeline.data.rows import Mask, Rows, slices

REQUIRED = ("x_train", "y_train")
TEST = ("x_test", "y_test")
OPTIONAL = ("weights_train", "weights_test", "groups_train", "groups_test")


@dataclass(frozen=True, eq=False)
class ZippedRows:
    """The rows of an array in a zipped file, where there is a `mask` only those, read from the first to the last."""

    path: Path
    member: str
    full: tuple[int, ...]
    dtype: np.dtype[Any]
    mask: Mask | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is read."""
        return self.full if self.mask is None else (int(self.mask.sum()), *self.full[1:])

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield the rows in order; raises `DataError` where the file is damaged."""
        with _opened(self.path) as archive, archive.open(f"{self.member}.npy") as stream:
            _header(self.path, self.member, stream)
            for piece in slices(self.full, self.dtype):
                shape = (min(piece.stop, self.full[0]) - piece.start, *self.full[1:])
                array = _numbers(self.path, self.member, stream, shape, self.dtype)
                yield array if self.mask is None else array[self.mask[piece]]

    def only(self, mask: Mask) -> "ZippedRows":
        """Return the rows where `mask` is true."""
        return replace(self, mask=mask)


def read(spec: FileSpec) -> tuple[Half, Half | None]:
    """Return the training data of an npz file, and its test data; None where there are none.

    Raises `DataError` where the file is damaged, lacks an array, or holds what is no array of numbers or text.
    """
    with _opened(spec.path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    has_test = any(name in names for name in TEST)
    for name in (*REQUIRED, *(TEST if has_test else ())):
        if name not in names:
            raise DataError(
                f"{spec.title}: has no array {name}; it has {', '.join(names)}.{nearest(name, names)}"
            )
    train = _half(spec, "train", names)
    return train, _half(spec, "test", names) if has_test else None


def _half(spec: FileSpec, half: str, names: list[str]) -> Half:
    x = _rows(spec, f"x_{half}")
    loaded = {
        what: _loaded(spec, f"{what}_{half}") if f"{what}_{half}" in names else None
        for what in ("y", "weights", "groups")
    }
    return Half({"": x}, loaded["y"], loaded["weights"], loaded["groups"])


def _rows(spec: FileSpec, member: str) -> Rows:
    with _opened(spec.path) as archive, archive.open(f"{member}.npy") as stream:
        shape, fortran, dtype = _header(spec.path, member, stream)
    check_numbers(spec.title, member, dtype, shape)
    if fortran and len(shape) > 1:
        raise DataError(f"{spec.title}: {member} is in Fortran's order; save np.ascontiguousarray({member})")
    return ZippedRows(spec.path, member, shape if len(shape) > 1 else (*shape, 1), dtype)


def _loaded(spec: FileSpec, member: str) -> NDArray[Any]:
    try:
        with np.load(spec.path, allow_pickle=False) as archive:
            array: NDArray[Any] = archive[member]
            return array
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(spec.path, member, error) from error


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: is no npz file: {error}") from error


def _header(path: Path, member: str, stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
        return shape, fortran, dtype
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(path, member, error) from error


def _numbers(
    path: Path, member: str, stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    size = int(np.prod(shape)) * dtype.itemsize
    try:
        content = stream.read(size)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, member, error) from error
    if len(content) < size:
        raise _damaged(path, member, "it is cut short")
    return np.frombuffer(content, dtype).reshape(shape)


def _damaged(path: Path, member: str, error: object) -> DataError:
    return DataError(f"{path}: {member} cannot be read: {error}")
