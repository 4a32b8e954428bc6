"""Executors under test: the same few stacks for all, and what this process makes of them itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from core.kit import run

from pipeline.data import catalogue
from pipeline.runs import Context, Run

if TYPE_CHECKING:
    from pipeline.engine.auto import Engine, Stack
    from pipeline.engine.driver import Workshop
    from pipeline.engine.protocol import TrainedRun
    from pipeline.executors.protocol import Executor

CONVOLUTIONS = {
    "model": {"layers": [{"filters": 4, "kernel_size": 3}, "flatten", 8]},
    "optimizer": {"name": "lamb"},  # not elementwise, so for `fit`
}


class Notes:
    """A `Watch` that writes down what it is told, and may do something at a stack's start."""

    def __init__(self) -> None:
        self.started_at: list[tuple[str, str]] = []
        self.epochs: list[tuple[str, int, int]] = []
        self.ended: list[str] = []
        self.losses: list[tuple[str, str]] = []

    def started(self, stack: "Stack", where: str) -> None:
        self.started_at.append((stack.runs[0].key, where))

    def epoch(self, stack: "Stack", epochs: int, curves: Sequence[object]) -> None:
        self.epochs.append((stack.runs[0].key, epochs, len(curves)))

    def finished(self, stack: "Stack") -> None:
        self.ended.append(stack.runs[0].key)

    def lost(self, stack: "Stack", why: str) -> None:
        self.losses.append((stack.runs[0].key, why))


@pytest.fixture(scope="session")
def context(project: Path) -> Context:
    return Context("digits", catalogue.digest("digits", project), study_seed=0, precision="float32")


@pytest.fixture(scope="session")
def runs(context: Context) -> list[Run]:
    """Replicates and trials that fuse, and convolutions, whose sums are divided among threads."""
    return [
        *(run(seed=seed, context=context) for seed in range(3)),
        *(run({"model": {"layers": [6]}}, seed, "trial", context=context) for seed in range(2)),
        *(run(CONVOLUTIONS, seed, context=context) for seed in range(2)),
    ]


@pytest.fixture(scope="session")
def auto(workshop: "Workshop") -> "Engine":
    """An engine that chooses for itself."""
    from pipeline.engine.auto import Engine

    return Engine(workshop)


@pytest.fixture(scope="session")
def stacks(auto: "Engine", runs: list[Run]) -> "list[Stack]":
    made = auto.stacks(runs)
    assert [len(stack.runs) for stack in made] == [3, 2, 1, 1]
    return made


@pytest.fixture(scope="session")
def here(auto: "Engine", stacks: "list[Stack]") -> "dict[str, TrainedRun]":
    """What this process makes of the stacks."""
    from pipeline.executors.local import LocalExecutor

    return trained_by(LocalExecutor(auto, "float32"), stacks, Notes())


def trained_by(executor: "Executor", stacks: "Sequence[Stack]", notes: Notes) -> "dict[str, TrainedRun]":
    """Return what an executor makes of stacks, by run key; each must come once."""
    found = [each for stack in executor.train(stacks, notes) for each in stack]
    assert len({each.record.key for each in found}) == len(found) == sum(len(stack.runs) for stack in stacks)
    assert sorted(notes.ended) == sorted(stack.runs[0].key for stack in stacks)
    return {each.record.key: each for each in found}


def assert_same_bits(found: "dict[str, TrainedRun]", wanted: "dict[str, TrainedRun]") -> None:
    """Fail unless all runs agree in every bit of what is stored of them; only times may differ."""
    import numpy as np

    for key, one in found.items():
        other = wanted[key]
        assert one.record.curves == other.record.curves and one.record.metrics == other.record.metrics
        assert one.record.engine == other.record.engine and one.record.recipe == other.record.recipe
        assert one.record.environment == other.record.environment
        if one.record.phase == "replicate":
            assert one.weights is not None and other.weights is not None
            for mine, its in zip(one.weights, other.weights, strict=True):
                assert mine.dtype == its.dtype and np.array_equal(mine, its)
