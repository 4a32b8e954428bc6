"""The loss of a recipe, one number per image, and the form of labels that it takes."""

from typing import Any

import keras

from pipeline.build.resolve import make
from pipeline.params.types.recipe import Recipe


def make_loss(recipe: Recipe) -> Any:
    """Return a loss with one value per image (no reduction over the batch)."""
    return make("losses", recipe.training.loss, reduction="none")


def targets(labels: Any, loss: Any, units: int) -> Any:
    """Return integer `labels` `[n]` in the form that `loss` takes.

    Sparse losses take integers (so does one without `Sparse` in its name); a single output unit takes `[n, 1]` zeros
    and ones; others take one-hot rows.
    """
    if units == 1:
        return keras.ops.cast(keras.ops.expand_dims(labels, -1), "float32")
    name = type(loss).__name__
    if name.startswith("Sparse") or name == "CategoricalGeneralizedCrossEntropy":
        return labels
    return keras.ops.one_hot(labels, units)


def correct(labels: Any, predictions: Any, units: int) -> Any:
    """Return 1.0 for each image whose class was predicted, else 0.0, shape `[n]`."""
    predicted = predictions[..., 0] > 0.5 if units == 1 else _argmax(predictions)
    return keras.ops.cast(keras.ops.equal(keras.ops.cast(predicted, labels.dtype), labels), "float32")


def _argmax(predictions: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Not keras.ops.argmax: its handling of negative zeros becomes a loop over models under vectorized_map.
        return tf.argmax(predictions, axis=-1, output_type="int32")
    return keras.ops.argmax(predictions, axis=-1)
