"""The data of one phase: scaled images, labels from 0, and which of them are for training, validation and testing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class View:
    """Images and labels for one phase; `training`, `validation` and `test` are rows of them, ascending and disjoint.

    `x` `[n, ...]` float32, `y` `[n]` int32 counted from 0 (-1 for images of classes that are left out, which are never
    drawn). Views with equal `pool` hold equal `x` and `y`. Views of pairs of images: see `pairing`.
    """

    pool: str
    x: NDArray[np.float32]
    y: NDArray[np.int32]
    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    classes: int
    image_shape: tuple[int, ...]

    @property
    def validates(self) -> bool:
        """Whether images are held out for validation."""
        return len(self.validation) > 0
