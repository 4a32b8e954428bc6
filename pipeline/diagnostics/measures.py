"""Measures of predicted probabilities: `probabilities` is `[n, classes]`, `labels` is `[n]` and counts from 0."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, softmax

Floats = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]

BINS = 10
SMALLEST = 1e-7
"""Smaller probabilities count as this one, as in Keras's own losses."""


def as_probabilities(outputs: NDArray[Any]) -> Floats:
    """Return a model's outputs `[n, units]` as probabilities.

    One unit is the probability of the second class of two. Otherwise rows are divided by their sum (that of probabilities
    is 1), unless some output is negative (logits, scores of a hinge loss): then they are put through a softmax.
    """
    values = np.asarray(outputs, np.float64)
    if values.shape[1] == 1:
        second = np.clip(values, 0.0, 1.0)
        return np.hstack([1 - second, second])
    if (values >= 0).all():
        return np.asarray(values / np.maximum(values.sum(axis=1, keepdims=True), SMALLEST))
    return np.asarray(softmax(values, axis=1))


def accuracy(probabilities: Floats, labels: Labels) -> float:
    """Return the fraction of images whose most probable class is right."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def negative_log_likelihood(probabilities: Floats, labels: Labels) -> float:
    """Return the mean of -ln p(right class), in nats."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(right, SMALLEST, 1.0)).mean())


def entropy(probabilities: Floats) -> Floats:
    """Return each row's predictive entropy in nats: 0 for certainty, ln(classes) for equal probabilities."""
    return np.asarray(entr(probabilities).sum(axis=1))


def reliability(probabilities: Floats, labels: Labels, bins: int = BINS) -> Floats:
    """Return `[bins, 3]`: the number of predictions in each bin of confidence, the sum of their confidences, and the number
    of right ones. Bins have equal widths, and each includes its upper end; confidence is the largest probability.

    Source: Guo et al., "On calibration of modern neural networks" (arXiv 1706.04599).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    weightings = (np.ones(len(right)), confidence, right)
    return np.stack([np.bincount(bin_of, weights, minlength=bins) for weights in weightings], axis=1)


def expected_calibration_error(table: Floats) -> float:
    """Return the mean distance of accuracy from confidence over the bins of `reliability`, weighted by their counts.

    `table` is what `reliability` returns.

    Example:
        >>> expected_calibration_error(reliability(probabilities, labels))
    """
    count, confidence, right = table.T
    return float(np.abs(right - confidence).sum() / count.sum())


def confusion(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """Return `[classes, classes]` counts: rows are the right classes, columns the predicted ones."""
    cells = np.bincount(labels * classes + predicted, minlength=classes**2)
    return cells.reshape(classes, classes)
