"""What one model makes of the test images: its worst mistakes, some right answers, and who is taken for whom."""

from typing import Any

import numpy as np

from pipeline.build.weights import Weights
from pipeline.probes import measures
from pipeline.probes.subject import Subject


def predictions(subject: Subject, trained: Weights, shown: int) -> dict[str, Any]:
    """Return the confusion matrix, the `shown` wrong answers given with most confidence, and a third as many right ones.

    The right ones are spread evenly over the test images.
    """
    view, names = subject.view, subject.class_names
    subject.model.set_weights(trained)
    found = subject.probabilities(view.test)
    labels, predicted = view.y[view.test], found.argmax(axis=1)
    names += [str(extra) for extra in range(len(names), found.shape[1])]
    confidence = found.max(axis=1)

    def answer(place: int) -> dict[str, Any]:
        return {
            "png": subject.picture(int(view.test[place])),
            "label": names[labels[place]],
            "predicted": names[predicted[place]],
            "confidence": float(confidence[place]),
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
        "worst": [answer(int(place)) for place in worst],
        "right": [answer(int(right[place])) for place in spread],
    }
