"""Executors under test: the same few stacks for all, and their runs as this process trains them itself."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kit import run

from pipeline.data import catalogue
from pipeline.runs.run import Context, Run

if TYPE_CHECKING:
    from pipeline.engine.jobs import TrainedRun
    from pipeline.engine.model_cache import ModelCache
    from pipeline.engine.stacks import Engine, Stack
    from pipeline.executors.protocol import Executor

# Ray reads this variable when it is first imported: its nodes then know each other by their loopback address.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

CONVOLUTIONS = {
    "model": {"layers": [{"filters": 4, "kernel_size": 3}, "flatten", 8]},
    "optimizer": {"name": "lamb"},  # not elementwise, so for `fit`
}


class Notes:
    """A `StackListener` that records every call."""

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


@pytest.fixture(scope="module")
def auto(model_cache: "ModelCache") -> "Engine":
    """An engine that chooses for itself."""
    from pipeline.engine.stacks import Engine

    return Engine(model_cache)


@pytest.fixture(scope="module")
def stacks(auto: "Engine", runs: list[Run]) -> "list[Stack]":
    formed = auto.stacks(runs)
    assert [len(stack.runs) for stack in formed] == [3, 2, 1, 1]
    return formed


@pytest.fixture(scope="module")
def here(auto: "Engine", stacks: "list[Stack]") -> "dict[str, TrainedRun]":
    """The runs of the stacks as this process trains them, by run key."""
    from pipeline.executors.local import LocalExecutor

    return trained_by(LocalExecutor(auto, "float32"), stacks, Notes())


def trained_by(executor: "Executor", stacks: "Sequence[Stack]", notes: Notes) -> "dict[str, TrainedRun]":
    """Return the runs of stacks as an executor trains them, by run key; each must come once."""
    trained = [run for stack in executor.train(stacks, notes) for run in stack]
    by_key = {run.record.key: run for run in trained}
    assert len(by_key) == len(trained) == sum(len(stack.runs) for stack in stacks)
    assert sorted(notes.ended) == sorted(stack.runs[0].key for stack in stacks)
    return by_key


def assert_same_bits(trained: "dict[str, TrainedRun]", expected: "dict[str, TrainedRun]") -> None:
    """Fail unless all runs are equal in every bit that is stored of them; only times may differ."""
    import numpy as np

    for key, one in trained.items():
        other = expected[key]
        assert one.record.curves == other.record.curves and one.record.metrics == other.record.metrics
        assert one.record.engine == other.record.engine and one.record.recipe == other.record.recipe
        assert one.record.environment == other.record.environment
        if one.record.kind == "replicate":
            assert one.weights is not None and other.weights is not None
            for mine, its in zip(one.weights, other.weights, strict=True):
                assert mine.dtype == its.dtype and np.array_equal(mine, its)
