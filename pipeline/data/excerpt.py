"""An excerpt of a data set for people to look at: how many images it has, and some of each class."""

from dataclasses import dataclass

import numpy as np

from pipeline.data.pictures import png
from pipeline.data.prepare import Prepared

MOST = 24
"""Pictures in an excerpt."""


@dataclass(frozen=True)
class Excerpt:
    """Counts of images, their shape, the number of classes, and `pictures`: training images (PNG in base64), each with the
    name of its class.
    """

    train_count: int
    test_count: int
    image_shape: tuple[int, ...]
    classes: int
    pictures: tuple[tuple[str, str], ...]


def excerpt(images: Prepared) -> Excerpt:
    """Return the first training images of each class, all classes in turn; of more than 24 classes, the first 24.

    Example: `excerpt(load("digits", Path("."))).pictures` are two images of each digit.
    """
    names = images.class_names
    shown = range(min(len(names), MOST))
    of_class = [np.flatnonzero(images.y_train == label)[: MOST // len(shown)] for label in shown]
    rounds = range(max(map(len, of_class)))
    return Excerpt(
        train_count=len(images.y_train),
        test_count=len(images.y_test),
        image_shape=images.image_shape,
        classes=len(names),
        pictures=tuple(
            (png(images.x_train[rows[turn]]), names[label])
            for turn in rounds
            for label, rows in zip(shown, of_class, strict=True)
            if turn < len(rows)
        ),
    )
