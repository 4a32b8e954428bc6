"""What an engine is given and what it gives back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.views import View
from pipeline.params.recipe import Recipe
from pipeline.records import Curves, RunRecord

if TYPE_CHECKING:
    import keras

    from pipeline.engine.bookmarks import Bookmark

Weights = list[NDArray[Any]]
OnEpoch = Callable[[Sequence[Curves]], None]  # called after each epoch with the curves so far, one a job


@dataclass(frozen=True)
class Job:
    """One run's part in one training phase: where it starts and what it sees.

    `weights` are in the order of the template's `weights`; `states` are the seed generators' by layer name.
    """

    recipe: Recipe
    view: View
    weights: Weights
    states: dict[str, NDArray[np.uint32]]
    batch_seed: int
    test: bool


@dataclass(frozen=True)
class PhaseOutcome:
    """How a job ended: `weights` are those kept (the last epoch's, or the restored best epoch's)."""

    curves: Curves
    weights: Weights
    kept_epoch: int
    diverged: bool
    test: dict[str, float]


class Trainer(Protocol):
    """Takes one stack of jobs, all of one graph, through one phase."""

    @property
    def name(self) -> Literal["fit", "fused"]:
        """What the engine is called in params and records."""
        ...

    @property
    def exact(self) -> bool:
        """Whether its graphs hold limits, strengths and rates as constants, so that runs of one graph share them."""
        ...

    def train(
        self,
        template: "keras.Model",
        signature: str,
        jobs: Sequence[Job],
        on_epoch: OnEpoch,
        bookmark: "Bookmark",
    ) -> list[PhaseOutcome]:
        """Train all jobs; `signature` names their common graph, so that what was compiled can be used again.

        Goes on from where `bookmark` says that an earlier process was, and keeps it up to date.
        """
        ...


@dataclass(frozen=True)
class TrainedRun:
    """A run's record, and its weights in the order of its model's `weights` (None for a diverged run)."""

    record: RunRecord
    weights: Weights | None
