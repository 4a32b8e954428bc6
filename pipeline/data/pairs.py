"""Pairs of images that show the same class or not: an auxiliary task that needs only labels. Pure functions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.data.split import Indices, Labels, random_generator


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of images by row: `first` and `second` [n], and `different` [n], 0 if both are of one class, else 1."""

    first: Indices
    second: Indices
    different: Indices


def draw_pairs(labels: Labels, rows: Indices, count: int, seed: int) -> Pairs:
    """Draw `count` pairs among `rows`, half of them of one class, in random order.

    `labels` [n] are those of all images. The first image is any of `rows` (for a pair of one class: any whose class has
    another image), the second any that matches it, never the same image. A pair may be drawn more than once. Raises
    `DataError` for an odd count, and if `rows` have only one class, or no class with two images.

    Example: `draw_pairs(np.array([0, 0, 1]), np.arange(3, dtype=np.int32), 2, seed=0)` draws a pair of the images 0 and 1,
    and one of image 2 with another.
    """
    if count < 2 or count % 2:
        raise DataError(f"pairs: must be an even number of at least 2; got {count}")
    classes = _Classes(labels, rows)
    generator = random_generator(seed)
    first, second = np.concatenate(
        [classes.same(count // 2, generator), classes.different(count // 2, generator)], axis=1
    )
    different = np.repeat(np.array([0, 1], np.int32), count // 2)
    order = generator.permutation(count)
    return Pairs(first[order], second[order], different[order])


class _Classes:
    """Rows sorted by class: class c has `sizes[c]` of them, from position `starts[c]` on."""

    def __init__(self, labels: Labels, rows: Indices) -> None:
        order = np.argsort(labels[rows], kind="stable")
        self.rows = rows[order].astype(np.int32)
        _, self.starts, self.sizes = np.unique(labels[rows][order], return_index=True, return_counts=True)
        if len(self.sizes) < 2:
            raise DataError(f"pairs: must have images of at least two classes; got {len(self.sizes)}")
        if self.sizes.max() < 2:
            raise DataError("pairs: no class has two images; take more of each")
        self.class_at = np.repeat(np.arange(len(self.sizes)), self.sizes)

    def same(self, count: int, generator: np.random.RandomState) -> NDArray[np.int32]:
        """Return `count` pairs `[2, count]` of one class."""
        paired = np.flatnonzero(self.sizes[self.class_at] > 1)
        first = paired[generator.randint(0, len(paired), count)]
        own = self.class_at[first]
        other = self.starts[own] + generator.randint(0, self.sizes[own] - 1)
        return self.rows[[first, other + (other >= first)]]  # all of the class but the first image itself

    def different(self, count: int, generator: np.random.RandomState) -> NDArray[np.int32]:
        """Return `count` pairs `[2, count]` of two classes."""
        first = generator.randint(0, len(self.rows), count)
        own = self.class_at[first]
        other = generator.randint(0, len(self.rows) - self.sizes[own])
        return self.rows[[first, np.where(other < self.starts[own], other, other + self.sizes[own])]]
