"""The rules between epochs, on metrics written here, and compared with Keras's own callbacks on random ones."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import recipe

from pipeline.engine.history import History
from pipeline.engine.rules import EXPLODED, Decision

RATE = 0.05


def apply(patch: dict[str, Any], val_losses: list[float], val_accuracies: list[float] | None = None) -> Any:
    """Return the history, and the decisions after each epoch until the run was over."""
    history = History(recipe({**patch, "training": {"epochs": 50, **patch.get("training", {})}}))
    decisions: list[Decision] = []
    for number, val_loss in enumerate(val_losses):
        accuracy = val_accuracies[number] if val_accuracies else 0.5
        metrics = {"loss": 1.0, "accuracy": 0.5, "val_loss": val_loss, "val_accuracy": accuracy}
        decisions.append(history.after_epoch(metrics, RATE * history.scale))
        if history.over:
            break
    return history, decisions


def scales(plateau: dict[str, Any], val_losses: list[float]) -> list[float]:
    _, decisions = apply({"schedule": {"name": "plateau", **plateau}}, val_losses)
    return [decision.scale for decision in decisions]


def test_plateau_waits_and_lowers_and_waits_again() -> None:
    factors = scales({"factor": 0.5, "patience": 2}, [1.0, 1.0, 1.1, 0.9, 0.95, 0.91, 0.9, 0.9])
    assert factors == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_plateau_counts_no_gain_within_min_delta() -> None:
    assert scales({"factor": 0.5, "patience": 1, "min_delta": 0.1}, [1.0, 0.95, 0.89]) == [1, 0.5, 0.5]


def test_plateau_stays_above_the_least_rate() -> None:
    factors = scales({"factor": 0.1, "patience": 1, "min_learning_rate": RATE / 4}, [1.0, 1.0, 1.0])
    assert factors == pytest.approx([1, 0.25, 0.25])


LOSSES = st.lists(st.integers(0, 12).map(lambda n: n / 8), min_size=1, max_size=30)
DELTAS = st.sampled_from([0.0, 0.125, 0.25])


@given(
    val_losses=LOSSES,
    factor=st.sampled_from([0.5, 0.1]),
    patience=st.integers(0, 4),
    delta=DELTAS,
    least=st.sampled_from([0.0, 0.7 * 0.01 * RATE, RATE, 2 * RATE]),
)
@settings(deadline=None)
def test_plateau_is_that_of_keras(
    val_losses: list[float], factor: float, patience: int, delta: float, least: float
) -> None:
    import keras

    callback = keras.callbacks.ReduceLROnPlateau(
        factor=factor, patience=patience, min_delta=delta, min_lr=least, cooldown=0
    )
    optimizer = SimpleNamespace(learning_rate=RATE)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    expected = []
    for epoch, val_loss in enumerate(val_losses):
        callback.on_epoch_end(epoch, {"val_loss": val_loss})
        expected.append(float(optimizer.learning_rate) / RATE)
    plateau = {"factor": factor, "patience": patience, "min_delta": delta, "min_learning_rate": least}
    assert scales(plateau, val_losses) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gain", [0.5e-4, 2e-4])
def test_plateau_counts_the_same_gains_as_keras_by_default(gain: float) -> None:
    import keras

    losses = [1.0 - gain * epoch for epoch in range(8)]
    callback = keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2)
    optimizer = SimpleNamespace(learning_rate=1.0)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    expected = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        expected.append(float(optimizer.learning_rate))
    assert scales({"factor": 0.5, "patience": 2}, losses) == expected
    assert (expected[-1] == 1.0) == (gain > 1e-4)


@given(
    values=LOSSES,
    patience=st.integers(0, 4),
    delta=DELTAS,
    monitor=st.sampled_from(["val_loss", "val_accuracy"]),
)
@settings(deadline=None)
def test_early_stopping_is_that_of_keras(
    values: list[float], patience: int, delta: float, monitor: str
) -> None:
    import keras

    mode = "max" if monitor == "val_accuracy" else "min"
    callback = keras.callbacks.EarlyStopping(
        monitor, patience=patience, min_delta=delta, restore_best_weights=True, mode=mode
    )
    model = SimpleNamespace(stop_training=False, get_weights=lambda: epoch)
    callback.set_model(model)
    callback.on_train_begin()
    epoch = 0
    for epoch, value in enumerate(values, start=1):
        callback.on_epoch_end(epoch - 1, {monitor: value})
        if model.stop_training:
            break

    stopping = {"patience": patience, "min_delta": delta, "monitor": monitor}
    patch = {"training": {"early_stopping": stopping}}
    history, _ = apply(patch, values, values)
    assert (len(history.curves["loss"]), history.over) == (epoch, model.stop_training)
    assert history.kept_epoch == callback.best_weights


def test_without_restoring_the_last_weights_are_kept() -> None:
    patch = {"training": {"early_stopping": {"patience": 2, "restore_best_weights": False}}}
    history, decisions = apply(patch, [1.0, 0.5, 0.6, 0.7, 0.1])
    assert [decision.keep for decision in decisions] == [False, False, False, True]
    assert history.kept_epoch == 4


def test_the_last_epoch_ends_a_run_and_keeps_its_weights() -> None:
    history, decisions = apply({"training": {"epochs": 3}}, [1.0, 2.0, 3.0, 4.0])
    assert [decision.over for decision in decisions] == [False, False, True]
    assert (history.kept_epoch, history.diverged) == (3, False)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_a_run_that_breaks_is_over_and_diverged_and_its_broken_epoch_not_in_the_curves(broken: float) -> None:
    history, decisions = apply({"training": {"early_stopping": {"patience": 5}}}, [1.0, broken, 0.5])
    assert [decision.diverged for decision in decisions] == [False, True]
    assert decisions[-1].over and not decisions[-1].keep
    assert (history.curves["val_loss"], history.kept_epoch) == ([1.0], 1)


def test_a_training_loss_that_explodes_is_divergence() -> None:
    far = EXPLODED * 2.01
    for losses, epochs in (
        ([2.0, *[EXPLODED * 2] * 5], None),
        ([2.0, far, far, 1.0, far, far], None),
        ([2.0, far, far, far], 4),
        ([2.0, math.nan], 2),
        ([1e6, 2e6, 5e5], None),  # of targets in large units
    ):
        history = History(recipe({"training": {"epochs": 9}}))
        for loss in losses:
            history.after_epoch({"loss": loss, "accuracy": 0.1, "val_loss": 2.0, "val_accuracy": 0.1}, RATE)
        assert history.diverged is (epochs is not None)
        assert len(history.curves["loss"]) == (len(losses) if epochs is None else epochs - 1)
