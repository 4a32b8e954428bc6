"""Decisions between epochs, shared by every engine: lower the rate, stop, keep these weights, end a diverged run.

Pure functions of the metrics of one epoch after another; they know neither Keras nor the weights of models.
"""

import math
from dataclasses import dataclass

from pipeline.core.metrics import score
from pipeline.params.types.recipe import EarlyStopping, Recipe
from pipeline.params.types.schedules import Plateau as PlateauSchedule

EXPLODED = 1e4
"""A training loss above this is a divergence: the cross-entropy of guessing is below 10 for any data set here."""


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
        """Return the factor on the table of rates from the next epoch on; `learning_rate` is the rate before any factor."""
        if val_loss < self.best - self.min_delta:
            self.best, self.waited = val_loss, 0
            return self.scale
        self.waited += 1
        if self.waited >= self.patience:
            self.waited = 0
            floor = self.min_learning_rate / learning_rate
            self.scale = min(self.scale, max(self.scale * self.factor, floor))
        return self.scale


@dataclass
class Stopping:
    """Stop after `patience` epochs without a better value of the metric `monitor`.

    The rule of `keras.callbacks.EarlyStopping`; a value is better where it improves by more than `min_delta`.
    """

    patience: int
    min_delta: float
    monitor: str
    best: float = -math.inf
    best_epoch: int = 0
    waited: int = 0

    def after_epoch(self, epoch: int, value: float) -> tuple[bool, bool]:
        """Return whether this epoch is the best so far, and whether to stop now."""
        if score(self.monitor, value) > self.best + self.min_delta:
            self.best, self.best_epoch, self.waited = score(self.monitor, value), epoch, 0
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


class EpochRules:
    """All the rules of one run in one phase; to be called once per epoch."""

    def __init__(self, recipe: Recipe) -> None:
        schedule, early_stopping = recipe.schedule, recipe.training.early_stopping
        self.epochs = recipe.training.epochs
        self.learning_rate = recipe.optimizer.learning_rate
        self.plateau = _plateau(schedule) if isinstance(schedule, PlateauSchedule) else None
        self.stopping = _stopping(early_stopping) if early_stopping else None
        self.restore = early_stopping is not None and early_stopping.restore_best_weights
        self.kept_epoch = 0

    def after_epoch(self, epoch: int, metrics: dict[str, float]) -> Decision:
        """Return what to do after epoch number `epoch` (from 1), from its `loss` and the validation metrics, if any."""
        if not all(math.isfinite(value) for value in metrics.values()) or metrics["loss"] > EXPLODED:
            return Decision(scale=0.0, keep=self.kept_epoch == 0, over=True, diverged=True)
        scale = self.plateau.after_epoch(metrics["val_loss"], self.learning_rate) if self.plateau else 1.0
        best = stop = False
        if self.stopping is not None:
            best, stop = self.stopping.after_epoch(epoch, metrics[self.stopping.monitor])
        over = stop or epoch == self.epochs
        keep = best if self.restore else over
        if keep:
            self.kept_epoch = epoch
        return Decision(scale=scale, keep=keep, over=over)


def _plateau(schedule: PlateauSchedule) -> Plateau:
    return Plateau(schedule.factor, schedule.patience, schedule.min_delta, schedule.min_learning_rate)


def _stopping(early_stopping: EarlyStopping) -> Stopping:
    return Stopping(early_stopping.patience, early_stopping.min_delta, early_stopping.monitor)
