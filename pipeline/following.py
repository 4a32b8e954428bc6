"""How stacks get on, told to people while they train: the progress view, and live curves in the store."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.engine.auto import Stack
from pipeline.executors.protocol import name_of
from pipeline.progress import Progress
from pipeline.records import Curves, RunRecord
from pipeline.runs import Run
from pipeline.store import Store

LIVE_EVERY = 2.0  # seconds between two writes of live curves
LIVE_RUNS = 24  # runs of a stack that are shown live


@dataclass
class Followed:
    """A stack in training: its number in the progress view, when it began, when its curves were last written."""

    number: int
    began: float
    written: float


@dataclass
class Follower:
    """The `Watch` of a study. `wanted_by` names the ablation that wants a run, by its key."""

    view: Progress
    store: Store
    wanted_by: Mapping[str, str] = field(default_factory=dict)
    _best: dict[str, float] = field(default_factory=dict)
    _stacks: dict[str, Followed] = field(default_factory=dict)

    def started(self, stack: Stack, where: str) -> None:
        """See `Watch`."""
        number = self.view.stack_started(self._label(stack, where), len(stack.runs), _epochs(stack.runs[0]))
        now = time.monotonic()
        self._stacks[name_of(stack)] = Followed(number, now, now)

    def epoch(self, stack: Stack, epochs: int, curves: Sequence[Curves]) -> None:
        """See `Watch`."""
        followed = self._stacks[name_of(stack)]
        self.view.epoch(followed.number, epochs, self._best)
        if time.monotonic() - followed.written > LIVE_EVERY:
            followed.written = time.monotonic()
            for run, curve in list(zip(stack.runs, curves, strict=False))[:LIVE_RUNS]:
                self.store.put_live(run.key, curve)

    def finished(self, stack: Stack) -> None:
        """See `Watch`."""
        followed = self._end(stack)
        if followed is not None:
            self.view.stack_finished(followed.number, time.monotonic() - followed.began)

    def lost(self, stack: Stack, why: str) -> None:
        """See `Watch`."""
        followed = self._end(stack)
        if followed is not None and why:
            self.view.stack_lost(followed.number, why)

    def kept(self, records: Sequence[RunRecord]) -> None:
        """Say which runs were stored, for the best so far."""
        for record in records:
            name, accuracy = self.wanted_by.get(record.key, ""), record.metrics.get("val_accuracy", 0.0)
            self._best[name] = max(self._best.get(name, 0.0), accuracy)

    def _end(self, stack: Stack) -> Followed | None:
        self.store.end_live([run.key for run in stack.runs])
        return self._stacks.pop(name_of(stack), None)

    def _label(self, stack: Stack, where: str) -> str:
        names = list(dict.fromkeys(self.wanted_by[run.key] for run in stack.runs))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        at = f" on {where}" if where else ""
        return f"{shown} ({stack.engine}: {stack.reason}){at}"


def _epochs(run: Run) -> int:
    return sum(phase.recipe.training.epochs for phase in run.phases)
