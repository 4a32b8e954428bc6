"""How well a trained model fits the images that it was trained on, as it predicts: dropout off, averages for statistics.

The training metrics of an epoch are averages while the weights change, with dropout on, and so no measure of that.
"""

import keras

from pipeline.build.weights import Weights
from pipeline.diagnostics.model import CHUNK, DiagnosedModel


def training_set(model: DiagnosedModel, trained: Weights) -> dict[str, float]:
    """Return the metrics and the `loss` (penalties included, as Keras reports it) on the rows that train.

    Example: `training_set(DiagnosedModel(model_cache, run), store.runs.weights(run.key))["accuracy"]`.
    """
    model.load(trained, seed=0)
    rows, net, judges = model.view.training, model.keras_model, model.objective.metrics
    total = 0.0
    for judge in judges:
        judge.metric.reset_state()
    for start in range(0, len(rows), CHUNK):
        chunk = model.view.rows(rows[start : start + CHUNK])
        targets = keras.ops.convert_to_tensor(chunk["y"])
        outputs = net(chunk["x"], training=False)
        losses = model.objective.losses(targets, outputs) * chunk.get("weights", 1.0)
        total += float(keras.ops.sum(losses))
        for judge in judges:
            judge.metric.update_state(judge.form(targets), judge.predicted(outputs))
    measured = {judge.name: judge.result(judge.variables) for judge in judges}
    return {**measured, "loss": total / len(rows) + sum(float(penalty) for penalty in net.losses)}
