"""Training through the public engine, and comparisons of two trainings of one run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pipeline.engine.jobs import TrainedRun
from pipeline.runs.run import Run

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine


def train(engine: "Engine", runs: Sequence[Run]) -> list[TrainedRun]:
    """Return each of `runs` trained, in their order, which may differ from that of stacks."""
    by_key = {
        trained.record.key: trained
        for stack in engine.stacks(runs)
        for trained in engine.train(stack, lambda *_: None)
    }
    return [by_key[run.key] for run in runs]


def assert_near(one: TrainedRun, other: TrainedRun, tolerance: float = 2e-6) -> None:
    """Fail unless outcome, epochs, curves, metrics and weights are the same except for rounding."""
    for name in ("key", "outcome", "epochs", "best_epoch", "parameters"):
        assert getattr(one.record, name) == getattr(other.record, name), name
    assert one.record.curves.keys() == other.record.curves.keys()
    for name, curve in one.record.curves.items():
        assert curve == pytest.approx(other.record.curves[name], rel=1e-4, abs=1e-6), name
    assert one.record.metrics == pytest.approx(other.record.metrics, rel=1e-4, abs=1e-6)
    assert (one.weights is None) == (other.weights is None)
    for mine, its in zip(one.weights or [], other.weights or [], strict=True):
        assert np.abs(mine - its).max(initial=0) <= tolerance * max(1.0, np.abs(its).max(initial=0))


def same_bits(one: TrainedRun, other: TrainedRun) -> bool:
    """Return whether two trainings are equal in every bit of curves, metrics and weights."""
    same_metrics = one.record.curves == other.record.curves and one.record.metrics == other.record.metrics
    pairs = zip(one.weights or [], other.weights or [], strict=True)
    return same_metrics and all(np.array_equal(mine, its) for mine, its in pairs)
