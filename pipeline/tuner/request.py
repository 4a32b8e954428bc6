"""The arguments of `search`, which are those of `keras.Model.fit`, in the form that the fused engine needs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

KNOWN = {
    "x",
    "y",
    "batch_size",
    "epochs",
    "initial_epoch",
    "verbose",
    "callbacks",
    "validation_split",
    "validation_data",
    "shuffle",
}
POSITIONAL = ("x", "y", "batch_size", "epochs")
Arrays = tuple[NDArray[Any], NDArray[Any]]
NUMBERS = "biuf"
"""The kinds of NumPy's types that hold numbers."""


@dataclass(frozen=True)
class Rows:
    """Inputs `[n, ...]` and the class of each `[n]`; no rows at all are possible."""

    x: NDArray[Any]
    y: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def tensors(self) -> dict[str, Any]:
        """Both as tensors, the only copy of them that training makes."""
        return {"x": keras.ops.convert_to_tensor(self.x), "y": keras.ops.convert_to_tensor(self.y)}


@dataclass(frozen=True)
class Request:
    """What to train on and how.

    `classes` is one more than the largest label; `example` is a batch of inputs and labels, the labels as they were given.
    """

    training: Rows
    validation: Rows
    one_hot: bool
    classes: int
    example: Arrays
    batch_size: int
    epochs: int
    initial_epoch: int
    callbacks: tuple[keras.callbacks.EarlyStopping, ...]


def read_request(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Request | None:
    """Return the request in the arguments of `fit`, or None where one of them is of a kind that is not fused."""
    given = {**dict(zip(POSITIONAL, arguments, strict=False)), **keywords}
    parts = _parts(given) if set(given) <= KNOWN and len(arguments) <= len(POSITIONAL) else None
    callbacks = _early_stopping(given.get("callbacks"))
    if parts is None or callbacks is None or given.get("shuffle", True) is not True:
        return None
    training, validation = (_rows(x, y) for x, y in parts)
    labels = parts[0][1]
    batch_size = min(given.get("batch_size") or 32, len(training))
    return Request(
        training,
        validation,
        one_hot=_is_wide(labels),
        classes=1 + max(int(rows.y.max()) for rows in (training, validation) if len(rows)),
        example=(training.x[:batch_size], labels[:batch_size]),
        batch_size=batch_size,
        epochs=given.get("epochs", 1),
        initial_epoch=given.get("initial_epoch", 0),
        callbacks=callbacks,
    )


def _parts(given: dict[str, Any]) -> tuple[Arrays, Arrays] | None:
    """Return training and validation data; None where they are not arrays of numbers and labels that fit together."""
    x: Any = given.get("x")
    y: Any = given.get("y")
    held_out = given.get("validation_data")
    if not _fit_together(x, y) or len(x) == 0:
        return None
    if held_out is None:
        return _cut_off(x, y, given.get("validation_split") or 0.0)
    if not isinstance(held_out, tuple | list) or len(held_out) != 2:
        return None
    alike = _fit_together(*held_out) and [a.shape[1:] for a in held_out] == [x.shape[1:], y.shape[1:]]
    return ((x, y), (held_out[0], held_out[1])) if alike and held_out[0].dtype == x.dtype else None


def _fit_together(x: Any, y: Any) -> bool:
    numbers = all(isinstance(array, np.ndarray) and array.dtype.kind in NUMBERS for array in (x, y))
    return numbers and x.ndim > 1 and len(x) == len(y) and (_is_one_hot(y) or _are_classes(y))


def _cut_off(x: Any, y: Any, part: float) -> tuple[Arrays, Arrays] | None:
    """Return training and validation data, the last `part` of the rows held out as in `fit`; None where all would be."""
    cut = math.floor(len(x) * (1.0 - part))
    return ((x[:cut], y[:cut]), (x[cut:], y[cut:])) if cut and (cut < len(x) or not part) else None


def _is_wide(y: NDArray[Any]) -> bool:
    return y.ndim == 2 and y.shape[1] > 1


def _is_one_hot(y: NDArray[Any]) -> bool:
    return _is_wide(y) and bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _are_classes(y: NDArray[Any]) -> bool:
    """Return whether labels are whole numbers from 0, `[n]` or in a column `[n, 1]`."""
    return y.shape[1:] in ((), (1,)) and bool((y >= 0).all() and (y == np.floor(y)).all())


def _rows(x: NDArray[Any], y: NDArray[Any]) -> Rows:
    """Return rows as Keras feeds them: real numbers in its float type, others as they are."""
    wanted = keras.config.floatx() if x.dtype.kind == "f" else x.dtype
    return Rows(x.astype(wanted, copy=False), _classes(y))


def _classes(y: NDArray[Any]) -> NDArray[np.int32]:
    return (y.argmax(axis=1) if _is_wide(y) else y.reshape(-1)).astype(np.int32)


def _early_stopping(callbacks: Any) -> tuple[keras.callbacks.EarlyStopping, ...] | None:
    """Return the callbacks; None if there is one of another kind than `EarlyStopping`."""
    given = [] if callbacks is None else callbacks
    plain = isinstance(given, list | tuple) and all(
        type(callback) is keras.callbacks.EarlyStopping for callback in given
    )
    return tuple(given) if plain else None
