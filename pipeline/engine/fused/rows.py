"""Rows to evaluate, in parts of one shape, so that one graph serves all."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Chunk = tuple[NDArray[np.int32], NDArray[np.float32]]


def chunks(rows: Sequence[NDArray[np.int32]], length: int) -> Iterator[Chunk]:
    """Yield `rows` in parts of one shape `[models, length]`, with 1 where a row counts and 0 where it is filling."""
    for start in range(0, max(len(each) for each in rows), length):
        # Filled up with rows of its own: others may have no label here, and 0 times a NaN loss is NaN.
        part = np.stack([np.resize(each[start:] if start < len(each) else each, length) for each in rows])
        counted = np.stack([np.arange(start, start + length) < len(each) for each in rows]).astype(np.float32)
        yield part, counted
