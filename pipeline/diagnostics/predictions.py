"""One model's predictions for the test rows, by what it predicts: classes, labels, numbers, or maps of classes."""

from typing import Any

from pipeline.build.weights import Weights
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.diagnostics.predicted_classes import predicted_classes
from pipeline.diagnostics.predicted_labels import predicted_labels
from pipeline.diagnostics.predicted_maps import predicted_maps
from pipeline.diagnostics.predicted_numbers import predicted_numbers

BY_TASK = {
    "classes": predicted_classes,
    "labels": predicted_labels,
    "regression": predicted_numbers,
    "map": predicted_maps,
}


def predictions(model: DiagnosedModel, weights: Weights, shown: int) -> dict[str, Any]:
    """Return the predictions of a model with trained `weights`, with the `shown` worst ones; `{}` where none is a number.

    `task` says what they are, `rows` how many test rows there are; the rest is that task's.
    """
    model.keras_model.set_weights(weights)
    task = model.view.task
    outcome = BY_TASK[task](model, shown)
    return {"task": task, "rows": len(model.view.test), **outcome} if outcome else {}
