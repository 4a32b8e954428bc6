"""Metrics by name: whether higher is better, and their values as scores."""


def higher_is_better(metric: str) -> bool:
    """Return whether higher values of a metric are better: True for accuracies (`val_accuracy`), False for losses."""
    return metric.endswith("accuracy")


def score(metric: str, value: float) -> float:
    """Return a value of a metric as a score, of which higher is better: the negative of a loss.

    Example: `score("val_loss", 0.3)` is -0.3.
    """
    return value if higher_is_better(metric) else -value
