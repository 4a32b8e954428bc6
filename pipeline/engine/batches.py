"""The order of training images, drawn in advance so that every engine trains on the same batches."""

from math import ceil

import numpy as np
from numpy.typing import NDArray


def steps_per_epoch(images: int, batch_size: int) -> int:
    """Return how many batches cover all images, the last one filled up."""
    return ceil(images / batch_size)


def batches(training: NDArray[np.int32], batch_size: int, epoch: int, seed: int) -> NDArray[np.int32]:
    """Return one epoch's batches as indices, shape `[steps, batch_size]`, a pure function of its arguments.

    Every image occurs at least once. The last batch is filled up with the first images of a second draw, so that all
    batches have one shape (one compiled graph) and an epoch has as many steps as with Keras.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(training)
    steps = steps_per_epoch(len(training), batch_size)
    while len(order) < steps * batch_size:
        order = np.concatenate([order, generator.permutation(training)])
    return order[: steps * batch_size].reshape(steps, batch_size)
