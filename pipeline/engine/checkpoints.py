"""The state of a long training, saved from time to time, so that a killed one is resumed from it with the same bits.

Histories are not saved: they follow from the curves, by replay.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.history import History
from pipeline.engine.jobs import Checkpoint, PhaseOutcome

EVERY = 60.0
"""Seconds between two checkpoints; a faster training is not worth one."""

Arrays = list[NDArray[Any]]


class Checkpoints(Protocol):
    """A place where checkpoints are kept, by name."""

    def get(self, name: str) -> tuple[dict[str, Any], Arrays] | None:
        """Return what was put under `name`, or None where there is nothing, or only something damaged."""
        ...

    def put(self, name: str, plain: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> None:
        """Replace what is kept under `name`."""
        ...


def name_of(run_keys: Sequence[str], phase: int, engine: str) -> str:
    """Return the name of the checkpoint of a stack in one of its phases."""
    text = "\n".join([engine, str(phase), *run_keys])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass
class PhaseCheckpoint:
    """The checkpoint of one stack in one phase; without a `place` to keep it, nothing is saved."""

    name: str
    place: Checkpoints | None = None
    clock: Callable[[], float] = time.monotonic
    every: float = EVERY
    _started: float = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._last = self.clock()

    def load(self) -> Checkpoint | None:
        """Return the training as it was last saved, or None where it was not."""
        saved = self.place.get(self.name) if self.place is not None else None
        return Checkpoint(*saved) if saved is not None else None

    def is_due(self) -> bool:
        """Return whether enough time has passed to save the training again."""
        return self.place is not None and self.clock() - self._last >= self.every

    def is_worthwhile(self) -> bool:
        """Return whether the training took so long that its outcome should not be lost."""
        return self.place is not None and self.clock() - self._started >= self.every

    def save(self, plain: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> None:
        """Save the training as it is now."""
        if self.place is not None:
            self.place.put(self.name, plain, arrays)
            self._last = self.clock()


def histories_as_plain(histories: Sequence[History]) -> list[dict[str, Any]]:
    """Return the plain data of each history that `replay` needs."""
    return [{"curves": history.curves, "diverged": history.diverged} for history in histories]


def unfinished(
    engine: str, epoch: int, history: History, arrays: Arrays, models: int = 1
) -> Checkpoint | None:
    """Return what one training, of so many `models` together, goes on from after `epoch`; None where nothing is left."""
    if history.over:
        return None
    plain = {"engine": engine, "epoch": epoch, "models": models, "histories": histories_as_plain([history])}
    return Checkpoint(plain, arrays)


def common_start(engine: str, starts: Sequence[Checkpoint | None]) -> list[Checkpoint]:
    """Return what all of several trainings go on from, after one epoch and with this engine; none where one starts over."""
    usable = [start for start in starts if start is not None and start.plain["engine"] == engine]
    return usable if len(usable) == len(starts) else []


def replay(histories: Sequence[History], plain: Sequence[dict[str, Any]]) -> None:
    """Bring fresh histories to the state of those that `plain` was made of."""
    for history, saved in zip(histories, plain, strict=True):
        names = [name for name in saved["curves"] if name != "learning_rate"]
        for epoch, rate in enumerate(saved["curves"]["learning_rate"]):
            history.after_epoch({name: saved["curves"][name][epoch] for name in names}, rate)
        if saved["diverged"]:
            history.diverge()


def outcomes_as_checkpoint(outcomes: Sequence[PhaseOutcome]) -> Checkpoint:
    """Return the outcomes of a whole phase in the form of a checkpoint."""
    plain = [
        {
            "curves": outcome.curves,
            "kept_epoch": outcome.kept_epoch,
            "diverged": outcome.diverged,
            "test": outcome.test,
            "arrays": len(outcome.weights),
        }
        for outcome in outcomes
    ]
    return Checkpoint({"ended": plain}, [array for outcome in outcomes for array in outcome.weights])


def outcomes_of(checkpoint: Checkpoint | None) -> list[PhaseOutcome] | None:
    """Return the outcomes of a phase that had ended, or None where it had not."""
    if checkpoint is None or "ended" not in checkpoint.plain:
        return None
    ended = checkpoint.plain["ended"]
    ends = np.cumsum([outcome["arrays"] for outcome in ended])
    return [
        PhaseOutcome(
            outcome["curves"],
            checkpoint.arrays[end - outcome["arrays"] : end],
            outcome["kept_epoch"],
            outcome["diverged"],
            outcome["test"],
        )
        for outcome, end in zip(ended, ends, strict=True)
    ]
