"""Measures of predicted probabilities. Pure numpy: `probabilities` `[n, classes]`, `labels` `[n]` from 0."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]

BINS = 10
SMALLEST = 1e-7  # below it a probability counts as this, as in Keras's own losses


def as_probabilities(outputs: NDArray[Any]) -> Floats:
    """Return a model's outputs `[n, units]` as probabilities.

    One unit is the probability of the second class of two. Rows that are no distribution are divided by their sum where
    nothing in them is negative, and put through a softmax where something is (logits, scores of a hinge loss).
    """
    values = np.asarray(outputs, np.float64)
    if values.shape[1] == 1:
        second = np.clip(values, 0.0, 1.0)
        return np.hstack([1 - second, second])
    if (values >= 0).all():
        return np.asarray(values / np.maximum(values.sum(axis=1, keepdims=True), SMALLEST))
    exponents = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def accuracy(probabilities: Floats, labels: Labels) -> float:
    """Return the share of images whose most probable class is right."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def negative_log_likelihood(probabilities: Floats, labels: Labels) -> float:
    """Return the mean of -ln p(right class), in nats."""
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(right, SMALLEST, 1.0)).mean())


def entropy(probabilities: Floats) -> Floats:
    """Return each row's predictive entropy in nats: 0 for certainty, ln(classes) for none."""
    return np.asarray(-(probabilities * np.log(np.clip(probabilities, SMALLEST, 1.0))).sum(axis=1))


def reliability(probabilities: Floats, labels: Labels, bins: int = BINS) -> Floats:
    """Return `[bins, 3]`: how many predictions fall into each bin of confidence, the sum of their confidences, and how
    many are right. Bins are of equal width, each with its upper end; confidence is the largest probability.

    Source: Guo et al., "On calibration of modern neural networks" (arXiv 1706.04599).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return np.stack(
        [np.bincount(place, weights, minlength=bins) for weights in (np.ones(len(right)), confidence, right)],
        axis=1,
    )


def expected_calibration_error(table: Floats) -> float:
    """Return the mean distance of accuracy from confidence over the bins of `reliability`, weighted by their counts."""
    count, confidence, right = table.T
    return float(np.abs(right - confidence).sum() / count.sum())


def confusion(predicted: Labels, labels: Labels, classes: int) -> NDArray[np.int64]:
    """Return `[classes, classes]` counts: rows are the right classes, columns the predicted ones."""
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, predicted), 1)
    return table
