"""A user's own data set: a callable named `module:Name`, stored as IDX files like any other data set."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.files import read_json, sha256, write_json
from pipeline.core.plugins import load_object
from pipeline.data import catalogue, idx
from pipeline.data.catalogue import META, PARTS
from pipeline.data.idx import Bytes

Arrays = Mapping[str, Bytes]
MOST_CLASSES = 256
LABEL_KINDS = "iubU"
"""The kinds of NumPy's types that labels may have: whole numbers, booleans, words."""


def fetch(dataset: str, root: Path) -> Path:
    """Call a user's own data set and write its four parts, and then `meta.json`, to its raw folder; return the folder.

    The callable takes no arguments and returns ((x_train, y_train), (x_test, y_test)): images of unsigned bytes
    [n, h, w] or [n, h, w, channels], and a label for each, [n] or a column [n, 1], of any whole numbers, words or
    booleans, 2 to 256 different ones. Classes are numbered in the order of their labels, which are their names too
    unless its attribute `class_names` names them. Files that already have this content are kept. Raises `DataError`,
    naming the data set, if it raises an exception or returns anything else.

    Example: `fetch("my_data:stripes", Path("."))` calls the function `stripes` in `my_data.py`.
    """
    source = _callable(dataset, root)
    arrays, labels = _checked(dataset, _called(dataset, source))
    folder = catalogue.raw_folder(dataset, root)
    names = catalogue.file_names(arrays["train_images"].ndim)
    meta = _meta(arrays, _class_names(dataset, source, labels))
    if not _is_written(folder, names, meta):
        (folder / META).unlink(missing_ok=True)
        for part in PARTS:
            idx.write(folder / names[part], arrays[part])
        write_json(folder / META, meta)
    return folder


def _callable(dataset: str, root: Path) -> Callable[[], object]:
    source = load_object(dataset, root)
    if not callable(source):
        raise DataError(f"{dataset}: must be callable; got {type(source).__name__}")
    return source


def _called(dataset: str, source: Callable[[], object]) -> Any:
    try:
        return source()
    except Exception as error:
        raise DataError(f"{dataset}: raised {type(error).__name__}: {error}") from error


def _checked(dataset: str, returned: Any) -> tuple[Arrays, list[Any]]:
    """Return the four parts, and the label of each class in their order."""
    try:
        (x_train, y_train), (x_test, y_test) = returned
    except (TypeError, ValueError) as error:
        raise DataError(f"{dataset}: must return ((x_train, y_train), (x_test, y_test))") from error
    train_images, test_images = _images(dataset, "x_train", x_train), _images(dataset, "x_test", x_test)
    if train_images.shape[1:] != test_images.shape[1:]:
        shapes = f"{train_images.shape[1:]} and {test_images.shape[1:]}"
        raise DataError(f"{dataset}: all images must have one shape; got {shapes}")
    train_labels = _labels(dataset, "y_train", y_train, len(train_images))
    test_labels = _labels(dataset, "y_test", y_test, len(test_images))
    labels = np.unique(train_labels)
    if not 2 <= len(labels) <= MOST_CLASSES:
        got = f"only {labels[0]}" if len(labels) == 1 else f"{len(labels)}"
        raise DataError(f"{dataset}: y_train must hold 2 to {MOST_CLASSES} different labels; got {got}")
    arrays = {
        "train_images": train_images,
        "train_labels": _numbered(dataset, train_labels, labels),
        "test_images": test_images,
        "test_labels": _numbered(dataset, test_labels, labels),
    }
    return arrays, labels.tolist()


def _images(dataset: str, name: str, value: Any) -> Bytes:
    images: NDArray[Any] = np.asarray(value)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or not images.size:
        raise DataError(
            f"{dataset}: {name} must be uint8 images [n, h, w] or [n, h, w, channels]; "
            f"got {images.dtype} of shape {images.shape}"
        )
    return images


def _labels(dataset: str, name: str, value: Any, count: int) -> NDArray[Any]:
    labels: NDArray[Any] = np.asarray(value)
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels.flat):
        labels = labels.astype(str)
    if labels.dtype.kind not in LABEL_KINDS or labels.shape not in ((count,), (count, 1)):
        raise DataError(
            f"{dataset}: {name} must be integer labels, or words, of shape ({count},), one per image; "
            f"got {labels.dtype} of shape {labels.shape}"
        )
    return labels.reshape(count)


def _numbered(dataset: str, labels: NDArray[Any], classes: NDArray[Any]) -> Bytes:
    """Return the number of each label's class: its position among the sorted labels of the training images."""
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise DataError(
            f"{dataset}: y_test must hold labels that y_train has too; got {', '.join(map(str, unknown[:5]))} as well"
        )
    return np.searchsorted(classes, labels).astype(np.uint8)


def _class_names(dataset: str, source: object, labels: list[Any]) -> list[str]:
    names = [str(name) for name in getattr(source, "class_names", labels)]
    if len(set(names)) < len(names) or len(names) != len(labels):
        raise DataError(
            f"{dataset}: class_names must be {len(labels)} different names, one for each label of y_train "
            f"({', '.join(map(str, labels[:10]))}{', …' * (len(labels) > 10)}); got {names}"
        )
    return names


def _meta(arrays: Arrays, class_names: list[str]) -> dict[str, Any]:
    content = {part: hashlib.sha256(idx.encode(arrays[part])).hexdigest() for part in PARTS}
    return {
        "digest": catalogue.digest_of(content),
        "shape": list(arrays["train_images"].shape[1:]),
        "classes": class_names,
        "counts": [len(arrays["train_labels"]), len(arrays["test_labels"])],
        "sha256": content,
    }


def _is_written(folder: Path, names: Mapping[str, str], meta: dict[str, Any]) -> bool:
    paths = {part: folder / names[part] for part in PARTS}
    return read_json(folder / META) == meta and all(
        path.is_file() and sha256(path) == meta["sha256"][part] for part, path in paths.items()
    )
