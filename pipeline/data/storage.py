"""Storing a data set that was given: arrays as `.npy` files in its raw folder, and then what is known of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.files import write_json
from pipeline.core.text import plural
from pipeline.data.catalogue import META, Column, Kind
from pipeline.data.frames import read_table
from pipeline.data.halves import Given, check_lengths, is_table
from pipeline.data.inputs import Input, kind_of, paired
from pipeline.data.rows import ArrayRows, Convert, Hashes, Rows, Written, row_hashes, write
from pipeline.data.targets import FEW, MOST_CLASSES, Targets, is_missing, read_targets

Array = NDArray[Any]
HALVES = ("train", "test")


@dataclass(frozen=True)
class Part:
    """An array to be stored: its rows, the type that they are stored as, and how each chunk is converted to it."""

    rows: Rows
    dtype: np.dtype[Any]
    convert: Convert = lambda chunk: chunk


@dataclass(frozen=True)
class Checked:
    """A data set whose inputs and targets fit each other."""

    inputs: Mapping[str, Input]
    kind: Kind
    targets: Targets
    columns: tuple[Column, ...] = ()
    cautions: tuple[str, ...] = ()


def checked(given: Given) -> Checked:
    """Return a data set's inputs and targets, read and compared; raises `DataError` for what does not fit."""
    check_lengths(given.title, "train", given.train)
    check_lengths(given.title, "test", given.test)
    columns: tuple[Column, ...] = ()
    cautions = given.cautions
    if is_table(given.train.x):
        table = read_table(given.title, given.train.x, given.test.x, given.categories)
        columns, cautions = table.columns, (*cautions, *table.cautions)
        inputs = {"": Input(ArrayRows(table.train), ArrayRows(table.test), table.train.dtype)}
    else:
        inputs = paired(given.title, given.train.x, given.test.x)
    kind: Kind = "table" if columns else kind_of(inputs)
    targets = read_targets(
        given.title,
        given.train.y,
        given.test.y,
        task=given.task,
        names=given.output_names,
        most=MOST_CLASSES if kind == "images" else FEW,
    )
    return Checked(inputs, kind, targets, columns, (*cautions, *targets.cautions))


def store(given: Given, found: Checked, folder: Path) -> None:
    """Write the arrays of a checked data set and `meta.json` to `folder`, where other files are removed."""
    parts = {**_inputs(found.inputs), **_targets(found.targets), **_weights(given)}
    groups, shared = _groups(given)
    parts |= groups
    folder.mkdir(parents=True, exist_ok=True)
    (folder / META).unlink(missing_ok=True)
    written = {
        name: write(folder / f"{name}.npy", part.rows, part.dtype, part.convert)
        for name, part in parts.items()
    }
    for path in folder.iterdir():
        if path.suffix != ".npy" or path.stem not in parts:
            path.unlink()
    meta = {
        "title": given.title,
        "kind": found.kind,
        "task": found.targets.task,
        "outputs": found.targets.names,
        "columns": [asdict(column) for column in found.columns],
        "shapes": {name: part.rows.shape for name, part in parts.items()},
        "sha256": {name: each.sha256 for name, each in written.items()},
        "cautions": [
            *found.cautions,
            *shared,
            *repeated(*(_hashes(half, found.inputs, written) for half in HALVES)),
        ],
    }
    write_json(folder / META, meta)


def _inputs(inputs: Mapping[str, Input]) -> dict[str, Part]:
    return {
        f"x_{half}" + f".{name}" * bool(name): Part(getattr(each, half), each.dtype)
        for half in HALVES
        for name, each in inputs.items()
    }


def _targets(targets: Targets) -> dict[str, Part]:
    return {
        f"y_{half}": Part(ArrayRows(getattr(targets, half)), targets.dtype, targets.convert)
        for half in HALVES
    }


def _weights(given: Given) -> dict[str, Part]:
    parts = {}
    for name, half in zip(HALVES, (given.train, given.test), strict=True):
        if half.weights is not None:
            weights = np.asarray(half.weights)
            is_numbers = weights.dtype.kind in "iufb" and weights.ndim == 1
            if not is_numbers or not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
                raise DataError(
                    f"{given.title}: weights_{name} must be numbers of at least 0, one for each row"
                )
            parts[f"weights_{name}"] = Part(ArrayRows(weights), np.dtype(np.float32))
    return parts


def _groups(given: Given) -> tuple[dict[str, Part], tuple[str, ...]]:
    """Return the groups as numbers, and a caution where training and test data share some."""
    halves = {"train": given.train.groups, "test": given.test.groups}
    arrays = {name: np.asarray(groups) for name, groups in halves.items() if groups is not None}
    for name, array in arrays.items():
        if array.ndim != 1 or any(is_missing(value) for value in array.tolist()):
            raise DataError(f"{given.title}: groups_{name} must hold one group for each row, and no gaps")
    different = dict.fromkeys(each for array in arrays.values() for each in array.tolist())
    numbers = {each: code for code, each in enumerate(different)}
    coded = {
        name: np.array([numbers[each] for each in array.tolist()], np.int64) for name, array in arrays.items()
    }
    parts = {f"groups_{name}": Part(ArrayRows(array), array.dtype) for name, array in coded.items()}
    shared = np.intersect1d(coded["train"], coded["test"]) if len(coded) == 2 else ()
    return parts, (f"{plural(len(shared), 'group')} in both training and test data",) * bool(len(shared))


def _hashes(half: str, inputs: Mapping[str, Input], written: Mapping[str, Written]) -> Hashes:
    """Return a hash of each row of a half, of all its inputs together."""
    hashes = [written[name].hashes for name in _inputs(inputs) if name.startswith(f"x_{half}")]
    return row_hashes(np.stack(hashes, axis=1))


def repeated(train: Hashes, test: Hashes) -> tuple[str, ...]:
    """Return a caution where hashes of test rows are those of training rows."""
    count = int(np.isin(test, train).sum())
    return (f"{count:,} of {plural(len(test), 'test row')} equal a training row",) * bool(count)
