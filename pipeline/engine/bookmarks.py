"""Where a long training stands, kept now and then, so that a killed one goes on from there with the same bits.

Histories are not kept: they follow from the curves, by replay.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.engine.history import History
from pipeline.engine.protocol import PhaseOutcome

EVERY = 60.0  # seconds between two checkpoints; what trains faster is not worth any

Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """Plain data (JSON) and arrays of a training on its way."""

    plain: dict[str, Any]
    arrays: Arrays


class Checkpoints(Protocol):
    """Where checkpoints are kept, by name."""

    def checkpoint(self, name: str) -> tuple[dict[str, Any], Arrays] | None:
        """Return what was put under `name`, or None where there is nothing, or nothing whole."""
        ...

    def put_checkpoint(self, name: str, plain: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> None:
        """Replace what is kept under `name`."""
        ...


def name_of(run_keys: Sequence[str], phase: int, engine: str) -> str:
    """Name the checkpoint of a stack in one of its phases."""
    text = "\n".join([engine, str(phase), *run_keys])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass
class Bookmark:
    """The checkpoint of one stack in one phase; without a place to keep it, it forgets."""

    name: str
    place: Checkpoints | None = None
    clock: Callable[[], float] = time.monotonic
    every: float = EVERY
    _started: float = field(init=False)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._last = self.clock()

    def load(self) -> Checkpoint | None:
        """Return the training as it stood when last kept."""
        found = self.place.checkpoint(self.name) if self.place is not None else None
        return Checkpoint(*found) if found is not None else None

    def is_due(self) -> bool:
        """Tell whether enough time has passed to keep the training again."""
        return self.place is not None and self.clock() - self._last >= self.every

    def is_worthwhile(self) -> bool:
        """Tell whether the training took so long that its outcome should not be lost."""
        return self.place is not None and self.clock() - self._started >= self.every

    def keep(self, plain: dict[str, Any], arrays: Sequence[NDArray[Any]]) -> None:
        """Keep the training as it stands."""
        if self.place is not None:
            self.place.put_checkpoint(self.name, plain, arrays)
            self._last = self.clock()


def histories_as_plain(histories: Sequence[History]) -> list[dict[str, Any]]:
    """Return what `replay` needs of each history."""
    return [{"curves": history.curves, "diverged": history.diverged} for history in histories]


def replay(histories: Sequence[History], plain: Sequence[dict[str, Any]]) -> None:
    """Bring fresh histories to where those stood that `plain` was made of."""
    for history, kept in zip(histories, plain, strict=True):
        figures = [name for name in kept["curves"] if name != "learning_rate"]
        for epoch, rate in enumerate(kept["curves"]["learning_rate"]):
            history.after_epoch({name: kept["curves"][name][epoch] for name in figures}, rate)
        if kept["diverged"]:
            history.give_up()


def outcomes_as_checkpoint(outcomes: Sequence[PhaseOutcome]) -> Checkpoint:
    """Return a whole phase's outcomes in the form of a checkpoint."""
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
    ends = np.cumsum([each["arrays"] for each in ended])
    return [
        PhaseOutcome(
            each["curves"],
            checkpoint.arrays[end - each["arrays"] : end],
            each["kept_epoch"],
            each["diverged"],
            each["test"],
        )
        for each, end in zip(ended, ends, strict=True)
    ]
