"""What a model gets to see of prepared inputs: images scaled, tables encoded, other arrays as they are or standardised."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError, nearest
from pipeline.data import scale
from pipeline.data.catalogue import Dataset
from pipeline.data.prepare import Prepared
from pipeline.data.table import fit_encoder
from pipeline.params.types.recipe import DataSpec

Array = NDArray[Any]
CHUNK = 1 << 24
"""Numbers that are converted at once."""
IN_MEMORY = 1 << 30
"""Bytes of inputs, as models see them, up to which they are kept in memory; larger ones are read as they are needed."""


@dataclass(frozen=True, eq=False)
class Transform:
    """A function from prepared rows to those that models see; `name` is equal for equal functions."""

    name: str
    apply: Callable[[Array], Array]


def transform_of(prepared: Prepared, data: DataSpec, training: NDArray[np.int32]) -> dict[str, Transform]:
    """Return the transform of each input, of a single one under an empty name, fitted on the rows that train.

    Raises `DataError` for a scale that does not suit the inputs, and for a column or an input that there is not.
    """
    record = prepared.record
    names = list(prepared.x_train) if isinstance(prepared.x_train, dict) else [""]
    inputs = {name: as_prepared(prepared, name) for name in names}
    if record.kind != "table":
        unknown = [name for name in data.without if name not in inputs]
        if unknown:
            names = [name for name in inputs if name]
            text = (
                f"there are {', '.join(names)}.{nearest(unknown[0], names)}" if names else "it has one input"
            )
            raise DataError(f"{record.title}: data.without: {unknown[0]!r} is no input; {text}")
        inputs = {name: x for name, x in inputs.items() if name not in data.without}
    return {name: _transform(record, data, x, training) for name, x in inputs.items()}


def as_prepared(prepared: Prepared, name: str = "") -> "Streamed":
    """Return all rows of an input, training rows before test rows, as they were prepared."""
    return Streamed(prepared.inputs(name), lambda x: x)


def _transform(record: Dataset, data: DataSpec, x: "Streamed", training: NDArray[np.int32]) -> Transform:
    if record.kind == "table":
        if data.scale not in (None, "standardise", "none"):
            raise DataError(
                f"{record.title}: data.scale: a table is standardised or not (none); got {data.scale}"
            )
        encoder = fit_encoder(record.columns, x[training], data.without, standardise=data.scale != "none")
        fitted_on = repr((data.without, data.scale)).encode() + training.tobytes()
        return Transform(_named(fitted_on), encoder)
    if x.dtype == np.uint8:
        return _scaled(scale.fit(data.scale or "/255", x[training]))
    if data.scale in (None, "none"):
        return Transform("as it is", _as_models_take)
    if data.scale != "standardise" or x.dtype.kind != "f":
        raise DataError(
            f"{record.title}: data.scale: {data.scale} is for images of 8 bits; these inputs are {x.dtype}: "
            f"{'standardise or none' if x.dtype.kind == 'f' else 'none'}"
        )
    return _scaled(_standardised(x, training))


def _scaled(scaler: scale.Scaler) -> Transform:
    return Transform(_named(scaler.shift.tobytes() + scaler.factor.tobytes()), scaler)


def _named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _as_models_take(x: Array) -> Array:
    """Return numbers as they are, of the types that Keras's layers take: 32 bits."""
    return x.astype(np.float32 if x.dtype.kind == "f" else np.int32, copy=False)


def _standardised(x: "Streamed", training: NDArray[np.int32]) -> scale.Scaler:
    """Return a scaler to mean 0 and standard deviation 1 over the rows that train; what never changes becomes 0."""
    total, squares = np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    for rows in _chunks(training, x):
        part = x[rows].astype(np.float64)
        total += part.sum(axis=0)
        squares += np.square(part).sum(axis=0)
    mean = total / len(training)
    deviation = np.sqrt(np.maximum(squares / len(training) - mean**2, 0.0))
    deviation[deviation < 1e-12] = 1.0
    return scale.Scaler(mean.astype(np.float32), (1 / deviation).astype(np.float32))


def _chunks(rows: NDArray[Any], x: "Streamed") -> list[NDArray[Any]]:
    size = max(1, CHUNK // max(1, int(np.prod(x.shape[1:]))))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


class Streamed:
    """Training rows and then test rows of an array on disk, transformed as they are read: `streamed[rows]`."""

    def __init__(self, parts: Sequence[Array], apply: Callable[[Array], Array]) -> None:
        self.parts, self.apply = parts, apply
        self.shape = (sum(map(len, parts)), *apply(parts[0][:1]).shape[1:])
        self.dtype = apply(parts[0][:1]).dtype

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: NDArray[Any]) -> Array:
        rows = np.asarray(rows)
        result, start = np.empty((len(rows), *self.shape[1:]), self.dtype), 0
        for part in self.parts:
            inside = (rows >= start) & (rows < start + len(part))
            result[inside] = self.apply(part[rows[inside] - start])
            start += len(part)
        return result


def transformed(parts: Sequence[Array], apply: Callable[[Array], Array], in_memory: int | None = None) -> Any:
    """Return the rows of all `parts` as models see them: an array, or `Streamed` above `in_memory` bytes (`IN_MEMORY`)."""
    streamed = Streamed(parts, apply)
    most = IN_MEMORY if in_memory is None else in_memory
    if int(np.prod(streamed.shape)) * streamed.dtype.itemsize > most:
        return streamed
    return np.concatenate([apply(part) for part in parts])
