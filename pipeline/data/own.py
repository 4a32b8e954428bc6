"""A user's own data set: a callable named `module:Name`, written down as IDX files like any other."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data import catalogue, idx
from pipeline.data.catalogue import META, PARTS
from pipeline.data.files import sha256
from pipeline.data.idx import Bytes
from pipeline.errors import DataError
from pipeline.store import read_json, write_json

Arrays = Mapping[str, Bytes]


def fetch(dataset: str, root: Path) -> Path:
    """Call a user's own data set and write its four parts, and `meta.json` last, to its raw folder.

    The callable takes nothing and returns ((x_train, y_train), (x_test, y_test)): images of unsigned bytes
    [n, h, w] or [n, h, w, channels], labels [n] of integers 0..classes-1, 256 classes at most. Its
    attribute `class_names`, where it has one, names the classes. Files that hold the same already stay.
    Raises `DataError`, naming the data set, when it fails or returns anything else.
    """
    source = _callable(dataset, root)
    arrays = _checked(dataset, _called(dataset, source))
    folder = catalogue.raw_folder(dataset, root)
    names = catalogue.file_names(arrays["train_images"].ndim)
    meta = _meta(arrays, _class_names(dataset, source, arrays))
    if not _is_written(folder, names, meta):
        (folder / META).unlink(missing_ok=True)
        for part in PARTS:
            idx.write(folder / names[part], arrays[part])
        write_json(folder / META, meta)
    return folder


def _callable(dataset: str, root: Path) -> Callable[[], object]:
    from pipeline.plugins import load_object

    source = load_object(dataset, root)
    if not callable(source):
        raise DataError(f"{dataset}: a callable is wanted; {type(source).__name__} came")
    return source


def _called(dataset: str, source: Callable[[], object]) -> Any:
    try:
        return source()
    except Exception as error:
        raise DataError(f"{dataset}: raised {type(error).__name__}: {error}") from error


def _checked(dataset: str, returned: Any) -> Arrays:
    try:
        (x_train, y_train), (x_test, y_test) = returned
    except (TypeError, ValueError) as error:
        raise DataError(f"{dataset}: must return ((x_train, y_train), (x_test, y_test))") from error
    train_images, test_images = _images(dataset, "x_train", x_train), _images(dataset, "x_test", x_test)
    if train_images.shape[1:] != test_images.shape[1:]:
        shapes = f"{train_images.shape[1:]} and {test_images.shape[1:]}"
        raise DataError(f"{dataset}: images of one shape are wanted; {shapes} came")
    return {
        "train_images": train_images,
        "train_labels": _labels(dataset, "y_train", y_train, len(train_images)),
        "test_images": test_images,
        "test_labels": _labels(dataset, "y_test", y_test, len(test_images)),
    }


def _images(dataset: str, name: str, value: Any) -> Bytes:
    images: NDArray[Any] = np.asarray(value)
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or not images.size:
        raise DataError(
            f"{dataset}: {name} must be uint8 images [n, h, w] or [n, h, w, channels]; "
            f"{images.dtype} of shape {images.shape} came"
        )
    return images


def _labels(dataset: str, name: str, value: Any, count: int) -> Bytes:
    labels: NDArray[Any] = np.asarray(value)
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise DataError(
            f"{dataset}: {name} must be integer labels of shape ({count},), one an image; "
            f"{labels.dtype} of shape {labels.shape} came"
        )
    if labels.min() < 0 or labels.max() > 255:
        raise DataError(f"{dataset}: {name} must hold labels 0 to 255; {labels.min()} to {labels.max()} came")
    return labels.astype(np.uint8)


def _class_names(dataset: str, source: object, arrays: Arrays) -> list[str]:
    count = 1 + max(int(arrays["train_labels"].max()), int(arrays["test_labels"].max()))
    names = [str(name) for name in getattr(source, "class_names", range(count))]
    if len(set(names)) < len(names) or len(names) < count:
        raise DataError(f"{dataset}: class_names must be {count} different names; {names} came")
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
