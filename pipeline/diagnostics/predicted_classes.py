"""Predicted classes: the worst mistakes, which classes are confused, the curves of two classes, and digits of a font."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.data.pictures import png
from pipeline.diagnostics import measures
from pipeline.diagnostics.measures import Floats
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.diagnostics.threshold_curves import threshold_curves


def predicted_classes(model: DiagnosedModel, shown: int) -> dict[str, Any]:
    """Return the confusion matrix, the `shown` wrong answers with the highest confidence, and a third as many right ones.

    The right answers are spread evenly over the test rows. `curves` are those of two classes, the second one being the
    positive; `font` are answers to digits drawn with a font, where the classes are digits.
    """
    view, names = model.view, model.class_names
    probabilities = model.probabilities(view.test)
    labels, predicted = view.y[view.test], probabilities.argmax(axis=1)
    names += [str(extra) for extra in range(len(names), probabilities.shape[1])]
    confidence = probabilities.max(axis=1)

    def answer(index: int) -> dict[str, Any]:
        picture = model.shown(int(view.test[index]))
        return _answer(picture, names[labels[index]], names, probabilities[index])

    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:shown]
    right = np.flatnonzero(predicted == labels)
    spread = np.linspace(0, len(right) - 1, min(len(right), max(1, shown // 3))).round().astype(int)
    two = len(names) == 2
    return {
        "classes": names,
        "confusion": measures.confusion(predicted, labels, len(names)).tolist(),
        "wrong": len(wrong),
        "worst": [answer(index) for index in worst],
        "right": [answer(index) for index in right[spread]],
        "curves": [threshold_curves(names[1], labels == 1, probabilities[:, 1])] if two else [],
        "font": _font_answers(model, names),
    }


def _font_answers(model: DiagnosedModel, names: Sequence[str]) -> list[dict[str, Any]]:
    images = model.font_digits()
    if not len(images):
        return []
    answers = zip(images, names, model.probabilities_of(images), strict=False)
    return [
        _answer({"png": png(image)}, label, names, probabilities) for image, label, probabilities in answers
    ]


def _answer(
    picture: Mapping[str, Any], label: str, names: Sequence[str], probabilities: Floats
) -> dict[str, Any]:
    return {
        **picture,
        "label": label,
        "predicted": names[int(probabilities.argmax())],
        "confidence": float(probabilities.max()),
    }
