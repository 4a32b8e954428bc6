"""What a model is trained by and judged by: a loss for each row, and Keras's metrics, each with targets in its own form."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from pipeline.build.resolve import make
from pipeline.core.metrics import TargetUnit, Task
from pipeline.core.plugins import is_plugin, load_object
from pipeline.core.project import root
from pipeline.params.types.metrics import MetricSpec
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tasks import loss_of, metric_specs

TAKES_INTEGERS = ("Sparse", "CategoricalGeneralizedCrossEntropy", "IoU", "MeanIoU")
"""What the names of losses and metrics begin with that take the numbers of classes rather than one-hot rows."""
OF_CLASSES = ("num_classes", "num_labels")
"""The arguments of metrics that the data decide."""


class Objective:
    """The loss and the metrics of models with `units` outputs for targets of a task.

    Targets are as views hold them: the numbers of classes `[n]`, or of each pixel's `[n, height, width]`; labels and
    numbers `[n, k]`. Metrics work through their stateless interface, so that each model of a stack has values of its own.

    Example: `Objective(loss, [Judge("accuracy", metric, form)], form).losses(targets, outputs)` has shape `[n]`.
    """

    def __init__(self, loss: Any, metrics: Sequence["Judge"], form: "Form") -> None:
        self.loss, self.metrics, self.form = loss, list(metrics), form

    def losses(self, targets: Any, outputs: Any) -> Any:
        """Return the loss of each row, `[n]`: a mean over the pixels of a map."""
        values = self.loss(self.form(targets), ops.cast(outputs, "float32"))
        return (
            ops.mean(ops.reshape(values, (ops.shape(values)[0], -1)), axis=1)
            if len(values.shape) > 1
            else values
        )


class Form:
    """The form of targets that a loss or a metric takes, given those of a view."""

    def __init__(self, task: Task, units: int, integers: bool) -> None:
        self.task, self.units, self.integers = task, units, integers

    def __call__(self, targets: Any) -> Any:
        """Return `targets` as zeros and ones `[n, 1]` for one unit, as numbers of classes, or as one-hot rows."""
        if self.task in ("labels", "regression"):
            return targets
        if self.units == 1:
            return ops.cast(ops.expand_dims(targets, -1), "float32")
        return targets if self.integers else ops.one_hot(targets, self.units)


def as_in_views(targets: Any, outputs: Any, task: Task) -> Any:
    """Return targets as they were before Keras gave them the type and the rank of the outputs."""
    if task in ("labels", "regression"):
        return targets
    shape = [-1] if task == "classes" else ops.shape(outputs)[:-1]
    return ops.reshape(ops.cast(targets, "int32"), shape)


def form_for(thing: Any, task: Task, units: int) -> Form:
    """Return the form of targets that a loss or a metric of Keras takes, or one of the user's own, by its name."""
    name = type(thing).__name__ if not isinstance(thing, str) else thing
    return Form(task, units, name.startswith(TAKES_INTEGERS))


def objective(recipe: Recipe, task: Task, units: int, unit: TargetUnit | None = None) -> Objective:
    """Return the loss and the metrics of `recipe` for a model with `units` outputs; metrics are in the `unit` of targets.

    Example: `objective(recipe, "classes", 10).metrics[0].name` is `"accuracy"`.
    """
    loss = make_loss(recipe, task, units)
    judges = [judge(spec, task, units, unit) for spec in metric_specs(recipe, task)]
    return Objective(loss, judges, form_for(loss, task, units))


def make_loss(recipe: Recipe, task: Task, units: int) -> Any:
    """Return a loss with one value per row (no reduction over the batch)."""
    return make("losses", loss_of(recipe, task, units), reduction="none")


class Judge:
    """A metric of Keras under the name that results have it, with the form of targets it takes."""

    def __init__(self, name: str, metric: keras.Metric, form: Any, unit: TargetUnit | None = None) -> None:
        self.name, self.metric, self._form, self.unit = name, metric, form, unit

    def form(self, targets: Any) -> Any:
        """Return targets as the metric takes them, in their own unit."""
        formed = self._form(targets)
        return formed if self.unit is None else self.unit(formed)

    def predicted(self, outputs: Any) -> Any:
        """Return a model's outputs as the metric takes them, in the unit of the targets."""
        outputs = ops.cast(outputs, "float32")
        return outputs if self.unit is None else self.unit(outputs)

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables whose values `updated` takes and returns."""
        return list(self.metric.variables)

    def updated(self, values: Sequence[Any], targets: Any, outputs: Any, counted: Any = None) -> list[Any]:
        """Return the values of the variables with a batch added; rows count where `counted` `[n]` is 1."""
        weights = {} if counted is None else {"sample_weight": self._weights(counted, targets)}
        return list(
            self.metric.stateless_update_state(
                list(values), self.form(targets), self.predicted(outputs), **weights
            )
        )

    def results(self, values: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
        """Return the metric of each model `[models]`, from the values of all, `[models, ...]` for each variable."""
        if (
            type(self.metric).result is keras.metrics.Mean.result
        ):  # a call for each model would take longer than a step
            total, count = (np.asarray(value, np.float64) for value in values)
            return np.divide(total, count, out=np.zeros_like(total), where=count != 0)
        return np.array([self.result([value[slot] for value in values]) for slot in range(len(values[0]))])

    def result(self, values: Sequence[Any]) -> float:
        """Return the metric of the values of one model; of a metric with a number for each class, their mean."""
        with keras.device("cpu"):
            result = self.metric.stateless_result([ops.convert_to_tensor(value) for value in values])
        return float(ops.mean(ops.cast(result, "float32")))

    def _weights(self, counted: Any, targets: Any) -> Any:
        """Return `counted` in a shape that the metric takes: most that flatten their inputs broadcast nothing."""
        if "IoU" not in type(self.metric).__name__:
            return counted
        shape = ops.shape(self.form(targets))
        broadcast = ops.broadcast_to(ops.reshape(counted, (-1, *[1] * (len(shape) - 1))), shape)
        return ops.cast(broadcast, self.metric.dtype)


def judge(spec: MetricSpec, task: Task, units: int, unit: TargetUnit | None = None) -> Judge:
    """Return the metric that a recipe names, for a model with `units` outputs."""
    if spec.name == "accuracy":
        return accuracy(task, units, spec.key)
    if is_plugin(spec.name):
        metric = _own(spec)
    else:
        kind = getattr(keras.metrics, spec.name)
        metric = kind(**{**_of_data(kind, spec, units), **spec.arguments}, name=spec.key)
    form = form_for(metric, task, units)
    _make_variables(metric, form)
    return Judge(spec.key, metric, form, unit)


def _make_variables(metric: keras.Metric, form: Form) -> None:
    """Make the variables of a metric: some wait for a first batch, to see how many outputs there are."""
    units, pixels = form.units, (1, 1) if form.task == "map" else ()
    single = form.task in ("labels", "regression")
    targets = ops.zeros((1, units)) if single else ops.zeros((1, *pixels), "int32")
    metric.update_state(form(targets), ops.zeros((1, *pixels, units)))
    metric.reset_state()


def accuracy(task: Task, units: int, name: str = "accuracy") -> Judge:
    """Return the share of classes, labels or pixels that are predicted right: Keras's `accuracy`."""
    if task == "labels":
        return Judge(name, keras.metrics.BinaryAccuracy(name=name), Form(task, units, True))

    def right(targets: Any, outputs: Any) -> Any:
        return correct(targets, outputs, units)

    return Judge(name, keras.metrics.MeanMetricWrapper(right, name=name), lambda targets: targets)


def _of_data(kind: type, spec: MetricSpec, units: int) -> dict[str, Any]:
    """Return the arguments that follow from the outputs: how many classes, and that predictions are probabilities."""
    offered = inspect.signature(kind).parameters
    filled: dict[str, Any] = {name: max(units, 2) for name in OF_CLASSES if name in offered}
    if "num_labels" in filled and not spec.arguments.get("multi_label"):
        del filled["num_labels"]
    if "sparse_y_pred" in offered:
        filled["sparse_y_pred"] = False
    if "target_class_ids" in offered and "num_classes" in offered:
        filled["target_class_ids"] = list(range(max(units, 2)))
    return filled


def _own(spec: MetricSpec) -> keras.Metric:
    """Return the user's metric: a class derived from `keras.Metric`, or a function of targets and predictions."""
    own: Any = load_object(spec.name, root())
    if isinstance(own, type):
        return own(**spec.arguments, name=spec.key)
    return keras.metrics.MeanMetricWrapper(own, name=spec.key, **spec.arguments)


def correct(labels: Any, predictions: Any, units: int) -> Any:
    """Return 1.0 where the class of a row, or a pixel, was predicted, else 0.0, of the shape of `labels`."""
    predicted = predictions[..., 0] > 0.5 if units == 1 else _argmax(predictions)
    return ops.cast(ops.equal(ops.cast(predicted, labels.dtype), labels), "float32")


def _argmax(predictions: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        # Not keras.ops.argmax: its handling of negative zeros becomes a loop over models under vectorized_map.
        return tf.argmax(predictions, axis=-1, output_type="int32")
    return ops.argmax(predictions, axis=-1)
