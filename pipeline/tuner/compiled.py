"""What a compiled model is trained with, as the fused engine needs it, where that engine gives the same as `fit`."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.params.types.recipe import CLIPS
from pipeline.tuner.request import Request

LOSSES = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "kl_divergence": keras.losses.KLDivergence,
    "poisson": keras.losses.Poisson,
}
"""Losses of single rows, by the name of Keras's function."""
MEANS = ("sum_over_batch_size", "mean")
"""Reductions of a loss that give the mean over a batch."""
ACCURACIES = ("accuracy", "acc")
UNUSUAL = ("loss_weights", "weighted_metrics", "run_eagerly")
"""Arguments of `compile` that are not fused where one is given."""


def row_loss(model: keras.Model, request: Request) -> keras.losses.Loss | None:
    """Return the loss of `model` with a value for each row, None where it is not one of Keras's that suits the labels."""
    given = model._compile_config.config["loss"]
    loss = given if type(given) in LOSSES.values() else _by_name(given)
    if loss is None or loss.reduction not in MEANS:
        return None
    outputs = model.output_shape[-1]
    kind = type(loss)
    if outputs == 1:
        suits = kind is keras.losses.BinaryCrossentropy and not request.one_hot and request.classes <= 2
    elif request.one_hot:
        suits = kind is not keras.losses.SparseCategoricalCrossentropy
    else:
        suits = kind is keras.losses.SparseCategoricalCrossentropy
    fits = len(model.output_shape) == 2 and request.classes <= max(outputs, 2)
    return kind.from_config({**loss.get_config(), "reduction": None}) if suits and fits else None


def _by_name(given: Any) -> keras.losses.Loss | None:
    """Return Keras's loss of a name or a function."""
    if not isinstance(given, str) and not callable(given):
        return None
    function = keras.losses.get(given)
    kind = LOSSES.get(getattr(function, "__name__", ""))
    return kind() if kind is not None and function is getattr(keras.losses, function.__name__, None) else None


def accuracy_names(model: keras.Model, request: Request) -> list[str] | None:
    """Return the names of the metrics of `model`: none, or that of accuracy; None if it has other metrics."""
    metrics = model._compile_config.config["metrics"] or []
    own = [metric.name for metric in model.metrics if metric.name not in ("loss", "compile_metrics")]
    if not isinstance(metrics, list | tuple) or len(metrics) > 1 or own:
        return None
    names = [_accuracy_name(metric, request, model.output_shape[-1]) for metric in metrics]
    return None if None in names else [name for name in names if name is not None]


def _accuracy_name(metric: Any, request: Request, outputs: int) -> str | None:
    if isinstance(metric, str):
        return metric if metric in ACCURACIES else None
    if outputs == 1:
        plain = type(metric) is keras.metrics.BinaryAccuracy and metric.get_config()["threshold"] == 0.5
    elif request.one_hot:
        plain = type(metric) is keras.metrics.CategoricalAccuracy
    else:
        plain = type(metric) is keras.metrics.SparseCategoricalAccuracy
    return metric.name if plain else None


def is_compiled_plainly(model: keras.Model) -> bool:
    """Return whether `compile` was called with no unusual argument, and an optimizer of Keras that is new and only updates.

    Not so where it averages weights, scales the loss, accumulates gradients, or leaves out weights from their decay.
    """
    optimizer = model.optimizer
    unusual = any(model._compile_config.config.get(argument) for argument in UNUSUAL)
    excluded = getattr(optimizer, "_exclude_from_weight_decay", None)
    return (
        not unusual
        and _is_of_keras(optimizer)
        and not (optimizer.built or optimizer.use_ema or excluded or hasattr(optimizer, "inner_optimizer"))
        and not (optimizer.gradient_accumulation_steps or optimizer.loss_scale_factor)
        and _rate_is_known(optimizer)
    )


def _is_of_keras(thing: Any) -> bool:
    return type(thing).__module__.startswith("keras.") and "update_step" not in vars(thing)


def _rate_is_known(optimizer: Any) -> bool:
    rate = optimizer._learning_rate
    schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    return isinstance(rate, keras.Variable) or (schedule and _is_of_keras(rate))


def optimizer_maker(optimizer: Any) -> Callable[[Any], Any]:
    """Return a function that makes such an optimizer for a learning rate, without clipping, which the engine does."""
    config = {key: value for key, value in optimizer.get_config().items() if key not in CLIPS}
    return lambda learning_rate: type(optimizer).from_config({**config, "learning_rate": learning_rate})


def optimizer_settings(optimizer: Any) -> dict[str, Any]:
    """Return the settings of an optimizer that must be equal in a stack: all but rate, name and limits of clipping."""
    excluded = ("learning_rate", "name", *CLIPS)
    return {key: value for key, value in optimizer.get_config().items() if key not in excluded}


def learning_rates(optimizer: Any, steps: int) -> NDArray[np.float32]:
    """Return the learning rate of the next `steps` steps, from a number or a schedule, shape `[steps]`."""
    rate = optimizer._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        first = int(optimizer.iterations)
        return np.asarray(keras.ops.map(rate, keras.ops.arange(first, first + steps)), np.float32)
    return np.full(steps, float(rate), np.float32)
