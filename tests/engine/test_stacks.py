"""Runs of a stack do not disturb one another, and their numbers depend on one another only by rounding."""

from typing import TYPE_CHECKING

import pytest
from kit import run

from .training import assert_near, same_bits, train

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine

pytestmark = pytest.mark.slow


def test_a_stack_trained_twice_is_the_same_in_every_bit(fused: "Engine") -> None:
    runs = [run({"optimizer": {"learning_rate": rate}}, seed=2) for rate in (0.1, 0.2, 0.3)]
    assert all(
        same_bits(one, other) for one, other in zip(train(fused, runs), train(fused, runs), strict=True)
    )


def test_a_diverging_run_disturbs_no_bit_of_its_neighbours(fused: "Engine") -> None:
    calm, wild = (
        [
            run({"optimizer": {"learning_rate": rate}}, seed=seed)
            for seed, rate in enumerate((0.1, middle, 0.3))
        ]
        for middle in (0.2, 3e38)
    )
    first, second = train(fused, calm), train(fused, wild)
    assert [trained.record.outcome for trained in first] == ["finished"] * 3
    assert [trained.record.outcome for trained in second] == ["finished", "diverged", "finished"]
    assert same_bits(first[0], second[0]) and same_bits(first[2], second[2])
    lost = second[1]
    assert lost.weights is None and "test_accuracy" not in lost.record.metrics
    assert all(value == value and abs(value) < 3e380 for value in lost.record.metrics.values())


def test_a_run_that_diverges_does_so_in_both_engines(fused: "Engine", fit: "Engine") -> None:
    wild = [run({"optimizer": {"learning_rate": 3e38}})]
    assert_near(train(fused, wild)[0], train(fit, wild)[0])


def test_other_runs_of_a_stack_matter_only_by_rounding(fused: "Engine") -> None:
    runs = [run({"optimizer": {"learning_rate": 0.1 * (seed + 1)}}, seed=seed) for seed in range(5)]
    together = train(fused, runs)
    for one, other in zip(together, train(fused, runs[:2]) + train(fused, runs[2:]), strict=True):
        assert_near(one, other, tolerance=1e-6)
    assert [trained.record.engine.size for trained in together] == [5] * 5
    assert [trained.record.engine.slot for trained in together] == list(range(5))


def test_the_order_of_runs_matters_only_by_rounding(fused: "Engine") -> None:
    runs = [run({"optimizer": {"learning_rate": 0.1 * (seed + 1)}}, seed=seed) for seed in range(3)]
    for one, other in zip(train(fused, runs), train(fused, runs[::-1])[::-1], strict=True):
        assert_near(one, other, tolerance=1e-6)


def test_trials_see_no_test_data(fused: "Engine") -> None:
    trial, replicate = train(fused, [run(kind="trial"), run()])
    assert not {name for name in trial.record.metrics if name.startswith("test")}
    assert {"test_loss", "test_accuracy"} <= replicate.record.metrics.keys()


def test_folds_validate_on_different_images(fused: "Engine") -> None:
    patch = {"data": {"limit": None, "per_class": 9}}
    first, second = train(fused, [run(patch, kind="trial", fold=(number, 10)) for number in (0, 1)])
    assert first.record.curves["val_loss"] != second.record.curves["val_loss"]
