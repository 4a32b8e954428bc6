"""Decisions between epochs, shared by every engine: lower the rate, stop, keep these weights, end a diverged run.

Pure functions of the metrics of one epoch after another; they know neither Keras nor the weights of models.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.metrics import ACCURACY, LOSS, Metric, plain_name
from pipeline.params.types.recipe import EarlyStopping, Recipe
from pipeline.params.types.schedules import Plateau as PlateauSchedule

EXPLODED, FOR_EPOCHS = 1000.0, 3
"""A training loss so many times that of the first epoch, for so many epochs on end, is a divergence."""


TINY = 1e-3
"""The loss of a first epoch from which growth is counted at least: some losses begin at nothing."""


@dataclass
class Plateau:
    """Lower the rate by `factor` after `patience` epochs without a better value of `metric`, which curves have as `monitor`.

    The rule of `keras.callbacks.ReduceLROnPlateau`, without cool-down.
    """

    factor: float
    patience: int
    min_delta: float
    min_learning_rate: float
    monitor: str = "val_loss"
    metric: Metric = LOSS
    scale: float = 1.0
    best: float = -math.inf
    waited: int = 0

    def after_epoch(self, value: float, learning_rate: float) -> float:
        """Return the factor on the table of rates from the next epoch on; `learning_rate` is the rate before any factor."""
        if self.metric.score(value) > self.best + self.min_delta:
            self.best, self.waited = self.metric.score(value), 0
            return self.scale
        self.waited += 1
        if self.waited >= self.patience:
            self.waited = 0
            floor = self.min_learning_rate / learning_rate
            self.scale = min(self.scale, max(self.scale * self.factor, floor))
        return self.scale


@dataclass
class Stopping:
    """Stop after `patience` epochs without a better value of the `metric`, which curves have as `monitor`.

    The rule of `keras.callbacks.EarlyStopping`; a value is better where it improves by more than `min_delta`.
    """

    patience: int
    min_delta: float
    monitor: str
    metric: Metric = LOSS
    best: float = -math.inf
    best_epoch: int = 0
    waited: int = 0

    def after_epoch(self, epoch: int, value: float) -> tuple[bool, bool]:
        """Return whether this epoch is the best so far, and whether to stop now."""
        if self.metric.score(value) > self.best + self.min_delta:
            self.best, self.best_epoch, self.waited = self.metric.score(value), epoch, 0
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

    def __init__(self, recipe: Recipe, metrics: Sequence[Metric] = (ACCURACY,)) -> None:
        schedule, early_stopping = recipe.schedule, recipe.training.early_stopping
        self.epochs = recipe.training.epochs
        self.learning_rate = recipe.optimizer.learning_rate
        self.plateau = _plateau(schedule, metrics) if isinstance(schedule, PlateauSchedule) else None
        self.stopping = _stopping(early_stopping, metrics) if early_stopping else None
        self.first_loss, self.exploded = math.inf, 0
        self.restore = early_stopping is not None and early_stopping.restore_best_weights
        self.kept_epoch = 0

    def after_epoch(self, epoch: int, metrics: dict[str, float]) -> Decision:
        """Return what to do after epoch number `epoch` (from 1), from its `loss` and the validation metrics, if any."""
        if not all(math.isfinite(value) for value in metrics.values()) or self._explodes(metrics["loss"]):
            return Decision(scale=0.0, keep=self.kept_epoch == 0, over=True, diverged=True)
        plateau = self.plateau
        scale = plateau.after_epoch(metrics[plateau.monitor], self.learning_rate) if plateau else 1.0
        best = stop = False
        if self.stopping is not None:
            best, stop = self.stopping.after_epoch(epoch, metrics[self.stopping.monitor])
        over = stop or epoch == self.epochs
        keep = best if self.restore else over
        if keep:
            self.kept_epoch = epoch
        return Decision(scale=scale, keep=keep, over=over)

    def _explodes(self, loss: float) -> bool:
        """Return whether the training loss has been far above that of the first epoch for some epochs."""
        if self.first_loss == math.inf:
            self.first_loss = loss
        self.exploded = self.exploded + 1 if loss > EXPLODED * max(self.first_loss, TINY) else 0
        return self.exploded >= FOR_EPOCHS


def _plateau(schedule: PlateauSchedule, metrics: Sequence[Metric]) -> Plateau:
    return Plateau(
        schedule.factor,
        schedule.patience,
        schedule.min_delta,
        schedule.min_learning_rate,
        schedule.monitor,
        _monitored(schedule.monitor, metrics),
    )


def _stopping(early_stopping: EarlyStopping, metrics: Sequence[Metric]) -> Stopping:
    monitor = early_stopping.monitor
    return Stopping(early_stopping.patience, early_stopping.min_delta, monitor, _monitored(monitor, metrics))


def _monitored(monitor: str, metrics: Sequence[Metric]) -> Metric:
    return {metric.name: metric for metric in (LOSS, *metrics)}[plain_name(monitor)]
