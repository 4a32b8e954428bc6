"""Metrics by name: whether higher is better, and their values as scores."""

from collections.abc import Container


def higher_is_better(metric: str) -> bool:
    """Return whether higher values of a metric are better: True for accuracies (`val_accuracy`), False for losses."""
    return metric.endswith("accuracy")


def choosing(metric: str, measured: Container[str]) -> str:
    """Return the metric by which the best of several runs is chosen: on validation images, else on training images.

    `measured` are the metrics of a run; without `val_<metric>` among them no images were held out. Test data choose nothing.

    Example: `choosing("accuracy", {"accuracy", "val_accuracy"})` is `val_accuracy`.
    """
    validation = f"val_{metric}"
    return validation if validation in measured else metric


def score(metric: str, value: float) -> float:
    """Return a value of a metric as a score, of which higher is better: the negative of a loss.

    Example: `score("val_loss", 0.3)` is -0.3.
    """
    return value if higher_is_better(metric) else -value
