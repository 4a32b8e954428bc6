"""What a model is to predict: the task that the targets ask for, and the targets as numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.metrics import Task
from pipeline.core.text import plural
from pipeline.data.rows import slices

FEW = 20
"""Whole numbers with at most so many different values are classes."""
MOST_CLASSES = 256
"""Of images of unsigned bytes, and of maps."""
Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Targets:
    """Targets of both halves, as given, and how each chunk of them becomes numbers of type `dtype`.

    `names` are those of classes, labels or targets.
    """

    task: Task
    names: tuple[str, ...]
    train: Array
    test: Array
    dtype: np.dtype[Any]
    convert: Callable[[Array], Array]
    cautions: tuple[str, ...] = ()

    def numbers(self, part: Array) -> Array:
        """Return all targets of a half, converted."""
        return self.convert(part).astype(self.dtype)


def read_targets(
    dataset: str,
    train: object,
    test: object,
    *,
    task: Task | None = None,
    names: Sequence[str] | None = None,
    most: int = FEW,
) -> Targets:
    """Return the targets `y_train` and `y_test` as numbers, with their task.

    Without a `task`, text, booleans, whole numbers with at most `most` different values, and one-hot rows are classes;
    other rows of 0 and 1 are labels, whole numbers `[n, h, w]` maps, other numbers regression. Classes are numbered in the
    order of the training targets' values, which name them unless `names` does. Raises `DataError` for targets that are
    missing or of mixed types, for one class only, and for test classes unseen in training.

    Example: `read_targets("mine", ["dog", "cat"], ["cat"]).names` is `("cat", "dog")`.
    """
    columns = _column_names(train)
    y_train, y_test = (_plain(dataset, name, y) for name, y in (("y_train", train), ("y_test", test)))
    if (y_train.dtype.kind == "U") != (y_test.dtype.kind == "U"):
        raise _fault(
            dataset, f"y_train and y_test must be of one type; got {y_train.dtype} and {y_test.dtype}"
        )
    if y_train.shape[1:] != y_test.shape[1:]:
        shapes = f"{y_train.shape} and {y_test.shape}"
        raise _fault(dataset, f"y_train and y_test must have one shape, their lengths aside; got {shapes}")
    found = task or _task(y_train, most)
    read = {"classes": _classes, "labels": _labels, "regression": _regression, "map": _maps}[found]
    targets = read(dataset, y_train, y_test, columns)
    if found == "regression" and task is None:
        targets = replace(targets, cautions=_looks_like_classes(y_train))
    return _named(dataset, targets, names) if names is not None else targets


def is_missing(value: object) -> bool:
    """Return whether a value is a gap, as Python, NumPy or pandas have them."""
    return value is None or str(value) in {"nan", "<NA>", "NaT"}


def _fault(dataset: str, text: str) -> DataError:
    return DataError(f"{dataset}: {text}")


def _column_names(values: Any) -> list[str] | None:
    """Return the names of the columns of a data frame, or of the one of a pandas series."""
    columns = getattr(values, "columns", None)
    if columns is None and hasattr(values, "iloc") and values.name is not None:
        return [str(values.name)]
    return None if columns is None else [str(column) for column in columns]


def _plain(dataset: str, name: str, values: Any) -> Array:
    """Return targets as an array of numbers, booleans or text, without the axis of a column `[n, 1]`."""
    try:
        array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    except ValueError as error:
        raise _fault(dataset, f"{name} must be an array, one target for each row: {error}") from error
    if array.dtype.kind in "OT":
        array = _from_objects(dataset, name, array)
    if array.dtype.kind not in "iubfU" or not array.ndim:
        raise _fault(
            dataset, f"{name} must be numbers, booleans or text; got {array.dtype} of shape {array.shape}"
        )
    if array.ndim in (2, 4) and array.shape[-1] == 1:
        array = array[..., 0]
    if array.dtype.kind == "f":
        _check_finite(dataset, name, array)
    return array


def _from_objects(dataset: str, name: str, array: Array) -> Array:
    """Return an array of Python objects as one of text, booleans or numbers."""
    missing = np.array([is_missing(value) for value in array.flat])
    if missing.any():
        raise _fault(dataset, f"{name} has no value in {_which(missing)}; leave {_them(missing)} out")
    is_text = np.array([isinstance(value, str) for value in array.flat], bool)
    if is_text.all():
        return array.astype(str)
    if is_text.any():
        raise _fault(
            dataset,
            f"{name} mixes text and numbers: {array.flat[int(is_text.argmax())]!r} in row {int(is_text.argmax())}, "
            f"{array.flat[int(is_text.argmin())]!r} in row {int(is_text.argmin())}",
        )
    try:
        return np.array(array.tolist())
    except ValueError as error:
        raise _fault(dataset, f"{name} must be an array, one target for each row: {error}") from error


def _check_finite(dataset: str, name: str, array: Array) -> None:
    for piece in slices(array.shape, array.dtype):
        finite = np.isfinite(array[piece]).reshape(len(array[piece]), -1).all(axis=1)
        if not finite.all():
            every = np.logical_not(np.isfinite(array).reshape(len(array), -1).all(axis=1))
            raise _fault(dataset, f"{name} is not a number in {_which(every)}; leave {_them(every)} out")


def _which(rows: NDArray[np.bool_]) -> str:
    """Return the first rows that are chosen, and how many more are."""
    chosen = np.flatnonzero(rows)
    first = ", ".join(map(str, chosen[:3]))
    more = f" and {len(chosen) - 3:,} more" if len(chosen) > 3 else ""
    return f"{'row' if len(chosen) == 1 else 'rows'} {first}{more}"


def _them(rows: NDArray[np.bool_]) -> str:
    return "it" if rows.sum() == 1 else "them"


def _task(train: Array, most: int) -> Task:
    if train.ndim == 1 and (train.dtype.kind in "Ub" or _are_few(train, most)):
        return "classes"
    if train.ndim == 2 and _is_binary(train):
        return "classes" if _is_one_hot(train) else "labels"
    if train.ndim >= 3 and train.dtype.kind in "iub":
        return "map"
    return "regression"


def _are_few(train: Array, most: int) -> bool:
    if train.dtype.kind == "f":
        return _is_binary(train)
    return len(np.unique(train)) <= most


def _is_binary(values: Array) -> bool:
    return values.dtype.kind != "U" and bool(np.isin(values, (0, 1)).all())


def _is_one_hot(values: Array) -> bool:
    return values.shape[1] > 1 and bool((values.sum(axis=1) == 1).all())


def _classes(dataset: str, train: Array, test: Array, columns: list[str] | None) -> Targets:
    if train.ndim == 2 and _is_binary(train) and _is_one_hot(train):
        return _from_one_hot(dataset, train, test, columns)
    if train.ndim != 1:
        raise _fault(
            dataset,
            f"y_train must hold one class for each row, [n] or one-hot [n, k]; got shape {train.shape}",
        )
    values = np.unique(train)
    _check_several(dataset, values.tolist())
    _check_known(dataset, values, np.unique(test))
    names = tuple(str(_whole(value)) for value in values.tolist())
    return Targets(
        "classes", names, train, test, np.dtype(np.int64), _numbering(values), _absent(names, values, test)
    )


def _from_one_hot(dataset: str, train: Array, test: Array, columns: list[str] | None) -> Targets:
    if not (_is_binary(test) and _is_one_hot(test)):
        raise _fault(dataset, "y_test must be one-hot rows, as y_train is: one 1 in each row, else 0")
    names = columns or [str(number) for number in range(train.shape[1])]
    one_hot = train.argmax(axis=1), test.argmax(axis=1)
    values = np.unique(one_hot[0])
    _check_several(dataset, [names[value] for value in values])
    _check_known(dataset, values, np.unique(one_hot[1]), names)
    cautions = _absent([names[value] for value in values], values, one_hot[1])
    unused = [name for number, name in enumerate(names) if number not in values]
    if unused:
        cautions = (*cautions, f"no training row has class {', '.join(unused)}")
    return Targets("classes", tuple(names), *one_hot, np.dtype(np.int64), _same, cautions)


def _labels(dataset: str, train: Array, test: Array, columns: list[str] | None) -> Targets:
    if train.ndim != 2 or not _is_binary(train) or not _is_binary(test):
        raise _fault(
            dataset,
            f"labels must be rows of 0 and 1, y_train [n, k]; got {train.dtype} of shape {train.shape}",
        )
    names = tuple(columns or [f"label {number}" for number in range(train.shape[1])])
    constant = [name for name, share in zip(names, train.mean(axis=0), strict=True) if share in (0, 1)]
    cautions = (f"the same in all training rows: {', '.join(constant)}",) if constant else ()
    return Targets("labels", names, train, test, np.dtype(np.float32), _same, cautions)


def _regression(dataset: str, train: Array, test: Array, columns: list[str] | None) -> Targets:
    if train.dtype.kind == "U" or test.dtype.kind == "U":
        raise _fault(dataset, "regression needs numbers, and y_train or y_test is text")
    count = int(np.prod(train.shape[1:]))
    names = columns or (["target"] if count == 1 else [f"target {number}" for number in range(count)])
    train, test = (part.reshape(len(part), count) for part in (train, test))
    return Targets("regression", tuple(names), train, test, np.dtype(np.float32), _same)


def _same(chunk: Array) -> Array:
    return chunk


def _looks_like_classes(train: Array) -> tuple[str, ...]:
    """Return a caution where numbers were taken for regression that might have been classes."""
    whole = train.ndim == 1 and bool((train == np.floor(train)).all())
    different = len(np.unique(train)) if whole else 0
    if not different or 5 * different > len(train):
        return ()
    text = f"y_train holds {different:,} different whole numbers, predicted as numbers"
    return (f"{text}; `task: classes` makes them classes",)


def _maps(dataset: str, train: Array, test: Array, _: list[str] | None) -> Targets:
    if train.ndim != 3 or train.dtype.kind not in "iub":
        raise _fault(
            dataset, f"maps must be whole numbers [n, h, w]; got {train.dtype} of shape {train.shape}"
        )
    values = _distinct(train)
    if len(values) > MOST_CLASSES:
        text = f"maps may have up to {MOST_CLASSES} classes; y_train has {len(values):,} different values"
        raise _fault(dataset, f"{text}: `task: regression` predicts numbers")
    _check_several(dataset, values.tolist())
    _check_known(dataset, values, _distinct(test))
    names = tuple(map(str, values.tolist()))
    return Targets("map", names, train, test, np.dtype(np.int64), _numbering(values))


def _distinct(array: Array) -> Array:
    """Return the different values of an array, which may be larger than memory."""
    return np.unique(np.concatenate([np.unique(array[piece]) for piece in slices(array.shape, array.dtype)]))


def _numbering(values: Array) -> Callable[[Array], Array]:
    return lambda chunk: np.searchsorted(values, chunk)


def _whole(value: Any) -> Any:
    """Return a whole number without decimals: `1` for `1.0`."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_several(dataset: str, classes: list[Any]) -> None:
    if len(classes) < 2:
        raise _fault(dataset, f"y_train must hold at least 2 different labels; got only {classes[0]}")


def _check_known(dataset: str, known: Array, present: Array, names: Sequence[str] = ()) -> None:
    unknown = np.setdiff1d(present, known).tolist()
    if unknown:
        words = [names[value] if names else str(_whole(value)) for value in unknown[:5]]
        raise _fault(dataset, f"y_test must hold labels that y_train has too; got {', '.join(words)} as well")


def _absent(names: Sequence[str], values: Array, test: Array) -> tuple[str, ...]:
    """Return the caution that the test data lack classes."""
    absent = np.flatnonzero(~np.isin(values, test))
    if not len(absent):
        return ()
    first = ", ".join(names[number] for number in absent[:5]) + ", …" * (len(absent) > 5)
    return (f"no test row has {plural(len(absent), 'class').replace('classs', 'classes')}: {first}",)


def _named(dataset: str, targets: Targets, names: Sequence[str]) -> Targets:
    given = [str(name) for name in names]
    if len(set(given)) < len(given) or len(given) != len(targets.names):
        raise _fault(
            dataset,
            f"class_names must be {len(targets.names)} different names, one for each label of y_train "
            f"({', '.join(targets.names[:10])}{', …' * (len(targets.names) > 10)}); got {given}",
        )
    return replace(targets, names=tuple(given))
