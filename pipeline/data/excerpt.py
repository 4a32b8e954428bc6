"""An excerpt of a data set for people to look at: some images of each class, or what the columns or arrays are."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.core.metrics import Task
from pipeline.data.catalogue import Column, Kind, Shape
from pipeline.data.pictures import png
from pipeline.data.prepare import Prepared

MOST = 24
"""Pictures in an excerpt."""


@dataclass(frozen=True)
class Excerpt:
    """Counts of examples, the shape of an image (else empty), the number of classes, labels or targets, and what is shown.

    By `kind`: of images `pictures`, training images (PNG in base64), each with the name of its class, its labels or its
    target; of a table its `columns`; of all else `arrays`: the name of each input (empty where there is one), its shape and
    type. `title` is what people call the data set, `cautions` what was strange about it.
    """

    train_count: int
    test_count: int
    image_shape: Shape
    classes: int
    pictures: tuple[tuple[str, str], ...] = ()
    kind: Kind = "images"
    task: Task = "classes"
    columns: tuple[Column, ...] = ()
    arrays: tuple[tuple[str, Shape, str], ...] = ()
    title: str = ""
    cautions: tuple[str, ...] = ()


def excerpt(data: Prepared) -> Excerpt:
    """Return an excerpt; of images the first of each class, all classes in turn; of more than 24 classes, the first 24.

    Example: `excerpt(load("digits", Path("."))).pictures` are two images of each digit.
    """
    record = data.record
    return Excerpt(
        train_count=len(data.y_train),
        test_count=len(data.y_test),
        image_shape=record.image_shape if record.is_image else (),
        classes=record.outputs,
        pictures=tuple(_pictures(data)) if record.is_image else (),
        kind=record.kind,
        task=record.task,
        columns=record.columns,
        arrays=tuple(_arrays(data)),
        title=record.title,
        cautions=record.cautions,
    )


def _pictures(data: Prepared) -> Iterator[tuple[str, str]]:
    if data.record.task != "classes":
        yield from (
            (png(data.x_train[row]), _caption(data, row)) for row in range(min(MOST, len(data.y_train)))
        )
        return
    names = data.class_names
    shown = range(min(len(names), MOST))
    of_class = [np.flatnonzero(data.y_train == label)[: MOST // len(shown)] for label in shown]
    for turn in range(max(map(len, of_class))):
        for label, rows in zip(shown, of_class, strict=True):
            if turn < len(rows):
                yield png(data.x_train[rows[turn]]), names[label]


def _caption(data: Prepared, row: int) -> str:
    """Return the labels or the targets of a training example; of a map of classes nothing."""
    if data.record.task == "labels":
        return ", ".join(np.array(data.class_names)[data.y_train[row] == 1])
    return "" if data.record.task == "map" else ", ".join(f"{value:.4g}" for value in data.y_train[row][:3])


def _arrays(data: Prepared) -> Iterator[tuple[str, Shape, str]]:
    inputs = data.x_train if isinstance(data.x_train, dict) else {"": data.x_train}
    return ((name, array.shape[1:], str(array.dtype)) for name, array in inputs.items())
