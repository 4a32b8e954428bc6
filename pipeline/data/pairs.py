"""Pairs of images that show the same class, or not: an auxiliary task that needs no more than labels. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.data.split import Indices, Labels, generator_of
from pipeline.errors import DataError


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows of images, paired: `first` and `second` [n], and `same` [n], 1 where both are of one class, else 0."""

    first: Indices
    second: Indices
    same: Indices


def draw_pairs(labels: Labels, rows: Indices, count: int, seed: int) -> Pairs:
    """Draw `count` pairs among `rows`, half of them of one class, in an order that chance decides too.

    `labels` [n] are those of all images. The first image is any of `rows` (for a pair of one class: any that
    is not alone in its class), the second any that fits it, never the same image. A pair may come twice.
    Raises `DataError` for an odd count, and where `rows` show one class alone or no class twice.
    """
    if count < 2 or count % 2:
        raise DataError(f"pairs: an even number of at least 2 is allowed; {count} came")
    classes = _Classes(labels, rows)
    generator = generator_of(seed)
    first, second = np.concatenate(
        [classes.alike(count // 2, generator), classes.unlike(count // 2, generator)], axis=1
    )
    same = np.repeat(np.array([1, 0], np.int32), count // 2)
    order = generator.permutation(count)
    return Pairs(first[order], second[order], same[order])


class _Classes:
    """Rows sorted by class: class c holds `sizes[c]` of them, from `starts[c]` on."""

    def __init__(self, labels: Labels, rows: Indices) -> None:
        order = np.argsort(labels[rows], kind="stable")
        self.rows = rows[order].astype(np.int32)
        _, self.starts, self.sizes = np.unique(labels[rows][order], return_index=True, return_counts=True)
        if len(self.sizes) < 2:
            raise DataError(f"pairs: images of two classes or more are needed; there are {len(self.sizes)}")
        if self.sizes.max() < 2:
            raise DataError("pairs: no class has two images; take more of each")
        self.of_place = np.repeat(np.arange(len(self.sizes)), self.sizes)

    def alike(self, count: int, generator: np.random.RandomState) -> NDArray[np.int32]:
        """Return `count` pairs `[2, count]` of one class."""
        paired = np.flatnonzero(self.sizes[self.of_place] > 1)
        first = paired[generator.randint(0, len(paired), count)]
        mine = self.of_place[first]
        other = self.starts[mine] + generator.randint(0, self.sizes[mine] - 1)
        return self.rows[[first, other + (other >= first)]]  # all of the class but the first image itself

    def unlike(self, count: int, generator: np.random.RandomState) -> NDArray[np.int32]:
        """Return `count` pairs `[2, count]` of two classes."""
        first = generator.randint(0, len(self.rows), count)
        mine = self.of_place[first]
        other = generator.randint(0, len(self.rows) - self.sizes[mine])
        return self.rows[[first, np.where(other < self.starts[mine], other, other + self.sizes[mine])]]
