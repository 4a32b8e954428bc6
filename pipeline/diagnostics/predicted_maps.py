"""Predicted maps: which classes of pixels are confused, and the maps with most mistakes next to the true ones."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.pictures import levels_png, map_png
from pipeline.diagnostics import measures
from pipeline.diagnostics.model import DiagnosedModel

Classes = NDArray[np.int64]


def predicted_maps(model: DiagnosedModel, shown: int) -> dict[str, Any]:
    """Return each class's intersection over union, and the `shown` test rows with most wrong pixels, the worst first.

    With them come a third as many rows, spread evenly over the test rows (`others`). `classes` hold the name of each, its
    share of the `pixels`, and its `iou`: None for a class that is neither there nor predicted.
    """
    view, names = model.view, model.class_names
    counts, right = np.zeros((0, 0), np.int64), []
    for rows, outputs in model.chunks(view.test):
        predicted, true = _classes(outputs), view.y[rows]
        size = max(len(names), outputs.shape[-1])
        chunk = measures.confusion(predicted.ravel(), true.ravel().astype(np.int64), size)
        counts = chunk if not counts.size else counts + chunk
        right.append((predicted == true).reshape(len(rows), -1).mean(axis=1))
    shares = np.concatenate(right)
    worst = np.argsort(shares, kind="stable")[:shown]
    spread = np.linspace(0, len(shares) - 1, min(len(shares), max(1, shown // 3))).round().astype(int)
    return {
        "classes": _by_class(names, counts),
        "worst": [_shown(model, int(row), shares[row]) for row in worst],
        "others": [_shown(model, int(row), shares[row]) for row in spread],
    }


def _by_class(names: list[str], counts: NDArray[np.int64]) -> list[dict[str, Any]]:
    inside, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    union = true + predicted - inside
    return [
        {
            "name": name,
            "pixels": float(true[place] / true.sum()),
            "iou": float(inside[place] / union[place]) if union[place] else None,
        }
        for place, name in enumerate(names)
    ]


def _classes(outputs: NDArray[Any]) -> Classes:
    """Return the class of each pixel, of outputs `[n, h, w, classes]`, or `[n, h, w, 1]` for two classes."""
    if outputs.shape[-1] == 1:
        return np.asarray(outputs[..., 0] > 0.5, np.int64)
    return np.asarray(outputs.argmax(axis=-1), np.int64)


def _shown(model: DiagnosedModel, place: int, share: float) -> dict[str, Any]:
    row = model.view.test[place]
    (predicted,) = _classes(model.outputs(model.view.test[place : place + 1]))
    shown = model.shown(int(row))
    if "png" not in shown:
        shown |= _input_picture(model, row, predicted.shape)
    true = model.view.y[row]
    return {**shown, "true": map_png(true), "predicted": map_png(predicted), "right": float(share)}


def _input_picture(model: DiagnosedModel, row: Any, size: tuple[int, ...]) -> dict[str, str]:
    """Return the input of a row as a picture, where it is as large as the map and has one channel or three."""
    shape = model.view.input_shape
    if isinstance(shape, dict) or shape[:2] != size or shape[2:] not in ((), (1,), (3,)):
        return {}
    return {"png": levels_png(np.asarray(model.view.rows(np.array([row]))["x"][0]))}
