"""A training that is killed in the middle resumes from its checkpoint, and ends with the same bits."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from kit import recipe, run

from pipeline.engine.checkpoints import PhaseCheckpoint, outcomes_as_checkpoint, outcomes_of, replay
from pipeline.engine.history import History
from pipeline.engine.jobs import PhaseOutcome
from pipeline.store import Store

from .training import same_bits, train

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache


class KilledError(Exception):
    """The error with which these tests end a training."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Save after every epoch, however short."""
    monkeypatch.setattr(PhaseCheckpoint, "is_due", lambda self: self.place is not None)
    monkeypatch.setattr(PhaseCheckpoint, "is_worthwhile", lambda self: self.place is not None)
    yield


STOPPING = {"patience": 2, "min_delta": 0.02}
PATCHES: dict[str, list[dict[str, Any]]] = {
    "with a schedule, momentum, dropout and plateau": [
        {
            "optimizer": {"name": "Nadam", "learning_rate": 0.02},
            "schedule": {"name": "plateau", "patience": 1, "min_delta": 0.1},
            "regularisation": {"dropout": rate},
            "training": {"epochs": 6},
        }
        for rate in (0.1, 0.3)
    ],
    "with one that stops early and one that diverges": [
        {"optimizer": {"learning_rate": 0.5}, "training": {"epochs": 6, "early_stopping": STOPPING}},
        {"optimizer": {"learning_rate": 3e38}, "training": {"epochs": 6}},
        {"optimizer": {"learning_rate": 0.1}, "training": {"epochs": 6}},
    ],
    "in phases": [
        {"phases": [{"training": {"epochs": 3}}, {"trainable": "head", "training": {"epochs": 3}}]}
    ],
    "in phases, the second on cached features": [
        {
            "optimizer": {"name": "Nadam", "learning_rate": rate},
            "phases": [
                {"data": {"classes": [0, 1, 2, 3, 4]}, "training": {"epochs": 2}},
                {"trainable": {"top": 1}, "cache_features": True, "training": {"epochs": 4}},
            ],
        }
        for rate in (0.02, 0.05)
    ],
}


@pytest.mark.slow
@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("engine", ["fused", "fit"])
@pytest.mark.parametrize("kind", PATCHES)
def test_a_killed_training_is_resumed_with_the_same_bits(
    model_cache: "ModelCache", tmp_path: Path, engine: Literal["fused", "fit"], kind: str
) -> None:
    from pipeline.engine.stacks import Engine

    runs = [run(patch, seed=seed) for seed, patch in enumerate(PATCHES[kind])]
    undisturbed = train(Engine(model_cache, engine), runs)
    trained = Engine(model_cache, engine, checkpoints=Store(tmp_path).checkpoints)
    seen = 0

    def until(last: int) -> Any:
        def on_epoch(_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == last:
                raise KilledError

        return on_epoch

    with pytest.raises(KilledError):
        for stack in trained.stacks(runs):
            trained.train(stack, until(5))
    epochs_of_the_first_try, seen = seen, 0
    resumed = {
        run.record.key: run for stack in trained.stacks(runs) for run in trained.train(stack, until(-1))
    }
    whole = sum(run.record.epochs for run in undisturbed) if engine == "fit" else 6
    assert epochs_of_the_first_try == 5 and seen < whole, "it was resumed, and did not begin again"
    if kind.startswith("in phases"):
        assert seen == whole - 4, "it was resumed within the second phase"
    for expected in undisturbed:
        assert same_bits(resumed[expected.record.key], expected)
        assert resumed[expected.record.key].record.outcome == expected.record.outcome
        assert "not cached" not in expected.record.engine.reason


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.checkpoints.get("a") is None
    store.checkpoints.put("a", {"epoch": 3}, [np.arange(4.0)])
    plain, (array,) = store.checkpoints.get("a") or ({}, [])
    assert plain == {"epoch": 3} and array.tolist() == [0, 1, 2, 3]
    (path,) = (tmp_path / ".checkpoints").glob("*.npz")
    for content in (b"", path.read_bytes()[:-30]):
        path.write_bytes(content)
        assert store.checkpoints.get("a") is None
    store.checkpoints.clear()
    assert not (tmp_path / ".checkpoints").exists()


def test_a_checkpoint_is_due_once_a_minute(tmp_path: Path) -> None:
    now = 0.0
    checkpoint = PhaseCheckpoint("a", Store(tmp_path).checkpoints, clock=lambda: now)
    due = []
    for _ in range(4):
        now += 31.0
        due.append(checkpoint.is_due())
        if due[-1]:
            checkpoint.save({}, [np.zeros(1)])
    assert due == [False, True, False, True]
    assert checkpoint.is_worthwhile() and checkpoint.load() is not None
    assert not PhaseCheckpoint("a", clock=lambda: 1e9).is_due(), "nowhere to keep it"


def test_replaying_curves_restores_the_rules() -> None:
    patched = recipe(
        {
            "schedule": {"name": "plateau", "patience": 1, "min_delta": 0.1},
            "training": {"epochs": 9, "early_stopping": {"patience": 3}},
        }
    )
    one, other = History(patched), History(patched)
    losses = [1.0, 0.9, 0.95, 0.96, 0.7]
    for loss in losses[:3]:
        one.after_epoch({"loss": loss, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.5}, 0.1)
    replay([other], [{"curves": one.curves, "diverged": False}])
    assert vars(other.rules) == vars(one.rules) and other.curves == one.curves
    assert (other.scale, other.over, other.kept_epoch) == (one.scale, one.over, one.kept_epoch)


def test_outcomes_survive_as_a_checkpoint() -> None:
    outcomes = [
        PhaseOutcome({"loss": [1.0]}, [np.ones(2), np.zeros((2, 2))], 1, False, {}),
        PhaseOutcome({"loss": []}, [np.full(3, 7.0)], 0, True, {"test_loss": 0.5}),
    ]
    restored = outcomes_of(outcomes_as_checkpoint(outcomes))
    assert restored is not None
    for one, other in zip(outcomes, restored, strict=True):
        assert [array.tolist() for array in one.weights] == [array.tolist() for array in other.weights]
        assert (one.curves, one.kept_epoch, one.diverged, one.test) == (
            other.curves,
            other.kept_epoch,
            other.diverged,
            other.test,
        )
    assert outcomes_of(None) is None
