"""IDX, the format of MNIST's files: arrays of unsigned bytes after a big-endian header.

Header: two zero bytes, the type (8 is unsigned byte), the number of dimensions, then each dimension as 32
bits. Source of the format: http://yann.lecun.com/exdb/mnist/, "The IDX file format".
"""

import hashlib
import math
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.files import replacing
from pipeline.data.rows import slices

Bytes = NDArray[np.uint8]
"""Arrays of unsigned bytes: pixels 0..255, or labels."""

_UBYTE = 8
_MAX_DIMENSIONS = 4


def encode(array: Bytes) -> bytes:
    """Return an array of unsigned bytes, of 1 to 4 dimensions, as the content of an IDX file.

    Raises `ValueError` for another type or another number of dimensions.
    """
    return b"".join(_pieces(array))


def write(path: Path, array: Bytes) -> None:
    """Write an array of unsigned bytes to `path`, whole or not at all; it may be larger than memory."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.writelines(_pieces(array))


def digest(array: Bytes) -> str:
    """Return the SHA-256 of an array as the content of an IDX file."""
    total = hashlib.sha256()
    for piece in _pieces(array):
        total.update(piece)
    return total.hexdigest()


def _pieces(array: Bytes) -> Iterator[bytes]:
    if array.dtype != np.uint8 or not 1 <= array.ndim <= _MAX_DIMENSIONS:
        raise ValueError(
            f"an IDX file must hold a uint8 array of 1 to 4 dimensions; got {array.dtype}, {array.shape}"
        )
    yield struct.pack(f">BBBB{array.ndim}I", 0, 0, _UBYTE, array.ndim, *array.shape)
    for piece in slices(array.shape, array.dtype):
        yield array[piece].tobytes()


def read(path: Path) -> Bytes:
    """Return the array in an IDX file, read-only and memory-mapped.

    Raises `DataError`, naming the file, if it is missing, is not IDX of unsigned bytes, or has another length than
    its header says.
    """
    try:
        with path.open("rb") as stream:
            size, head = path.stat().st_size, stream.read(4 + 4 * _MAX_DIMENSIONS)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    start, shape = _header(path, head)
    expected, actual = math.prod(shape), size - start
    if actual != expected:
        fault = "is cut short" if actual < expected else "is too long"
        raise DataError(f"{path}: {fault}: its header says {expected} bytes of data, there are {actual}")
    return np.memmap(path, np.uint8, "r", start, shape) if expected else np.empty(shape, np.uint8)


def _header(path: Path, content: bytes) -> tuple[int, tuple[int, ...]]:
    """Return where the data start, in bytes, and the shape of the array."""
    if len(content) < 4:
        raise DataError(f"{path}: is cut short: {len(content)} bytes, not even a header")
    zero, kind, dimensions = struct.unpack_from(">HBB", content)
    if zero or kind != _UBYTE or not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise DataError(
            f"{path}: is not an IDX file of unsigned bytes: it must start with 00 00 08 and 01 to 04, "
            f"it starts with {content[:4].hex(' ')}"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise DataError(f"{path}: is cut short: {len(content)} bytes, its header alone takes {start}")
    return start, struct.unpack_from(f">{dimensions}I", content, offset=4)
