"""Monte Carlo dropout: many passes with dropout active; their mean is the prediction, their spread its uncertainty.

Source: Gal and Ghahramani, "Dropout as a Bayesian approximation" (arXiv 1506.02142).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.build.weights import Weights
from pipeline.diagnostics import measures
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.runs.run import Run
from pipeline.runs.seeds import derive

SHOWN = 12
"""The most uncertain answers, which are kept."""
CLASSES_SHOWN = 3
"""The most probable classes of each of them."""

Floats = NDArray[np.float64]


def uncertainty(model: DiagnosedModel, run: Run, trained: Weights, samples: int) -> dict[str, Any]:
    """Return how well test data are predicted by one pass without dropout (`plain`), and by `samples` passes with it (`mc`).

    Batch normalisation uses its moving averages in both. Return `{}` for a model without anything random.
    """
    if not model.load(trained, derive(run.seeds.dropout, "mc")):
        return {}
    model.keras_model.trainable = False
    view = model.view
    labels = view.y[view.test]
    plain = model.probabilities(view.test)
    mean, deviation, single_pass_accuracy = mc_passes(model, view.test, labels, samples)
    return {
        "samples": samples,
        "plain": summary(plain, labels),
        "mc": {**summary(mean, labels), "single_pass_accuracy": single_pass_accuracy},
        "uncertain": _most_uncertain(model, mean, deviation),
    }


def mc_passes(
    model: DiagnosedModel, rows: NDArray[np.int32], labels: NDArray[Any], samples: int
) -> tuple[Floats, Floats, float]:
    """Return mean and deviation of the probabilities over passes, `[n, classes]`, and the mean accuracy of one pass."""
    # Welford's running sums: passes are many, and their probabilities need not all be kept.
    mean, squares, accuracy = np.zeros(1), np.zeros(1), 0.0
    for number in range(1, samples + 1):
        probabilities = model.probabilities(rows, training=True)
        difference = probabilities - mean
        mean = mean + difference / number
        squares = squares + difference * (probabilities - mean)
        accuracy += measures.accuracy(probabilities, labels) / samples
    return mean, np.sqrt(squares / samples), accuracy


def summary(probabilities: Floats, labels: NDArray[Any]) -> dict[str, Any]:
    """Return accuracy, negative log-likelihood, calibration error and its bins, and mean predictive entropies in nats.

    The entropies are those of all answers, of right ones and of wrong ones (None where there are none).
    """
    entropies = measures.entropy(probabilities)
    right = probabilities.argmax(axis=1) == labels
    bins = measures.reliability(probabilities, labels)
    return {
        "accuracy": measures.accuracy(probabilities, labels),
        "negative_log_likelihood": measures.negative_log_likelihood(probabilities, labels),
        "calibration_error": measures.expected_calibration_error(bins),
        "entropy": float(entropies.mean()),
        "entropy_right": float(entropies[right].mean()) if right.any() else None,
        "entropy_wrong": float(entropies[~right].mean()) if not right.all() else None,
        "bins": bins.tolist(),
    }


def _most_uncertain(model: DiagnosedModel, mean: Floats, deviation: Floats) -> list[dict[str, Any]]:
    names, view = model.class_names, model.view
    entropies = measures.entropy(mean)

    def probable_class(answer: int, index: int) -> dict[str, Any]:
        name = names[index] if index < len(names) else str(index)
        return {
            "name": name,
            "mean": float(mean[answer, index]),
            "deviation": float(deviation[answer, index]),
        }

    return [
        {
            **model.shown(int(view.test[answer])),
            "label": names[view.y[view.test[answer]]],
            "entropy": float(entropies[answer]),
            "classes": [probable_class(answer, index) for index in _largest(mean[answer], CLASSES_SHOWN)],
        }
        for answer in _largest(entropies, SHOWN)
    ]


def _largest(values: Floats, count: int) -> list[int]:
    """Return the indices of the largest values, the largest first; of equal values, the first comes first."""
    return [int(index) for index in np.argsort(-values, kind="stable")[:count]]
