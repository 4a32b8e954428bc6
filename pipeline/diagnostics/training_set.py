"""How well a trained model fits the images that it was trained on, as it predicts: dropout off, averages for statistics.

The training metrics of an epoch are averages while the weights change, with dropout on, and so no measure of that.
"""

from typing import Any

import keras
import numpy as np

from pipeline.build.objective import correct
from pipeline.build.weights import Weights
from pipeline.diagnostics.model import CHUNK, DiagnosedModel


def training_set(model: DiagnosedModel, trained: Weights) -> dict[str, float]:
    """Return the `accuracy` and the `loss` (penalties included, as Keras reports it) on the training images.

    Example: `training_set(DiagnosedModel(model_cache, run), store.runs.weights(run.key))["accuracy"]`.
    """
    model.load(trained, seed=0)
    rows, per_image, net = model.view.training, model.loss(), model.keras_model
    totals: Any = np.zeros(2)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        labels = keras.ops.convert_to_tensor(model.view.y[chunk])
        outputs = net(model.view.x[chunk], training=False)
        hits = correct(labels, outputs, net.output_shape[-1])
        totals += [float(keras.ops.sum(hits)), float(keras.ops.sum(per_image(labels, outputs)))]
    accuracy, loss = totals / len(rows)
    return {"accuracy": float(accuracy), "loss": float(loss) + sum(float(penalty) for penalty in net.losses)}
