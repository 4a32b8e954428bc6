"""A user's own data set: a callable named `module:Name`, called and stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np

from pipeline.core.errors import DataError, nearest
from pipeline.core.files import read_json, sha256, write_json
from pipeline.core.metrics import Task
from pipeline.core.plugins import load_object
from pipeline.data import catalogue, idx
from pipeline.data.catalogue import META, PARTS, TASKS
from pipeline.data.halves import Given, Half, is_table
from pipeline.data.idx import Bytes
from pipeline.data.inputs import Input, as_rows
from pipeline.data.rows import ArrayRows, row_hashes, slices
from pipeline.data.storage import Checked, checked, repeated, store
from pipeline.data.targets import MOST_CLASSES

FORM = "must return ((x_train, y_train), (x_test, y_test)), each half with weights and groups after it or not"


def fetch(dataset: str, root: Path, code: Path | None = None) -> Path:
    """Call a user's own data set and write what it returns to its raw folder; return the folder.

    The callable takes no arguments and returns ((x_train, y_train), (x_test, y_test)); each half may go on with sample
    weights and groups, None where there are none. `x` is an array of numbers [n, ...], a dict of such arrays, or a pandas
    DataFrame; `y` are the targets (`read_targets` says which task they make). The attribute `class_names` names classes,
    labels or targets, `task` overrides the task. The module is in the folder `code`, or else in `root`. 8-bit images
    with classes are stored as IDX files, like those of the catalogue, and kept where they have this content already; all
    else as `.npy` files. Raises `DataError`, naming the data set, if it raises an exception or returns anything else.

    Example: `fetch("my_data:stripes", Path("."))` calls the function `stripes` in `my_data.py`.
    """
    source = _callable(dataset, code or root)
    given = _given(dataset, source, _called(dataset, source))
    found = checked(given)
    folder = catalogue.raw_folder(dataset, root)
    if _fits_idx(given, found):
        _store_idx(found, folder)
    else:
        store(given, found, folder)
    return folder


def _callable(dataset: str, code: Path) -> Callable[[], object]:
    source = load_object(dataset, code)
    if not callable(source):
        raise DataError(f"{dataset}: must be callable; got {type(source).__name__}")
    return source


def _called(dataset: str, source: Callable[[], object]) -> Any:
    try:
        return source()
    except Exception as error:
        raise DataError(f"{dataset}: raised {type(error).__name__}: {error}") from error


def _given(dataset: str, source: object, returned: Any) -> Given:
    halves = list(returned) if isinstance(returned, tuple | list) else []
    if len(halves) != 2 or not all(isinstance(half, tuple | list) and 2 <= len(half) <= 4 for half in halves):
        raise DataError(f"{dataset}: {FORM}")
    train, test = halves
    names = getattr(source, "class_names", None)
    return Given(
        dataset,
        dataset,
        _half(dataset, "train", *train),
        _half(dataset, "test", *test),
        task=_task(dataset, getattr(source, "task", None)),
        output_names=None if names is None else tuple(map(str, names)),
    )


def _half(dataset: str, name: str, x: Any, y: Any, weights: Any = None, groups: Any = None) -> Half:
    return Half(x if is_table(x) else as_rows(dataset, f"x_{name}", x), y, weights, groups)


def _task(dataset: str, task: Any) -> Task | None:
    if task is None or task in TASKS:
        return cast(Task | None, task)
    raise DataError(
        f"{dataset}: task must be one of {', '.join(TASKS)}; got {task!r}.{nearest(str(task), TASKS)}"
    )


def _fits_idx(given: Given, found: Checked) -> bool:
    """Return whether a data set is images of bytes with classes that are bytes too, and nothing more."""
    more = (given.train.weights, given.train.groups, given.test.weights, given.test.groups)
    is_classes = found.targets.task == "classes" and len(found.targets.names) <= MOST_CLASSES
    return found.kind == "images" and is_classes and all(each is None for each in more)


def _store_idx(found: Checked, folder: Path) -> None:
    images, targets = found.inputs[""], found.targets
    arrays = {
        "train_images": _bytes(images, "train"),
        "train_labels": targets.numbers(targets.train).astype(np.uint8),
        "test_images": _bytes(images, "test"),
        "test_labels": targets.numbers(targets.test).astype(np.uint8),
    }
    names = catalogue.file_names(arrays["train_images"].ndim)
    content = {part: idx.digest(array) for part, array in arrays.items()}
    cautions = [*found.cautions, *repeated(_hashes(arrays["train_images"]), _hashes(arrays["test_images"]))]
    meta = {
        "digest": catalogue.digest_of(content),
        "shape": list(arrays["train_images"].shape[1:]),
        "classes": list(targets.names),
        "counts": [len(arrays["train_labels"]), len(arrays["test_labels"])],
        "sha256": content,
        **({"cautions": cautions} if cautions else {}),
    }
    if not _is_written(folder, names, meta):
        (folder / META).unlink(missing_ok=True)
        for part in PARTS:
            idx.write(folder / names[part], arrays[part])
        write_json(folder / META, meta)


def _bytes(images: Input, half: str) -> Bytes:
    rows: ArrayRows = getattr(images, half)
    return rows.array.view(np.uint8)


def _hashes(images: Bytes) -> Any:
    return np.concatenate([row_hashes(images[piece]) for piece in slices(images.shape, images.dtype)])


def _is_written(folder: Path, names: dict[str, str], meta: dict[str, Any]) -> bool:
    paths = {part: folder / names[part] for part in PARTS}
    return read_json(folder / META) == meta and all(
        path.is_file() and sha256(path) == meta["sha256"][part] for part, path in paths.items()
    )
