"""The fused engine against Keras's own `fit`: the same weights and curves for every kind of recipe.

Compiling costs a second or more per graph and engine, so each test trains many runs in few graphs.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kit import run

from pipeline.runs.resample import Resample

from .training import assert_near, train

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine

pytestmark = pytest.mark.slow

TEN = ("SGD", "RMSprop", "Adam", "AdamW", "Adamax", "Adagrad", "Adadelta", "Nadam", "Lion", "Ftrl")


def assert_equal(
    fused: "Engine", fit: "Engine", patches: list[dict[str, Any]], tolerance: float = 2e-6
) -> None:
    """Train one run of each patch with both engines and compare."""
    runs = [run(patch, seed=seed) for seed, patch in enumerate(patches)]
    together, alone = train(fused, runs), train(fit, runs)
    for one, other in zip(together, alone, strict=True):
        assert_near(one, other, tolerance)
    assert {trained.record.engine.name for trained in together} == {"fused"}
    assert {trained.record.engine.name for trained in alone} == {"fit"}


LAYERS = {
    "dense": {"layers": [8, {"units": 4, "use_bias": False, "activation": "relu"}]},
    "normalised, with PReLU and the dropouts": {
        "normalisation": "input",
        "layers": [
            {"units": 8, "normalisation": "before", "dropout": 0.25},
            {"units": 8, "normalisation": "after", "dropout": {"name": "GaussianNoise", "stddev": 0.1}},
            {"units": 6, "activation": "prelu", "dropout": {"name": "AlphaDropout", "rate": 0.1}},
            {
                "units": 6,
                "activation": "selu",
                "dropout": {"name": "Dropout", "rate": 0.1, "where": "before"},
            },
        ],
    },
}


def test_convolutions(fused: "Engine", fit: "Engine") -> None:
    layers = [{"filters": 2, "kernel_size": 3, "normalisation": "before"}, {"name": "MaxPooling2D"}, 4]
    dropout = {"regularisation": {"dropout": 0.2}}
    assert_equal(fused, fit, [{"model": {"layers": layers}, **dropout}] * 2, tolerance=1e-5)


def test_an_output_without_weights_under_global_pooling(fused: "Engine", fit: "Engine") -> None:
    normalisation = {"where": "before", "scale": False, "momentum": 0.9}
    layers = [{"filters": 10, "kernel_size": 3}, "GlobalAveragePooling2D"]
    model = {"layers": layers, "normalisation": normalisation, "output": "none"}
    assert_equal(fused, fit, [{"model": model}], tolerance=1e-5)


def test_epochs_of_more_steps_than_fit_takes_at_once(
    fused: "Engine", fit: "Engine", monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline.engine import fit as module

    monkeypatch.setattr(module, "MOST_STEPS_PER_EXECUTION", 4)
    assert_equal(fused, fit, [{"data": {"limit": 86}, "training": {"epochs": 3, "batch_size": 6}}])


@pytest.mark.parametrize("kind", LAYERS)
def test_layers(fused: "Engine", fit: "Engine", kind: str) -> None:
    patch = {"model": LAYERS[kind], "optimizer": {"momentum": 0.9}}
    assert_equal(fused, fit, [patch] * 3, tolerance=1e-5)


@pytest.mark.parametrize("name", TEN)
def test_optimizers(fused: "Engine", fit: "Engine", name: str) -> None:
    rates = [{"optimizer": {"name": name, "learning_rate": rate}} for rate in (0.01, 0.001, 0.03)]
    # Adam and its variants divide by the root of a gradient's square: rounding grows where it is nearly zero.
    assert_equal(fused, fit, rates, tolerance=2e-4)


STOPPING = {"optimizer": {"learning_rate": 0.5}, "training": {"epochs": 6}}


def test_schedules_and_rules_between_epochs(fused: "Engine", fit: "Engine") -> None:
    schedules: list[Any] = [
        "constant",
        {"name": "power", "steps": 5},
        {"name": "exponential", "epochs": 2},
        {"name": "exponential", "epochs": 2, "per": "step"},
        {"name": "piecewise", "boundaries": [1, 3], "factors": [1.0, 0.5, 0.1]},
        "one_cycle",
        {"name": "cosine", "warmup": 0.3},
        {"name": "plateau", "patience": 1, "min_delta": 0.2},
        {"name": "plateau", "patience": 1, "min_delta": 0.2, "min_learning_rate": 0.2},
        {"name": "ExponentialDecay", "decay_steps": 7, "decay_rate": 0.5},
    ]
    stops = [
        {"patience": 1, "min_delta": 0.05},
        {"patience": 0, "monitor": "val_accuracy"},
        {"patience": 1, "min_delta": 0.05, "restore_best_weights": False},
    ]
    patches = [{**STOPPING, "schedule": schedule} for schedule in schedules]
    patches += [{**STOPPING, "training": {"epochs": 6, "early_stopping": stop}} for stop in stops]
    assert_equal(fused, fit, patches, tolerance=1e-5)


def test_the_rules_between_epochs_had_an_effect(fused: "Engine") -> None:
    plateau = {**STOPPING, "schedule": {"name": "plateau", "patience": 1, "min_delta": 0.2}}
    stopping = {"patience": 1, "min_delta": 0.05}
    stopped = {**STOPPING, "training": {"epochs": 6, "early_stopping": stopping}}
    kept = {
        **STOPPING,
        "training": {"epochs": 6, "early_stopping": {**stopping, "restore_best_weights": False}},
    }
    lowered, early, last = (
        trained.record for trained in train(fused, [run(patch) for patch in (plateau, stopped, kept)])
    )
    assert len(set(lowered.curves["learning_rate"])) > 1
    assert early.epochs < 6 and early.best_epoch < early.epochs == last.epochs == last.best_epoch
    assert early.metrics["val_loss"] == early.curves["val_loss"][early.best_epoch - 1]


@pytest.mark.parametrize(
    ("kind", "limits"),
    [("clipvalue", (0.001, 0.01)), ("clipnorm", (0.01, 0.1)), ("global_clipnorm", (0.02, 0.2))],
)
def test_clipping(fused: "Engine", fit: "Engine", kind: str, limits: tuple[float, ...]) -> None:
    patches = [{"optimizer": {"learning_rate": 0.5, kind: limit}} for limit in limits]
    assert_equal(fused, fit, patches)


def test_regularizers_and_constraints(fused: "Engine", fit: "Engine") -> None:
    penalties = {
        "kernel_regularizer": {"name": "l1_l2", "l1": 1e-3, "l2": 1e-2},
        "kernel_constraint": {"name": "max_norm", "max_value": 0.5},
    }
    assert_equal(fused, fit, [{"regularisation": penalties, "optimizer": {"learning_rate": 0.2}}] * 2)


LOSSES: dict[str, dict[str, Any]] = {
    "one-hot": {"training": {"loss": {"name": "categorical_crossentropy", "label_smoothing": 0.1}}},
    "poisson": {"training": {"loss": "poisson"}},
    "hinge": {"training": {"loss": "categorical_hinge"}, "model": {"output": {"activation": "tanh"}}},
    "one unit": {
        "training": {"loss": "binary_crossentropy"},
        "data": {"classes": [3, 5], "limit": 60},
        "model": {"output": {"units": 1, "activation": "sigmoid"}},
    },
}


@pytest.mark.parametrize("kind", LOSSES)
def test_losses(fused: "Engine", fit: "Engine", kind: str) -> None:
    assert_equal(fused, fit, [LOSSES[kind]] * 2)


def test_phases(fused: "Engine", fit: "Engine") -> None:
    few = {"data": {"classes": [5, 6, 7, 8, 9], "limit": None, "per_class": 6}, "training": {"epochs": 1}}
    first = {"data": {"classes": [0, 1, 2, 3, 4], "per_class": 12}, "name": "first"}
    frozen = {"phases": [first, {"trainable": "head"}, {"training": {"epochs": 2}}]}
    reused = {"phases": [first, {"trainable": {"top": 1}, "reuse": 1, "schedule": "cosine"}]}
    assert_equal(fused, fit, [{**few, **frozen}, {**few, **reused}], tolerance=1e-5)


STRENGTHS: dict[str, list[dict[str, Any]]] = {
    "dropout": [{"dropout": rate} for rate in (0.1, 0.5)],
    "alpha dropout": [{"dropout": {"name": "AlphaDropout", "rate": rate}} for rate in (0.1, 0.3)],
    "penalties": [
        {"kernel_regularizer": {"name": "l1_l2", "l1": strength, "l2": 10 * strength}}
        for strength in (1e-3, 1e-2)
    ],
}


@pytest.mark.parametrize("kind", STRENGTHS)
def test_strengths_and_rates_differ_within_a_stack(fused: "Engine", fit: "Engine", kind: str) -> None:
    patches = [{"regularisation": patch} for patch in STRENGTHS[kind]]
    assert len(fused.stacks([run(patch) for patch in patches])) == 1
    assert_equal(fused, fit, patches)


def test_a_named_layer_keeps_its_own_penalty(fused: "Engine", fit: "Engine") -> None:
    own = {"name": "Dense", "units": 6, "activation": "relu", "kernel_regularizer": {"name": "l2", "l2": 0.5}}
    patches = [
        {
            "model": {"layers": [8, own]},
            "regularisation": {"kernel_regularizer": {"name": "l2", "l2": strength}},
        }
        for strength in (1e-4, 1e-2)
    ]
    assert_equal(fused, fit, patches)


def test_pairs_then_one_tower(fused: "Engine", fit: "Engine") -> None:
    """Two towers learn whether digits are the same; one of them, frozen, then helps to distinguish ten digits."""
    pairs: dict[str, Any] = {
        "name": "pairs",
        "data": {"pairs": 60, "limit": 80},
        "model": {"towers": 2, "joint": [4], "output": {"units": 1, "activation": "sigmoid"}},
        "training": {"loss": "binary_crossentropy", "epochs": 1},
    }
    after = {"data": {"skip": 80, "limit": None, "per_class": 5}, "trainable": "head"}
    normal = {"model": {"normalisation": "before"}, "regularisation": {"dropout": 0.2}}
    assert_equal(fused, fit, [{**normal, "phases": [pairs, {"name": "digits", **after}]}] * 2, tolerance=1e-5)
    alone = {"data": pairs["data"], "training": pairs["training"], "regularisation": {"dropout": 0.2}}
    assert_equal(fused, fit, [{**alone, "model": pairs["model"]}] * 2, tolerance=1e-5)


def test_layers_that_name_their_kernels_otherwise(fused: "Engine", fit: "Engine") -> None:
    layers = [
        {"name": "DepthwiseConv2D", "kernel_size": 3},
        {"name": "SeparableConv2D", "filters": 2, "kernel_size": 3},
    ]
    patch = {"model": {"layers": [*layers, "Flatten"]}, "training": {"epochs": 1}}
    assert_equal(fused, fit, [patch] * 2, tolerance=1e-5)


def test_layers_in_a_layer_of_ones_own_and_its_dropout(
    fused: "Engine", fit: "Engine", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seeds begin with other weights and drop other units; each does the same in both engines."""
    monkeypatch.setenv("DVC_ROOT", str(Path(__file__).parent.parent / "build"))
    layers = [{"name": "own_layers:Block", "units": 6}, {"units": 5}]
    patch = {"model": {"layers": layers}, "training": {"epochs": 2}}
    assert_equal(fused, fit, [patch] * 2, tolerance=1e-5)
    one, other = (train(fit, [run(patch, seed=seed)])[0] for seed in (0, 1))
    assert one.record.curves["loss"] != other.record.curves["loss"]


def test_replicates_that_test_other_rows(fused: "Engine", fit: "Engine") -> None:
    """Their parts differ in size, by a row in folds; what is tested is theirs too."""
    resamples = [
        *(Resample("folds", number, k=4) for number in (0, 3, 5)),
        Resample("splits", 0, test=0.31),
        Resample("splits", 1, test=0.31),
    ]
    patch = {"data": {"limit": 90, "validation": 41, "classes": [0, 1, 2]}}
    runs = [replace(run(patch, seed=seed), resample=resample) for seed, resample in enumerate(resamples)]
    together, alone = train(fused, runs), train(fit, runs)
    assert len({trained.record.metrics["test_accuracy"] for trained in together}) > 2
    for one, other in zip(together, alone, strict=True):
        assert_near(one, other)
        for name in ("test_loss", "test_accuracy"):
            assert one.record.metrics[name] == pytest.approx(other.record.metrics[name], rel=1e-5)
    assert {trained.record.engine.size for trained in together} == {len(runs)}, "and train as one stack"
