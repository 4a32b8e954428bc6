"""Predicted labels: how well each of several labels is told, at a threshold of 0.5 and at all, and the worst mistakes."""

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.metrics import precision_recall_fscore_support

from pipeline.diagnostics.measures import Floats
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.diagnostics.threshold_curves import threshold_curves

THRESHOLD = 0.5


def predicted_labels(model: DiagnosedModel, shown: int) -> dict[str, Any]:
    """Return the curves of each label with its `precision`, `recall` and `f1` at 0.5, and the `shown` worst mistakes.

    A measure that is not defined, such as the precision of a label that is never predicted, is None. A mistake is one
    answer about one label, the most confident ones first; `wrong` counts the rows with any.
    """
    view, names = model.view, model.class_names
    truth, probabilities = view.y[view.test] > 0.5, _probabilities(model.outputs(view.test))
    predicted = probabilities > THRESHOLD
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, predicted, average=None, zero_division=np.nan
    )
    measures = [
        dict(zip(("precision", "recall", "f1"), map(_defined, row), strict=True))
        for row in zip(precision, recall, f1, strict=True)
    ]
    return {
        "curves": [
            {**threshold_curves(name, truth[:, place], probabilities[:, place]), **measures[place]}
            for place, name in enumerate(names)
        ],
        "wrong": int((predicted != truth).any(axis=1).sum()),
        "worst": [
            {
                **model.shown(int(view.test[row])),
                "name": names[place],
                "probability": float(probabilities[row, place]),
                "label": bool(truth[row, place]),
            }
            for row, place in _worst(truth, probabilities, shown)
        ],
    }


def _probabilities(outputs: Any) -> Floats:
    """Return outputs `[n, labels]` as probabilities: logits where some are not between 0 and 1."""
    values = np.asarray(outputs, np.float64)
    return values if values.min() >= 0 and values.max() <= 1 else np.asarray(expit(values))


def _worst(truth: Any, probabilities: Floats, shown: int) -> list[tuple[int, int]]:
    """Return row and label of the mistakes that are furthest from the truth, the furthest first."""
    misses = np.where((probabilities > THRESHOLD) != truth, np.abs(probabilities - truth), 0.0)
    order = [
        place for place in np.argsort(-misses, axis=None, kind="stable")[:shown] if misses.flat[place] > 0
    ]
    rows, places = np.unravel_index(np.array(order, int), misses.shape)
    return list(zip(rows.tolist(), places.tolist(), strict=True))


def _defined(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
