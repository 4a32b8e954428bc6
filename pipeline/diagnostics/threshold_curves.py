"""ROC and precision-recall curves of one class or label."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

POINTS = 200
"""Points of a curve that are kept."""


def threshold_curves(name: str, truth: NDArray[Any], scores: NDArray[Any]) -> dict[str, Any]:
    """Return the curves over all thresholds of `scores` [n] for a `truth` [n] of 0 and 1, thinned to `POINTS`.

    `roc` has the false positive rate as `x` and the true positive rate as `y`, `precision_recall` recall and precision;
    `area` is that under the first, and the average precision of the second. Without both a positive and a negative, there
    are no curves.

    Example: `threshold_curves("ill", np.array([0, 1]), np.array([0.1, 0.8]))["roc"]["area"]` is 1.0.
    """
    positives = int(truth.sum())
    found: dict[str, Any] = {"name": name, "positives": positives}
    if positives in (0, len(truth)):
        return found
    false, true, _ = roc_curve(truth, scores)
    precision, recall, _ = precision_recall_curve(truth, scores)
    return {
        **found,
        "roc": _curve(false, true, roc_auc_score(truth, scores)),
        "precision_recall": _curve(recall[::-1], precision[::-1], average_precision_score(truth, scores)),
    }


def _curve(x: NDArray[Any], y: NDArray[Any], area: float) -> dict[str, Any]:
    """Return a curve thinned evenly along its length, so that steep parts keep their points."""
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    places = np.searchsorted(along, np.linspace(0, along[-1], POINTS - 2))
    kept = np.unique([0, *places.clip(0, len(x) - 1), len(x) - 1])
    return {"x": x[kept].tolist(), "y": y[kept].tolist(), "area": float(area)}
