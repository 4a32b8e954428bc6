"""Curves that grow epoch by epoch, under the judgement of the rules."""

from pipeline.engine.rules import Decision, Referee
from pipeline.params.recipe import Recipe
from pipeline.records import Curves

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")


class History:
    """The curves of one job, and whether it still trains."""

    def __init__(self, recipe: Recipe) -> None:
        self.referee = Referee(recipe)
        self.curves: Curves = {name: [] for name in (*FIGURES, "learning_rate")}
        self.scale = 1.0
        self.over = False
        self.diverged = False

    def after_epoch(self, figures: dict[str, float], learning_rate: float) -> Decision:
        """Take one epoch's `figures` and the rate of its last step; return what the rules decide."""
        epoch = len(self.curves["loss"]) + 1
        decision = self.referee.after_epoch(epoch, figures)
        self.scale, self.over = decision.scale, decision.over
        if decision.diverged:
            self.give_up()
            return decision
        for name, value in {**figures, "learning_rate": learning_rate}.items():
            self.curves[name].append(value)
        return decision

    def give_up(self) -> None:
        """Take the training for diverged, and so for over."""
        self.diverged, self.over, self.scale = True, True, 0.0

    @property
    def kept_epoch(self) -> int:
        """The epoch (from 1) whose weights are kept; 0 when training broke before any could be."""
        return self.referee.kept_epoch
