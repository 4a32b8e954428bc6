"""One model's predictions of the test images: its worst mistakes, some right answers, and which classes it confuses."""

from typing import Any

import numpy as np

from pipeline.build.weights import Weights
from pipeline.diagnostics import measures
from pipeline.diagnostics.model import DiagnosedModel


def predictions(model: DiagnosedModel, weights: Weights, shown: int) -> dict[str, Any]:
    """Return the confusion matrix, the `shown` wrong answers with the highest confidence, and a third as many right ones.

    `weights` are those of the trained model. The right answers are spread evenly over the test images.
    """
    view, names = model.view, model.class_names
    model.keras_model.set_weights(weights)
    probabilities = model.probabilities(view.test)
    labels, predicted = view.y[view.test], probabilities.argmax(axis=1)
    names += [str(extra) for extra in range(len(names), probabilities.shape[1])]
    confidence = probabilities.max(axis=1)

    def answer(index: int) -> dict[str, Any]:
        return {
            "png": model.picture(int(view.test[index])),
            "label": names[labels[index]],
            "predicted": names[predicted[index]],
            "confidence": float(confidence[index]),
        }

    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:shown]
    right = np.flatnonzero(predicted == labels)
    spread = np.linspace(0, len(right) - 1, min(len(right), max(1, shown // 3))).round().astype(int)
    return {
        "classes": names,
        "confusion": measures.confusion(predicted, labels, len(names)).tolist(),
        "wrong": len(wrong),
        "images": len(labels),
        "worst": [answer(index) for index in worst],
        "right": [answer(index) for index in right[spread]],
    }
