"""What every engine provides: a trainer that trains stacks of jobs through one phase."""

from collections.abc import Sequence
from typing import Literal, Protocol

import keras

from pipeline.engine.checkpoints import PhaseCheckpoint
from pipeline.engine.jobs import Job, OnEpoch, PhaseOutcome


class Trainer(Protocol):
    """Trains one stack of jobs, all of one graph, through one phase."""

    @property
    def name(self) -> Literal["fit", "fused"]:
        """The engine's name in params and records."""
        ...

    @property
    def exact(self) -> bool:
        """Whether graphs hold limits, strengths and rates as constants, so that runs of one graph must share them."""
        ...

    def train(
        self,
        template: keras.Model,
        signature: str,
        jobs: Sequence[Job],
        on_epoch: OnEpoch,
        checkpoint: PhaseCheckpoint,
    ) -> list[PhaseOutcome]:
        """Train all jobs; `signature` names their common graph, so that what was compiled can be used again.

        Resumes from the `checkpoint` of an earlier process where there is one, and saves to it.
        """
        ...
