"""A user's own data set in files: a CSV file, a folder of images, or an npz file, read, split and stored."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.data import catalogue, csv_file, image_folder, npz_file
from pipeline.data.file_spec import FileSpec
from pipeline.data.halves import Given, Half, check_lengths, is_table, rows_of
from pipeline.data.rows import Mask
from pipeline.data.split import split
from pipeline.data.storage import checked, store
from pipeline.data.targets import read_targets

READERS: dict[str, Callable[[FileSpec], tuple[Half, Half | None]]] = {
    "csv": csv_file.read,
    "images": image_folder.read,
    "npz": npz_file.read,
}
SEED = 0
"""The test part of files is drawn with this seed: the same for every study."""


def fetch(dataset: str, root: Path, spec: FileSpec | None) -> Path:
    """Read the files that `spec` describes, hold out a test part where they have none, and store both; return the folder.

    The test part is drawn at random, with all classes in proportion; where there are groups it is of whole groups; with
    `spec.time` it is the last part. Raises `DataError`, naming file, row and column, for what is wrong with the data.
    """
    if spec is None:
        raise DataError(f"{dataset}: which files these are is said in params.yaml; run `dvc repro fetch`")
    train, test = READERS[spec.kind](spec)
    if test is None:
        mask = _test_rows(spec, train)
        train, test = _only(train, ~mask), _only(train, mask)
    given = Given(dataset, spec.title, train, test, spec.task, categories=spec.categories)
    folder = catalogue.raw_folder(dataset, root)
    store(given, checked(given), folder)
    return folder


def _test_rows(spec: FileSpec, every: Half) -> Mask:
    """Return which rows are held out for testing."""
    check_lengths(spec.title, "train", every)
    count = rows_of(every.x)
    if count < 2:
        raise DataError(f"{spec.title}: must have at least 2 rows, one of them for testing; got {count}")
    labels = _labels(spec, every)
    groups = (
        None
        if every.groups is None
        else np.unique(np.asarray(every.groups).astype(str), return_inverse=True)[1]
    )
    try:
        parts = split(
            labels,
            count=count,
            validation=min(max(1, round(spec.test * count)), count - 1),
            shuffle_seed=SEED,
            groups=groups,
            time=spec.time,
        )
    except DataError as error:
        raise DataError(f"{spec.title}: test: {error}") from error
    mask = np.zeros(count, bool)
    mask[parts.validation] = True
    return mask if labels is None or spec.time else mask & ~_is_alone(labels)


def _labels(spec: FileSpec, every: Half) -> NDArray[np.int64] | None:
    """Return the class of each row, or None where the targets are no classes."""
    targets = read_targets(spec.title, every.y, every.y, task=spec.task)
    return targets.numbers(targets.train) if targets.task == "classes" else None


def _is_alone(labels: NDArray[np.int64]) -> Mask:
    """Return which rows are the only ones of their class: nothing could learn it from a test row."""
    alone: Mask = (np.bincount(labels) == 1)[labels]
    return alone


def _only(half: Half, mask: Mask) -> Half:
    x = half.x.loc[mask] if is_table(half.x) else {name: rows.only(mask) for name, rows in half.x.items()}
    return replace(
        half,
        x=x,
        y=_chosen(half.y, mask),
        weights=_chosen(half.weights, mask),
        groups=_chosen(half.groups, mask),
    )


def _chosen(values: Any, mask: Mask) -> Any:
    return None if values is None else values[mask]
