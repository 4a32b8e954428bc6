"""Rows to evaluate, in parts of one shape, so that one graph is enough."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.fused.program import Program, Rows

Chunk = tuple[NDArray[np.int32], NDArray[np.float32]]


def chunks(rows: Sequence[NDArray[np.int32]], length: int) -> Iterator[Chunk]:
    """Yield `rows` in parts of one shape `[models, length]`, with 1 where a row counts and 0 where it is padding."""
    for start in range(0, max(map(len, rows)), length):
        # Padded with the model's own rows: others may have no label here, and 0 times a NaN loss is NaN.
        part = np.stack([np.resize(own[start:] if start < len(own) else own, length) for own in rows])
        counted = np.stack([np.arange(start, start + length) < len(own) for own in rows]).astype(np.float32)
        yield part, counted


def averages(
    program: Program, data: Rows, rows: Sequence[NDArray[np.int32]], length: int
) -> list[NDArray[Any]]:
    """Return each model's mean loss (penalties included, as Keras reports it) and metrics over its `rows` of `data`."""
    total, penalty, measured = np.zeros(len(rows)), np.zeros(len(rows)), program.unmeasured
    for part, counted in chunks(rows, length):
        loss, measured, penalty = program.evaluate(data, part, counted, measured)
        total += loss
    return [total / np.array([len(own) for own in rows]) + penalty, *program.results(measured)]
