"""Metrics: which way is better, whether they are fractions, and their values as scores."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Literal

Task = Literal["classes", "labels", "regression", "map"]
"""What a model predicts: one of several classes, several labels at once, numbers, or a class for each pixel."""
PARTS = ("val_", "test_")
"""What the names of metrics of validation and test data begin with; those of training data have their plain names."""


@dataclass(frozen=True)
class Metric:
    """A metric by the name that results have it under, whether higher is better, and whether it lies between 0 and 1."""

    name: str
    higher_is_better: bool
    is_fraction: bool = False

    def score(self, value: float) -> float:
        """Return a value as a score, of which higher is better: the negative of a loss."""
        return value if self.higher_is_better else -value

    def choosing(self, measured: Container[str]) -> str:
        """Return the name by which the best of several runs is chosen: on validation data, else on training data.

        `measured` are the names in a run's metrics; without `val_<name>` among them nothing was held out. Test data choose
        nothing.

        Example: `ACCURACY.choosing({"accuracy", "val_accuracy"})` is `val_accuracy`.
        """
        validation = f"val_{self.name}"
        return validation if validation in measured else self.name


@dataclass(frozen=True, eq=False)
class TargetUnit:
    """The `mean` and the `deviation` `[k]` of targets that are scaled to mean 0 and deviation 1."""

    mean: Any
    deviation: Any

    def __call__(self, values: Any) -> Any:
        """Return scaled targets, or predictions of them, in their own unit."""
        return values * self.deviation + self.mean


LOSS = Metric("loss", higher_is_better=False)
ACCURACY = Metric("accuracy", higher_is_better=True, is_fraction=True)


def plain_name(name: str) -> str:
    """Return the name of a metric without the part of the data it was measured on: `val_loss` is `loss`."""
    for part in PARTS:
        name = name.removeprefix(part)
    return name
