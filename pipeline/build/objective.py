"""The loss of a recipe, one number an image, and how labels must look for it."""

from typing import Any

import keras

from pipeline.build.resolve import make
from pipeline.params.recipe import Recipe


def make_loss(recipe: Recipe) -> Any:
    """Return a loss that gives one value per image (no reduction over the batch)."""
    return make("losses", recipe.training.loss, reduction="none")


def targets(labels: Any, loss: Any, units: int) -> Any:
    """Return integer `labels` `[n]` in the form that `loss` takes.

    Sparse losses take integers (so does one whose name does not show it); a single output unit takes `[n, 1]` zeros
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
    if units == 1:
        chosen = keras.ops.cast(predictions[..., 0] > 0.5, labels.dtype)
    else:
        chosen = keras.ops.cast(_likeliest(predictions), labels.dtype)
    return keras.ops.cast(keras.ops.equal(chosen, labels), "float32")


def _likeliest(predictions: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Not keras.ops.argmax: its care for negative zeros costs a loop over models under vectorized_map.
        return tf.argmax(predictions, axis=-1, output_type="int32")
    return keras.ops.argmax(predictions, axis=-1)
