"""Trainings that hold out no images: both engines measure training and test images alone, and the same."""

from typing import TYPE_CHECKING, Any

import pytest
from kit import run

from .training import assert_near, train

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine

pytestmark = pytest.mark.slow

MEASURED = {"loss", "accuracy"}
PATCHES: dict[str, dict[str, Any]] = {
    "phases": {
        "data": {"validation": 0},
        "phases": [{"training": {"epochs": 1}}, {"trainable": "head", "cache_features": True}],
    },
    "pairs": {
        "data": {"validation": 0, "pairs": 64},
        "model": {"towers": 2, "output": {"units": 1, "activation": "sigmoid"}},
        "training": {"loss": "binary_crossentropy"},
    },
}


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_both_engines_train_without_validation_and_agree(
    patch: dict[str, Any], fused: "Engine", fit: "Engine"
) -> None:
    one, other = (train(engine, [run(patch)])[0] for engine in (fused, fit))
    assert one.record.curves.keys() == {*MEASURED, "learning_rate"}
    assert one.record.metrics.keys() == {*MEASURED, "test_loss", "test_accuracy"}
    assert {len(curve) for curve in one.record.curves.values()} == {one.record.epochs}
    assert_near(one, other)


def test_runs_with_and_without_validation_do_not_share_a_stack(fused: "Engine") -> None:
    runs = [run({"data": {"validation": count}}) for count in (0, 40)]
    assert [len(stack.runs) for stack in fused.stacks(runs)] == [1, 1]
