"""Reports the progress of stacks to the progress view, and writes live curves to the store."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.engine.jobs import Beginning
from pipeline.engine.stacks import Stack
from pipeline.executors.protocol import REPORTED_RUNS, name_of
from pipeline.planning.shared_phases import beginnings_of
from pipeline.runs.records import Curves, RunRecord
from pipeline.runs.run import Run
from pipeline.store import Store
from pipeline.training.progress import Progress

LIVE_EVERY = 2.0
"""Seconds between two writes of live curves."""


@dataclass
class TrackedStack:
    """A stack in training: its number in the progress view, and when (in seconds) it began and its curves were written."""

    number: int
    began: float
    written: float


@dataclass
class ProgressReporter:
    """The `StackListener` of a study. `ablation_of` maps a run's key to the ablation that requires it."""

    view: Progress
    store: Store
    ablation_of: Mapping[str, str] = field(default_factory=dict)
    _epochs_before: dict[str, int] = field(default_factory=dict)
    _counted: set[str] = field(default_factory=set)
    """Runs that go on from an earlier part of a trial, which was counted."""
    _best: dict[str, float] = field(default_factory=dict)
    _stacks: dict[str, TrackedStack] = field(default_factory=dict)

    def begin(self, runs: Sequence[Run], beginnings: Mapping[str, Beginning]) -> None:
        """Take the runs of a round, whose first phases may be trained as runs of their own, or be trained already."""
        shared = {key: self.ablation_of[run.key] for run in runs for key in beginnings_of(run)}
        self.ablation_of = {**shared, **self.ablation_of}
        self._epochs_before = {key: beginning.record.epochs for key, beginning in beginnings.items()}
        self._counted = {key for key, beginning in beginnings.items() if beginning.state is not None}

    def started(self, stack: Stack, where: str) -> None:
        """See `StackListener`."""
        run, label = stack.runs[0], self._label(stack, where)
        epochs = _epochs(run) - self._epochs_before.get(run.key, 0)
        counts = run.until is None and run.key not in self._counted
        number = self.view.stack_started(label, len(stack.runs), epochs, counts)
        now = time.monotonic()
        self._stacks[name_of(stack)] = TrackedStack(number, now, now)

    def epoch(self, stack: Stack, epochs: int, curves: Sequence[Curves]) -> None:
        """See `StackListener`."""
        tracked = self._stacks[name_of(stack)]
        self.view.epoch(tracked.number, epochs, self._best)
        if time.monotonic() - tracked.written > LIVE_EVERY:
            tracked.written = time.monotonic()
            for run, curve in list(zip(stack.runs, curves, strict=False))[:REPORTED_RUNS]:
                self.store.live.put(run.key, curve)

    def finished(self, stack: Stack) -> None:
        """See `StackListener`."""
        tracked = self._end(stack)
        if tracked is not None:
            self.view.stack_finished(tracked.number, time.monotonic() - tracked.began)

    def lost(self, stack: Stack, why: str) -> None:
        """See `StackListener`."""
        tracked = self._end(stack)
        if tracked is not None and why:
            self.view.stack_lost(tracked.number, why)

    def stored(self, records: Sequence[RunRecord]) -> None:
        """Update the best validation accuracy of each ablation with runs that were stored."""
        for record in records:
            if record.kind == "shared":
                continue
            name, accuracy = self.ablation_of.get(record.key, ""), record.metrics.get("val_accuracy")
            if accuracy is not None:
                self._best[name] = max(self._best.get(name, 0.0), accuracy)

    def _end(self, stack: Stack) -> TrackedStack | None:
        """Stop tracking a stack and remove its live curves; return None for a stack that had not started."""
        self.store.live.remove([run.key for run in stack.runs])
        return self._stacks.pop(name_of(stack), None)

    def _label(self, stack: Stack, where: str) -> str:
        names = list(dict.fromkeys(self.ablation_of[run.key] for run in stack.runs))
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        place = f" on {where}" if where else ""
        what = " · shared phases" if stack.runs[0].until is not None else ""
        return f"{shown}{what} ({stack.engine}: {stack.reason}){place}"


def _epochs(run: Run) -> int:
    epochs = [phase.recipe.training.epochs for phase in run.phases]
    return sum(epochs[:-1]) + (run.epochs or epochs[-1])
