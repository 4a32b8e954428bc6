"""What a model gets to see: the inputs of both halves, their types, and whether they fit each other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.data.catalogue import Kind
from pipeline.data.rows import ArrayRows, Rows, check_finite

NAME = re.compile(r"\w[\w-]*", re.ASCII)


@dataclass(frozen=True)
class Input:
    """One input of both halves, and the type that it is stored as."""

    train: Rows
    test: Rows
    dtype: np.dtype[Any]


def as_rows(dataset: str, name: str, value: Any) -> dict[str, Rows]:
    """Return the inputs in an array, or in a dict of arrays, by name: `""` for one array alone.

    Raises `DataError` for what is no array of numbers.
    """
    if isinstance(value, Mapping):
        if not value:
            raise DataError(f"{dataset}: {name} must have inputs; got an empty mapping")
        for key in value:
            if not (isinstance(key, str) and NAME.fullmatch(key)):
                raise DataError(
                    f"{dataset}: {name}: an input's name must be letters, digits, _ or -; got {key!r}"
                )
        return {key: _array(dataset, f"{name}[{key!r}]", item) for key, item in value.items()}
    return {"": _array(dataset, name, value)}


def _array(dataset: str, name: str, value: Any) -> Rows:
    try:
        array: NDArray[Any] = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{dataset}: {name} must be an array with one shape for all rows: {error}") from error
    check_numbers(dataset, name, array.dtype, array.shape)
    return ArrayRows(array[:, None] if array.ndim == 1 else array)


def check_numbers(dataset: str, name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """Raise `DataError` unless an array of that type and shape holds numbers, and any at all."""
    if dtype.kind not in "iubf" or not shape:
        raise DataError(f"{dataset}: {name} must be an array of numbers; got {dtype} of shape {shape}")
    if 0 in shape:
        raise DataError(f"{dataset}: {name} must have rows; got shape {shape}")


def paired(dataset: str, train: Mapping[str, Rows], test: Mapping[str, Rows]) -> dict[str, Input]:
    """Return the inputs of both halves together.

    Raises `DataError` where names, shapes or types differ, lengths differ within a half, or a number is not finite.
    """
    if set(train) != set(test):
        raise DataError(
            f"{dataset}: x_train and x_test must have the same inputs; got {list(train)} and {list(test)}"
        )
    inputs = {name: _paired(dataset, name, train[name], test[name]) for name in train}
    for half, rows in (("x_train", train), ("x_test", test)):
        lengths = {name: each.shape[0] for name, each in rows.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"{dataset}: the inputs of {half} must be of one length; got {lengths}")
    return inputs


def kind_of(inputs: Mapping[str, Input]) -> Kind:
    """Return what inputs are: several, images of unsigned bytes, or any other array."""
    if "" not in inputs:
        return "inputs"
    (only,) = inputs.values()
    return "images" if only.dtype == np.uint8 and len(only.train.shape) in (3, 4) else "arrays"


def _paired(dataset: str, name: str, train: Rows, test: Rows) -> Input:
    of = f"[{name!r}]" if name else ""
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            f"{dataset}: x_train{of} and x_test{of} must have one shape for each row; "
            f"got {train.shape[1:]} and {test.shape[1:]}"
        )
    types = {_stored(rows.dtype) for rows in (train, test)}
    if types == {np.dtype(np.int32), np.dtype(np.int64)}:
        types = {np.dtype(np.int64)}
    if len(types) > 1:
        raise DataError(
            f"{dataset}: x_train{of} and x_test{of} must be of one type; got {train.dtype} and {test.dtype}"
        )
    for half, rows in (("x_train", train), ("x_test", test)):
        check_finite(dataset, half + of, rows)
    return Input(train, test, types.pop())


def _stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which numbers are stored: floats with 32 bits, whole numbers with 32 or 64, and bytes."""
    if dtype.kind == "f":
        return np.dtype(np.float32)
    if dtype.kind == "b" or dtype == np.uint8:
        return np.dtype(np.uint8)
    return np.dtype(np.int32 if np.can_cast(dtype, np.int32) else np.int64)
