"""Scaling of pixels, fitted on the training images only."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError, nearest

Scale = Literal["/255", "/256", "standardise", "none"]
Floats = NDArray[np.float32]

_CHUNK = 4096
"""Images summed at a time, which limits the memory that the larger integers take."""


@dataclass(frozen=True, eq=False)
class Scaler:
    """`(pixel - shift) * factor`, both of shape [] (the same for all pixels) or of an image's shape."""

    shift: Floats
    factor: Floats

    def __call__(self, images: NDArray[Any]) -> Floats:
        """Return `images` [n, ...], with pixels 0..255, scaled, as a new array."""
        scaled = images.astype(np.float32)
        scaled -= self.shift
        scaled *= self.factor
        return scaled


def fit(scale: Scale, images: NDArray[np.uint8]) -> Scaler:
    """Return the scaler fitted on `images` [n, ...] of unsigned bytes: the training images, after the split.

    `/255` scales pixels to 0..1, `/256` to just below 1; `none` leaves them unchanged. `standardise` is
    `(x/255 - mean) / deviation` per pixel, with the training images' mean and population standard deviation (A. Géron,
    Hands-On Machine Learning, chapter 11); for a pixel that never changes the deviation counts as 1, so that it stays 0.
    Raises `DataError` for another name, and if there are no images to standardise by.

    Example: `fit("standardise", x_train)(x_test)`.
    """
    if scale == "standardise":
        return _standardise(images)
    factors = {"/255": 1 / 255, "/256": 1 / 256, "none": 1.0}
    if scale not in factors:
        allowed = get_args(Scale)
        raise DataError(
            f"scale: must be one of {', '.join(allowed)}; got {scale!r}.{nearest(str(scale), allowed)}"
        )
    return Scaler(np.array(0, np.float32), np.array(factors[scale], np.float32))


def _standardise(images: NDArray[np.uint8]) -> Scaler:
    if not len(images):
        raise DataError("scale: standardise needs training images; got none")
    mean, deviation = _moments(images)
    deviation[deviation == 0] = 255
    return Scaler(mean.astype(np.float32), (1 / deviation).astype(np.float32))


def _moments(images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each pixel's mean and population standard deviation, from exact integer sums."""
    total = np.zeros(images.shape[1:], dtype=np.int64)
    squares = np.zeros(images.shape[1:], dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        total += chunk.sum(axis=0, dtype=np.int64)
        squares += np.square(chunk, dtype=np.int64).sum(axis=0)
    count = len(images)
    return total / count, np.sqrt(count * squares - total**2) / count
