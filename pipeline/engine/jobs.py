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
class Checkpoint:
    """Plain data (JSON) and arrays of an unfinished training, from which it goes on as if it had not ended."""

    plain: dict[str, Any]
    arrays: list[NDArray[Any]]


@dataclass(frozen=True)
class Job:
    """One run's part in one phase: its recipe, the data it sees, and what it starts from.

    `weights` are in the order of the template's `weights`; `states` are those of the seed generators, by the names that
    `build.weights.seed_generators` gives them.
    `batch_seed` decides the order of rows; `test` is whether the job is evaluated on test data. `class_weights` `[classes]`
    are how much the rows of each class count while training, where that differs. `until` is the epoch after which its
    training is left unfinished, `start` what such a training goes on from.
    """

    recipe: Recipe
    view: View
    weights: Weights
    states: dict[str, NDArray[np.uint32]]
    batch_seed: int
    test: bool
    class_weights: NDArray[np.float32] | None = None
    until: int | None = None
    start: Checkpoint | None = None

    @property
    def last_epoch(self) -> int:
        """The last epoch to train."""
        return self.until or self.recipe.training.epochs


@dataclass(frozen=True)
class PhaseOutcome:
    """The outcome of a job: `weights` are those kept (of the last epoch, or of the restored best one).

    `state` is what an unfinished training goes on from.
    """

    curves: Curves
    weights: Weights
    kept_epoch: int
    diverged: bool
    test: dict[str, float]
    state: Checkpoint | None = None


@dataclass(frozen=True)
class Beginning:
    """What of a run was trained before: a number of phases, the record, and the weights after the last of them.

    `runs` is how many begin with them, each of which counts its share of their time. `state` is that of the next phase,
    where part of it is trained too; there are no weights then.
    """

    phases: int
    record: RunRecord
    weights: Weights
    runs: int = 1
    state: Checkpoint | None = None

    @property
    def epochs(self) -> int:
        """How many epochs of the next phase are trained."""
        return 0 if self.state is None else int(self.state.plain["epoch"])


@dataclass(frozen=True)
class TrainedRun:
    """A run's record, and its weights in the order of its model's `weights` (None for a diverged run).

    `state` is what it goes on from, where its training was left unfinished.
    """

    record: RunRecord
    weights: Weights | None
    state: Checkpoint | None = None
