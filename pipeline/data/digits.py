"""The digits of scikit-learn, the data set that needs no network, split into training and test images."""

import numpy as np
from numpy.typing import NDArray

from pipeline.data.idx import Bytes
from pipeline.data.split import stratified_sample

TEST_COUNT = 400
HELD_OUT_COUNT = 300
SEED = 0


def arrays() -> dict[str, Bytes]:
    """Return the four parts: 1,397 training and 400 test images [n, 8, 8], and their labels [n].

    Pixels, 0..16 in scikit-learn, are scaled to 0..255. scikit-learn lists the images writer by writer, therefore
    both parts are put into a fixed random order; the test images, and the first 300 training images (which are held
    out by default), are stratified samples.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * 255 / 16).astype(np.uint8)
    labels = bunch.target.astype(np.uint8)
    rest, test = _sampled(np.arange(len(labels)), labels, TEST_COUNT)
    rest, held_out = _sampled(rest, labels, HELD_OUT_COUNT)
    train = np.concatenate([held_out, rest])
    return {
        "train_images": images[train],
        "train_labels": labels[train],
        "test_images": images[test],
        "test_labels": labels[test],
    }


def _sampled(
    indices: NDArray[np.intp], labels: Bytes, count: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the remaining `indices` and a stratified sample of them, each in random order."""
    sample = indices[stratified_sample(labels[indices], count, SEED)]
    generator = np.random.RandomState(SEED)
    return generator.permutation(np.setdiff1d(indices, sample)), generator.permutation(sample)
