"""What a recipe leaves to the task: its loss, the activation of its output, its metrics."""

from pipeline.core.metrics import Metric, Task
from pipeline.params.keras_names.named import Named
from pipeline.params.types.metrics import MetricSpec, metrics_by_default, named_metric
from pipeline.params.types.recipe import Recipe

LOSSES: dict[Task, str] = {
    "classes": "SparseCategoricalCrossentropy",
    "labels": "BinaryCrossentropy",
    "regression": "MeanSquaredError",
    "map": "SparseCategoricalCrossentropy",
}
ACTIVATIONS: dict[Task, str] = {
    "classes": "softmax",
    "labels": "sigmoid",
    "regression": "linear",
    "map": "softmax",
}


def loss_of(recipe: Recipe, task: Task, units: int | None = None) -> Named:
    """Return the loss of a recipe: its own, or that of the task; a single output `units` of classes is a probability."""
    if recipe.training.loss is not None:
        return recipe.training.loss
    return Named(name="BinaryCrossentropy" if _is_binary(task, units) else LOSSES[task])


def output_activation(recipe: Recipe, task: Task) -> Named:
    """Return the activation of the output of a recipe's chain of layers: its own, or that of the task."""
    chain = recipe.chain
    if chain is not None and chain.output.activation is not None:
        return chain.output.activation
    return Named(
        name="sigmoid" if _is_binary(task, chain.output.units if chain else None) else ACTIVATIONS[task]
    )


def metric_specs(recipe: Recipe, task: Task) -> tuple[MetricSpec, ...]:
    """Return the metrics of a recipe: its own, or those of the task."""
    return recipe.training.metrics or metrics_by_default(task)


def metric_of(recipe: Recipe, task: Task, name: str | None = None) -> Metric:
    """Return the metric called `name` of a recipe; without a name, the first one, by which variants are compared.

    Raises `KeyError` where the recipe has no such metric.
    """
    specs = metric_specs(recipe, task)
    metric = specs[0].metric if name is None else named_metric(name, specs)
    if metric is None:
        raise KeyError(name)
    return metric


def _is_binary(task: Task, units: int | None) -> bool:
    return task == "classes" and units == 1
