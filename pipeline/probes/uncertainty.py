"""Monte Carlo dropout: many passes with dropout active, their mean as prediction, their spread as doubt.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation" (arXiv 1506.02142).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.build.weights import Weights
from pipeline.probes import measures
from pipeline.probes.subject import Subject
from pipeline.runs import Run
from pipeline.seeds import derive

SHOWN = 12  # the most uncertain images that are kept
CLASSES_SHOWN = 3

Floats = NDArray[np.float64]


def uncertainty(subject: Subject, run: Run, trained: Weights, samples: int) -> dict[str, Any]:
    """Return how one pass without dropout (`plain`) and the mean over `samples` passes with it (`mc`) predict test data.

    Batch normalisation keeps to its moving averages throughout. `{}` for a model without anything random.
    """
    model, view = subject.model, subject.view
    if not subject.load(trained, derive(run.seeds.dropout, "mc")):
        return {}
    model.trainable = False
    labels = view.y[view.test]
    plain = subject.probabilities(view.test)
    mean, deviation, single = passes(subject, view.test, labels, samples)
    return {
        "samples": samples,
        "plain": summary(plain, labels),
        "mc": {**summary(mean, labels), "single_pass_accuracy": single},
        "uncertain": _most_uncertain(subject, mean, deviation),
    }


def passes(
    subject: Subject, rows: NDArray[np.int32], labels: NDArray[Any], samples: int
) -> tuple[Floats, Floats, float]:
    """Return mean and deviation of the probabilities over passes, `[n, classes]`, and the mean accuracy of one pass."""
    # Welford's running sums: passes are many, and their probabilities need not all be kept.
    mean, squares, right = 0.0 * subject.probabilities(rows[:1]), np.zeros(1), 0.0
    for number in range(1, samples + 1):
        now = subject.probabilities(rows, training=True)
        away = now - mean
        mean = mean + away / number
        squares = squares + away * (now - mean)
        right += measures.accuracy(now, labels) / samples
    return mean, np.sqrt(squares / samples), right


def summary(probabilities: Floats, labels: NDArray[Any]) -> dict[str, Any]:
    """Return accuracy, log likelihood, calibration and mean predictive entropy (of right and of wrong answers too)."""
    entropies = measures.entropy(probabilities)
    right = probabilities.argmax(axis=1) == labels
    table = measures.reliability(probabilities, labels)
    return {
        "accuracy": measures.accuracy(probabilities, labels),
        "negative_log_likelihood": measures.negative_log_likelihood(probabilities, labels),
        "calibration_error": measures.expected_calibration_error(table),
        "entropy": float(entropies.mean()),
        "entropy_right": float(entropies[right].mean()) if right.any() else None,
        "entropy_wrong": float(entropies[~right].mean()) if not right.all() else None,
        "bins": table.tolist(),
    }


def _most_uncertain(subject: Subject, mean: Floats, deviation: Floats) -> list[dict[str, Any]]:
    names, view = subject.class_names, subject.view
    order = np.argsort(-measures.entropy(mean), kind="stable")[:SHOWN]
    return [
        {
            "png": subject.picture(int(view.test[place])),
            "label": names[view.y[view.test[place]]],
            "entropy": float(measures.entropy(mean[place : place + 1])[0]),
            "classes": [
                {
                    "name": names[index] if index < len(names) else str(index),
                    "mean": float(mean[place, index]),
                    "deviation": float(deviation[place, index]),
                }
                for index in np.argsort(-mean[place], kind="stable")[:CLASSES_SHOWN].tolist()
            ],
        }
        for place in order
    ]
