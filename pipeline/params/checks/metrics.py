"""What is monitored must be measured: loss or one of the recipe's metrics, on validation or training data."""

from collections.abc import Iterable

from pipeline.core.errors import nearest
from pipeline.core.metrics import LOSS
from pipeline.params.faults import Fault, Where, fault_at, listing
from pipeline.params.types.metrics import DEFAULTS, read_metric
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.schedules import Plateau


def metric_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of early stopping and plateaus that monitor what the recipe does not measure."""
    monitors: dict[Where, str] = {}
    if recipe.training.early_stopping is not None:
        monitors["training", "early_stopping", "monitor"] = recipe.training.early_stopping.monitor
    if isinstance(recipe.schedule, Plateau):
        monitors["schedule", "monitor"] = recipe.schedule.monitor
    known = curve_names(recipe)
    return [
        fault_at(f"must be one of {listing(known)}; got {monitor!r}.{nearest(monitor, known)}", *where)
        for where, monitor in monitors.items()
        if monitor not in known
    ]


def judging_faults(metric: str | None, recipes: Iterable[Recipe]) -> list[Fault]:
    """Return the fault of an ablation's metric that a recipe does not measure."""
    for recipe in recipes if metric is not None else ():
        known = measured_names(recipe)
        if metric is not None and metric not in known:
            text = f"must be one of {listing(known)}; got {metric!r}.{nearest(metric, known)}"
            return [fault_at(text, "metric")]
    return []


def measured_names(recipe: Recipe) -> list[str]:
    """Return the names of what a recipe measures, loss first; of any task, where it names no metrics itself."""
    specs = recipe.training.metrics
    if specs is not None:
        return [LOSS.name, *(spec.key for spec in specs)]
    defaults = [read_metric(metric)["as"] for metrics in DEFAULTS.values() for metric in metrics]
    return list(dict.fromkeys([LOSS.name, *defaults]))


def curve_names(recipe: Recipe) -> list[str]:
    """Return the names of what is measured in each epoch: on validation data, then on training data."""
    names = measured_names(recipe)
    return [f"{part}{name}" for part in ("val_", "") for name in names]
