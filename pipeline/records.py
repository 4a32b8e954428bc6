"""What is written down about a run: the words every part of the pipeline shares."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Phase = Literal["trial", "replicate"]
Outcome = Literal["finished", "diverged"]
Curves = dict[str, list[float]]


class Took(NamedTuple):
    """How many seconds a run trained, and each of its phases; a run of a stack its share."""

    seconds: float
    phases: tuple[float, ...] = ()


@dataclass(frozen=True)
class EngineRecord:
    """Which engine trained a run, and where: `size` runs in its stack, this one at `slot`; `reason` in words."""

    name: Literal["fit", "fused"]
    reason: str
    size: int = 1
    slot: int = 0


@dataclass(frozen=True)
class RunRecord:
    """One finished run, as the store keeps it.

    `metrics` are the last epoch's (or the restored best epoch's) `loss`, `accuracy`, `val_loss`, `val_accuracy`, and
    for replicates also `test_loss` and `test_accuracy`; accuracies are fractions in 0..1. A diverged run's metrics may
    lack what could not be computed; they never hold NaN or infinities.
    `curves` hold one value per epoch under the same names, and `learning_rate`. `seconds` are a run's share of its
    stack's time, `phase_seconds` the same for each phase.
    """

    key: str
    recipe: dict[str, object]
    dataset: str
    seed: int
    phase: Phase
    outcome: Outcome
    metrics: dict[str, float]
    curves: Curves
    epochs: int
    best_epoch: int
    parameters: int
    seconds: float
    engine: EngineRecord
    device: str
    environment: dict[str, str] = field(default_factory=dict)
    phase_seconds: list[float] = field(default_factory=list)
