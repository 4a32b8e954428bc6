"""Predicted numbers: against the true ones, how far they are off, and the worst misses."""

from typing import Any

import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from pipeline.diagnostics.measures import Floats
from pipeline.diagnostics.model import DiagnosedModel

POINTS = 500
"""Test rows whose predictions are kept, spread evenly."""
TARGETS = 4
"""Targets whose predictions are kept."""


def predicted_numbers(model: DiagnosedModel, shown: int) -> dict[str, Any]:
    """Return predictions in the unit of the targets, measures of each target, and the `shown` worst misses.

    `targets` hold the name of each, its `true` and `predicted` values in some rows, and measures over all rows. Misses are
    compared in deviations of their target. Rows whose prediction is no finite number are counted as `not_finite` alone.
    """
    view = model.view
    true, predicted = (_in_unit(model, values) for values in (view.y[view.test], model.outputs(view.test)))
    finite = np.flatnonzero(np.isfinite(predicted).all(axis=1))
    if not len(finite):
        return {}
    true, predicted, rows = true[finite], predicted[finite], view.test[finite]
    spread = np.linspace(0, len(rows) - 1, min(len(rows), POINTS)).round().astype(int)
    return {
        "not_finite": len(view.test) - len(finite),
        "targets": [
            {
                "name": name,
                "true": true[spread, place].tolist(),
                "predicted": predicted[spread, place].tolist(),
                "mean_absolute_error": float(mean_absolute_error(true[:, place], predicted[:, place])),
                "root_mean_squared_error": float(
                    root_mean_squared_error(true[:, place], predicted[:, place])
                ),
                "r2": float(r2_score(true[:, place], predicted[:, place])) if len(rows) > 1 else None,
            }
            for place, name in enumerate(model.class_names[:TARGETS])
        ],
        "worst": [
            {
                **model.shown(int(rows[row])),
                "target": model.class_names[place],
                "true": float(true[row, place]),
                "predicted": float(predicted[row, place]),
            }
            for row, place in _worst(true, predicted, shown)
        ],
    }


def _in_unit(model: DiagnosedModel, values: Any) -> Floats:
    unit = model.view.unit
    return np.asarray(values if unit is None else unit(values), np.float64).reshape(len(values), -1)


def _worst(true: Floats, predicted: Floats, shown: int) -> list[tuple[int, int]]:
    """Return row and target of the largest misses, the largest first."""
    deviation = true.std(axis=0)
    misses = np.abs(predicted - true) / np.where(deviation > 0, deviation, 1.0)
    order = np.argsort(-misses, axis=None, kind="stable")[:shown]
    rows, places = np.unravel_index(order, misses.shape)
    return list(zip(rows.tolist(), places.tolist(), strict=True))
