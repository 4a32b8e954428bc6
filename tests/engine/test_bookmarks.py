"""A training that is killed in the middle goes on from its checkpoint, and ends with the same bits."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from core.kit import recipe, run

from pipeline.engine import bookmarks
from pipeline.engine.bookmarks import Bookmark, outcomes_as_checkpoint, outcomes_of, replay
from pipeline.engine.history import History
from pipeline.engine.protocol import PhaseOutcome
from pipeline.store import Store

from .training import same_bits, train

if TYPE_CHECKING:
    from pipeline.engine.driver import Workshop


class KilledError(Exception):
    """What these tests kill a training with."""


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep every epoch, however short."""
    monkeypatch.setattr(bookmarks.Bookmark, "is_due", lambda self: self.place is not None)
    monkeypatch.setattr(bookmarks.Bookmark, "is_worthwhile", lambda self: self.place is not None)
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
        {"optimizer": {"learning_rate": 1e10}, "training": {"epochs": 6}},
        {"optimizer": {"learning_rate": 0.1}, "training": {"epochs": 6}},
    ],
    "in phases": [
        {"phases": [{"training": {"epochs": 3}}, {"trainable": "head", "training": {"epochs": 3}}]}
    ],
    "in phases, the second upon cached features": [
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
def test_a_killed_training_goes_on_with_the_same_bits(
    workshop: "Workshop", tmp_path: Path, engine: Literal["fused", "fit"], kind: str
) -> None:
    from pipeline.engine.auto import Engine

    runs = [run(patch, seed=seed) for seed, patch in enumerate(PATCHES[kind])]
    undisturbed = train(Engine(workshop, engine), runs)
    store = Store(tmp_path)
    trained = Engine(workshop, engine, checkpoints=store)
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
    done = {
        each.record.key: each for stack in trained.stacks(runs) for each in trained.train(stack, until(-1))
    }
    whole = sum(each.record.epochs for each in undisturbed) if engine == "fit" else 6
    assert epochs_of_the_first_try == 5 and seen < whole, "it went on, and did not begin again"
    if kind.startswith("in phases"):
        assert seen == whole - 4, "it went on within the second phase"
    for each in undisturbed:
        assert same_bits(done[each.record.key], each)
        assert done[each.record.key].record.outcome == each.record.outcome
        assert "not cached" not in each.record.engine.reason


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.checkpoint("a") is None
    store.put_checkpoint("a", {"epoch": 3}, [np.arange(4.0)])
    plain, (array,) = store.checkpoint("a") or ({}, [])
    assert plain == {"epoch": 3} and array.tolist() == [0, 1, 2, 3]
    (path,) = (tmp_path / ".checkpoints").glob("*.npz")
    for content in (b"", path.read_bytes()[:-30]):
        path.write_bytes(content)
        assert store.checkpoint("a") is None
    store.end_checkpoints()
    assert not (tmp_path / ".checkpoints").exists()


def test_a_bookmark_is_due_once_a_minute(tmp_path: Path) -> None:
    now = 0.0
    bookmark = Bookmark("a", Store(tmp_path), clock=lambda: now)
    due = []
    for _ in range(4):
        now += 31.0
        due.append(bookmark.is_due())
        if due[-1]:
            bookmark.keep({}, [np.zeros(1)])
    assert due == [False, True, False, True]
    assert bookmark.is_worthwhile() and bookmark.load() is not None
    assert not Bookmark("a", clock=lambda: 1e9).is_due(), "nowhere to keep it"


def test_replaying_curves_brings_the_rules_to_where_they_were() -> None:
    made = recipe(
        {
            "schedule": {"name": "plateau", "patience": 1, "min_delta": 0.1},
            "training": {"epochs": 9, "early_stopping": {"patience": 3}},
        }
    )
    one, other = History(made), History(made)
    losses = [1.0, 0.9, 0.95, 0.96, 0.7]
    for loss in losses[:3]:
        one.after_epoch({"loss": loss, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.5}, 0.1)
    replay([other], [{"curves": one.curves, "diverged": False}])
    assert vars(other.referee) == vars(one.referee) and other.curves == one.curves
    assert (other.scale, other.over, other.kept_epoch) == (one.scale, one.over, one.kept_epoch)


def test_outcomes_survive_as_a_checkpoint() -> None:
    outcomes = [
        PhaseOutcome({"loss": [1.0]}, [np.ones(2), np.zeros((2, 2))], 1, False, {}),
        PhaseOutcome({"loss": []}, [np.full(3, 7.0)], 0, True, {"test_loss": 0.5}),
    ]
    found = outcomes_of(outcomes_as_checkpoint(outcomes))
    assert found is not None
    for one, other in zip(outcomes, found, strict=True):
        assert [array.tolist() for array in one.weights] == [array.tolist() for array in other.weights]
        assert (one.curves, one.kept_epoch, one.diverged, one.test) == (
            other.curves,
            other.kept_epoch,
            other.diverged,
            other.test,
        )
    assert outcomes_of(None) is None
