"""Decisions between epochs, shared by every engine: lower the rate, stop, keep these weights, give up.

Pure: fed one epoch's validation figures at a time, they answer; they know neither Keras nor arrays of models.
"""

import math
from dataclasses import dataclass

from pipeline.params.recipe import EarlyStopping, Recipe
from pipeline.params.schedules import Plateau as PlateauSchedule

EXPLODED = (
    1e4  # a cross-entropy this high is no training any more; chance level is below 10 for any data set here
)


@dataclass
class Plateau:
    """Lower the rate by `factor` after `patience` epochs without a better validation loss.

    The rule of `keras.callbacks.ReduceLROnPlateau`, without cool-down.
    """

    factor: float
    patience: int
    min_delta: float
    min_learning_rate: float
    scale: float = 1.0
    best: float = math.inf
    waited: int = 0

    def after_epoch(self, val_loss: float, learning_rate: float) -> float:
        """Return the factor on the table of rates from the next epoch on."""
        if val_loss < self.best - self.min_delta:
            self.best, self.waited = val_loss, 0
            return self.scale
        self.waited += 1
        if self.waited >= self.patience:
            self.waited = 0
            floor = self.min_learning_rate / learning_rate
            self.scale = max(self.scale * self.factor, floor)
        return self.scale


@dataclass
class Stopping:
    """Stop after `patience` epochs without a better monitored figure, as `keras.callbacks.EarlyStopping` does."""

    patience: int
    min_delta: float
    sign: float  # -1 for figures that should fall, +1 for those that should rise
    best: float = -math.inf
    best_epoch: int = 0
    waited: int = 0

    def after_epoch(self, epoch: int, value: float) -> tuple[bool, bool]:
        """Return whether this epoch is the best so far, and whether to stop now."""
        if self.sign * value > self.best + self.min_delta:
            self.best, self.best_epoch, self.waited = self.sign * value, epoch, 0
            return True, False
        self.waited += 1
        return False, self.waited >= max(self.patience, 1)


@dataclass(frozen=True)
class Decision:
    """What to do after an epoch: the factor on the rates, whether to keep these weights, whether this run is over."""

    scale: float
    keep: bool
    over: bool
    diverged: bool = False


class Referee:
    """All the rules of one run in one training phase; ask once an epoch."""

    def __init__(self, recipe: Recipe) -> None:
        training, schedule = recipe.training, recipe.schedule
        self.epochs: int = training.epochs
        self.learning_rate: float = recipe.optimizer.learning_rate
        self.plateau = _plateau(schedule) if isinstance(schedule, PlateauSchedule) else None
        self.stopping = _stopping(training.early_stopping) if training.early_stopping else None
        self.monitor: str = training.early_stopping.monitor if training.early_stopping else "val_loss"
        self.restore: bool = bool(training.early_stopping and training.early_stopping.restore_best_weights)
        self.kept_epoch = 0

    def after_epoch(self, epoch: int, figures: dict[str, float]) -> Decision:
        """Judge epoch number `epoch` (from 1) by its `loss`, `val_loss` and `val_accuracy`."""
        if not all(math.isfinite(value) for value in figures.values()) or figures["loss"] > EXPLODED:
            return Decision(scale=0.0, keep=self.kept_epoch == 0, over=True, diverged=True)
        scale = self.plateau.after_epoch(figures["val_loss"], self.learning_rate) if self.plateau else 1.0
        last = epoch == self.epochs
        best, stop = (
            self.stopping.after_epoch(epoch, figures[self.monitor]) if self.stopping else (False, False)
        )
        over = last or stop
        keep = best if self.restore else over
        if keep:
            self.kept_epoch = epoch
        return Decision(scale=scale, keep=keep, over=over)


def _plateau(schedule: PlateauSchedule) -> Plateau:
    return Plateau(schedule.factor, schedule.patience, schedule.min_delta, schedule.min_learning_rate)


def _stopping(early_stopping: EarlyStopping) -> Stopping:
    sign = 1.0 if early_stopping.monitor == "val_accuracy" else -1.0
    return Stopping(early_stopping.patience, early_stopping.min_delta, sign)
