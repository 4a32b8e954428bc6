"""The arguments of `search` in the form that the fused engine needs, if it supports them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.rules import Stopping

KNOWN = {
    "x",
    "y",
    "batch_size",
    "epochs",
    "verbose",
    "callbacks",
    "validation_split",
    "validation_data",
    "shuffle",
}
MONITORS = ("val_loss", "val_accuracy")


@dataclass(frozen=True)
class Request:
    """Images and integer labels, the training rows first, and how to train on them."""

    x: NDArray[Any]
    y: NDArray[np.int32]
    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    one_hot: bool
    batch_size: int
    epochs: int
    early_stopping: keras.callbacks.EarlyStopping | None

    @property
    def monitor(self) -> str:
        """The metric that early stopping monitors."""
        return self.early_stopping.monitor if self.early_stopping is not None else "val_loss"

    def stopping(self) -> Stopping | None:
        """Return a new early-stopping rule for one trial, or None without early stopping."""
        rule = self.early_stopping
        if rule is None:
            return None
        return Stopping(rule.patience, abs(rule.min_delta), rule.monitor)


def read_request(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Request | None:
    """Return the request in the arguments of `fit`, or None if the fused engine does not support one of them."""
    given = {**dict(zip(("x", "y", "batch_size", "epochs"), arguments, strict=False)), **keywords}
    data = _data(given)
    stopping = _early_stopping(given.get("callbacks"))
    if (
        len(arguments) > 4
        or not set(given) <= KNOWN
        or given.get("shuffle") is False
        or data is None
        or not stopping
    ):
        return None
    (x, y), (x_val, y_val) = data
    labels = np.concatenate([_integers(y), _integers(y_val)])
    rows = np.arange(len(labels), dtype=np.int32)
    return Request(
        x=np.concatenate([x, x_val]).astype(np.float32),
        y=labels,
        training=rows[: len(x)],
        validation=rows[len(x) :],
        one_hot=np.ndim(y) == 2,
        batch_size=given.get("batch_size") or 32,
        epochs=given.get("epochs", 1),
        early_stopping=stopping[0],
    )


def _data(given: Mapping[str, Any]) -> tuple[tuple[Any, Any], tuple[Any, Any]] | None:
    x, y, held_out = given.get("x"), given.get("y"), given.get("validation_data")
    if not isinstance(x, np.ndarray) or not _labels_fit(y):
        return None
    if held_out is None:
        return _cut_off(x, y, given.get("validation_split") or 0.0)
    fits = isinstance(held_out, tuple | list) and len(held_out) == 2 and _labels_fit(held_out[1])
    return ((x, y), (held_out[0], held_out[1])) if fits else None


def _cut_off(x: Any, y: Any, part: float) -> tuple[tuple[Any, Any], tuple[Any, Any]] | None:
    """Return training and validation data, the last `part` of the rows held out as in `fit`; None if either is empty."""
    cut = int(len(x) * (1 - part))
    return ((x[:cut], y[:cut]), (x[cut:], y[cut:])) if 0 < cut < len(x) else None


def _labels_fit(y: Any) -> bool:
    """Return whether labels are integers `[n]`, or one-hot rows `[n, classes]`."""
    if not isinstance(y, np.ndarray):
        return False
    if y.ndim == 2 and y.shape[1] > 1:
        return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())
    return y.ndim == 1 and np.issubdtype(y.dtype, np.integer)


def _integers(y: NDArray[Any]) -> NDArray[np.int32]:
    return (y.argmax(axis=1) if y.ndim == 2 else y).astype(np.int32)


def _early_stopping(callbacks: Any) -> tuple[Any] | None:
    """Return the only callback, or None in its place, as a tuple of one; None if other callbacks are given."""
    if not callbacks:
        return (None,)
    (first, *more) = callbacks
    plain = type(first) is keras.callbacks.EarlyStopping and first.monitor in MONITORS
    simple = plain and not more and first.baseline is None and not first.start_from_epoch
    return (first,) if simple else None
