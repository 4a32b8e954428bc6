"""Arrays read, checked and written in chunks, since they may be larger than memory."""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.files import replacing

CHUNK = 32 * 2**20
"""Bytes in a chunk, about."""
Mask = NDArray[np.bool_]
Hashes = NDArray[np.uint64]
Convert = Callable[[NDArray[Any]], NDArray[Any]]


class Rows(Protocol):
    """An array `[n, ...]` that is read from its first row to its last: in memory, memory-mapped, zipped, or of files."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is read."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of what is read."""

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield the rows in order, some at a time."""

    def only(self, mask: Mask) -> "Rows":
        """Return the rows where `mask` [n] is true."""


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """The rows of an array, which may be memory-mapped; where there is a `mask`, only those."""

    array: NDArray[Any]
    mask: Mask | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is read."""
        count = len(self.array) if self.mask is None else int(self.mask.sum())
        return (count, *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the array."""
        return self.array.dtype

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield the rows in order."""
        for piece in slices(self.array.shape, self.dtype):
            yield self.array[piece] if self.mask is None else self.array[piece][self.mask[piece]]

    def only(self, mask: Mask) -> "ArrayRows":
        """Return the rows where `mask` is true."""
        return ArrayRows(self.array, mask)


@dataclass(frozen=True)
class Written:
    """A written array: the checksum of its file, and a hash of each row [n]."""

    sha256: str
    hashes: Hashes


def slices(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Iterator[slice]:
    """Yield the slices of rows, a chunk each, of an array of that shape and type."""
    size = max(1, CHUNK // max(1, dtype.itemsize * int(np.prod(shape[1:]))))
    for start in range(0, shape[0], size):
        yield slice(start, start + size)


def write(path: Path, rows: Rows, dtype: np.dtype[Any], convert: Convert = lambda chunk: chunk) -> Written:
    """Write `rows`, each chunk converted, as a `.npy` file of that type, whole or not at all."""
    total, hashes = hashlib.sha256(), [np.empty(0, np.uint64)]
    header = io.BytesIO()
    npy.write_array_header_2_0(
        header, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": rows.shape}
    )
    with replacing(path) as temporary, temporary.open("wb") as stream:
        total.update(header.getvalue())
        stream.write(header.getvalue())
        for chunk in rows.chunks():
            array = np.ascontiguousarray(convert(chunk), dtype)
            hashes.append(row_hashes(array))
            total.update(array.data)
            stream.write(array.data)
    return Written(total.hexdigest(), np.concatenate(hashes))


def row_hashes(array: NDArray[Any]) -> Hashes:
    """Return a hash of each row of `array` [n, ...]: [n], equal for equal rows, else hardly ever."""
    if not array.size:
        return np.zeros(len(array), np.uint64)
    content = np.ascontiguousarray(array).reshape(len(array), -1).view(np.uint8)
    padded = np.pad(content, ((0, 0), (0, -content.shape[1] % 8))) if content.shape[1] % 8 else content
    words = padded.view(np.uint64)
    factors = np.random.RandomState(0).randint(0, 2**63, words.shape[1], np.uint64) * np.uint64(
        2
    ) + np.uint64(1)
    mixed: Hashes = (words ^ (words >> np.uint64(29))) @ factors
    return mixed


def check_finite(dataset: str, name: str, rows: Rows) -> None:
    """Raise `DataError` for the first NaN or infinity, with its place and how many there are."""
    first, count, start = None, 0, 0
    for chunk in rows.chunks() if rows.dtype.kind == "f" else ():
        with np.errstate(over="ignore"):  # what float32 cannot hold is refused too
            finite = np.isfinite(chunk.astype(np.float32))
        if not finite.all():
            place = np.argwhere(~finite)[0]
            first = first or (chunk[tuple(place)], (place[0] + start, *place[1:]))
            count += int((~finite).sum())
        start += len(chunk)
    if first is not None:
        value, place = first
        more = f", and {count - 1:,} more are not finite" if count > 1 else ""
        raise DataError(
            f"{dataset}: {name}[{', '.join(map(str, place))}] is {value}{more}; every value must be a finite float32"
        )
