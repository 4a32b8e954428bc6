"""Curves that grow epoch by epoch, and what the rules decide after each."""

from collections.abc import Sequence

from pipeline.core.metrics import ACCURACY, LOSS, Metric
from pipeline.engine.rules import Decision, EpochRules
from pipeline.params.types.recipe import Recipe
from pipeline.runs.records import Curves


class History:
    """The curves of one job in one phase, and whether it still trains.

    `metrics` are those of the recipe for the task of its data; `validates`: whether rows are held out.
    """

    def __init__(
        self, recipe: Recipe, metrics: Sequence[Metric] = (ACCURACY,), validates: bool = True
    ) -> None:
        self.rules = EpochRules(recipe, metrics)
        names = [LOSS.name, *(metric.name for metric in metrics)]
        validation = [f"val_{name}" for name in names] if validates else []
        self.curves: Curves = {name: [] for name in (*names, *validation, "learning_rate")}
        self.scale = 1.0
        self.over = False
        self.diverged = False

    def after_epoch(self, metrics: dict[str, float], learning_rate: float) -> Decision:
        """Add one epoch's `metrics` and the rate of its last step to the curves; return what the rules decide."""
        epoch = len(self.curves["loss"]) + 1
        decision = self.rules.after_epoch(epoch, metrics)
        self.scale, self.over = decision.scale, decision.over
        if decision.diverged:
            self.diverge()
            return decision
        for name, value in {**metrics, "learning_rate": learning_rate}.items():
            self.curves[name].append(value)
        return decision

    def diverge(self) -> None:
        """Mark the training as diverged, and so as over."""
        self.diverged, self.over, self.scale = True, True, 0.0

    @property
    def kept_epoch(self) -> int:
        """The epoch (from 1) whose weights are kept; 0 where training diverged before any could be."""
        return self.rules.kept_epoch
