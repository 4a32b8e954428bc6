"""What an engine gets, one run's part in one phase, and what it returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.views import View
from pipeline.params.types.recipe import Recipe
from pipeline.runs.records import Curves, RunRecord

Weights = list[NDArray[Any]]
OnEpoch = Callable[[Sequence[Curves]], None]
"""Called after each epoch with the curves of every job so far."""


@dataclass(frozen=True)
class Job:
    """One run's part in one phase: its recipe, the data it sees, and what it starts from.

    `weights` are in the order of the template's `weights`; `states` are those of the seed generators, by the names that
    `build.weights.seed_generators` gives them.
    `batch_seed` decides the order of rows; `test` is whether the job is evaluated on test data. `class_weights` `[classes]`
    are how much the rows of each class count while training, where that differs.
    """

    recipe: Recipe
    view: View
    weights: Weights
    states: dict[str, NDArray[np.uint32]]
    batch_seed: int
    test: bool
    class_weights: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class PhaseOutcome:
    """The outcome of a job: `weights` are those kept (of the last epoch, or of the restored best one)."""

    curves: Curves
    weights: Weights
    kept_epoch: int
    diverged: bool
    test: dict[str, float]


@dataclass(frozen=True)
class Beginning:
    """The first phases of a run, trained before: their number, their record, and the weights after the last of them.

    `runs` is how many begin with them, each of which counts its share of their time.
    """

    phases: int
    record: RunRecord
    weights: Weights
    runs: int = 1


@dataclass(frozen=True)
class TrainedRun:
    """A run's record, and its weights in the order of its model's `weights` (None for a diverged run)."""

    record: RunRecord
    weights: Weights | None
