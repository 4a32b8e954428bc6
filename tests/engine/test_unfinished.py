"""A training that is left unfinished and goes on later ends as if it had not been."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import pytest
from kit import run

from pipeline.engine.jobs import Beginning, TrainedRun
from pipeline.runs.run import Run

from .training import assert_near, same_bits, train

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache
    from pipeline.engine.stacks import Engine

STOPPING = {"patience": 2, "min_delta": 0.02}
PATCHES: list[dict[str, Any]] = [
    {
        "optimizer": {"name": "Nadam", "learning_rate": rate, "clipnorm": 1.0},
        "schedule": {"name": "cosine"},
        "regularisation": {"dropout": 0.2},
        "training": {"epochs": 6},
    }
    for rate in (0.02, 0.01, 0.05)
]
PLATEAU = {
    "model": {"normalisation": "before"},
    "schedule": {"name": "plateau", "patience": 1, "min_delta": 0.1},
    "training": {"epochs": 6, "early_stopping": STOPPING},
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fused", "fit"])
@pytest.mark.parametrize("patches", [PATCHES, [PLATEAU]], ids=["Nadam", "plateau"])
def test_it_goes_on_with_the_same_bits(
    model_cache: "ModelCache", engine: Literal["fused", "fit"], patches: list[dict[str, Any]]
) -> None:
    from pipeline.engine.stacks import Engine

    trained_by = Engine(model_cache, engine)
    runs = [run(patch, 0, "trial") for patch in patches]
    whole = train(trained_by, runs)
    first = train(trained_by, [replace(run, epochs=2) for run in runs])
    second = _on(trained_by, [replace(run, epochs=4) for run in runs], first)
    for early, late, end in zip(first, second, _on(trained_by, runs, second), strict=True):
        assert early.record.epochs == 2 and early.record.best_epoch == 2 and late.record.epochs <= 4
        assert early.record.metrics["val_loss"] == early.record.curves["val_loss"][-1]
        expected = next(run for run in whole if run.record.key == end.record.key)
        assert same_bits(end, expected) and end.record.best_epoch == expected.record.best_epoch
        assert end.record.seconds > late.record.seconds > early.record.seconds
        assert end.state is None


def test_a_part_of_a_stack_goes_on_as_the_whole_would(fused: "Engine") -> None:
    runs = [run(patch, 0, "trial") for patch in PATCHES]
    whole = train(fused, runs)
    first = train(fused, [replace(run, epochs=3) for run in runs])
    (end,) = _on(fused, runs[1:2], first[1:2])
    assert_near(end, whole[1])


def test_the_state_of_another_engine_is_of_no_use(fused: "Engine", fit: "Engine") -> None:
    trial = run(PATCHES[0], 0, "trial")
    (by_fit,) = train(fit, [replace(trial, epochs=2)])
    (end,) = _on(fused, [trial], [by_fit])
    (whole,) = train(fused, [trial])
    assert same_bits(end, whole)


def test_what_diverged_or_stopped_has_nothing_to_go_on_from(fused: "Engine") -> None:
    hot = {"optimizer": {"learning_rate": 3e38}, "training": {"epochs": 6}}
    idle = {
        "optimizer": {"learning_rate": 0.0001},
        "training": {"epochs": 6, "early_stopping": {"patience": 1, "min_delta": 9.0}},
    }
    diverged, stopped = train(fused, [run(patch, 0, "trial", epochs=4) for patch in (hot, idle)])
    assert diverged.record.outcome == "diverged" and diverged.state is None
    assert stopped.record.epochs < 4 and stopped.state is None


def _on(engine: "Engine", runs: list[Run], before: list[TrainedRun]) -> list[TrainedRun]:
    """Go on with each run from what was trained before."""
    begun = {
        run.key: Beginning(0, trained.record, [], state=trained.state)
        for run, trained in zip(runs, before, strict=True)
    }
    by_key = {
        trained.record.key: trained
        for stack in engine.stacks(runs, begun)
        for trained in engine.train(stack, lambda *_: None)
    }
    return [by_key[run.key] for run in runs]
