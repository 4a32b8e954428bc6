"""The estimated work of a phase, against closed forms, real labels and real models."""

from math import prod
from pathlib import Path
from typing import Any

import pytest
from kit import recipe

from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.data.prepare import load
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import DataSpec
from pipeline.planning.cost import UNKNOWN_LAYERS, Work, graphs, image_counts, parts_of, work
from pipeline.planning.learning_rates import training_rows

MNIST = CATALOGUE["mnist"]
DENSE = 784 * 8 + 8 * 4 + 4 * 10  # the multiplications of `recipe()` on MNIST
WHOLE = {"limit": None, "validation": None}


def estimated(patch: dict[str, Any], folds: int | None = None) -> list[Work]:
    return [work(phase, MNIST, folds) for phase in phases_of(recipe(patch))]


@pytest.mark.parametrize(
    ("data", "folds", "expected"),
    [
        ({}, None, (55_000, 5_000)),
        ({"validation": 6_000}, None, (54_000, 6_000)),
        ({"validation": 0.25}, None, (45_000, 15_000)),
        ({"classes": [5, 6]}, None, (11_000, 1_000)),
        ({"skip": 50_000}, None, (5_000, 5_000)),
        ({"limit": 200}, None, (200, 5_000)),
        ({"classes": [0, 1, 2], "skip": 500, "limit": 20_000}, None, (16_000, 1_500)),
        ({"classes": [0, 1, 2], "per_class": 7}, None, (21, 1_500)),
        ({"per_class": 7}, None, (70, 5_000)),
        ({"limit": 200, "pairs": 3_000}, None, (3_000, 5_000)),
        ({"skip": 60_000}, None, (1, 5_000)),
        ({"validation": 0.25}, 5, (48_000, 12_000)),
    ],
)
def test_images_that_train_and_validate(
    data: dict[str, Any], folds: int | None, expected: tuple[int, int]
) -> None:
    assert image_counts(DataSpec.model_validate(data), MNIST, folds) == expected


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"classes": [1, 4, 7], "skip": 40},
        {"validation": 0.5, "split": "random", "classes": [0, 9]},
        {"per_class": 11, "classes": [0, 9]},
        {"limit": 77, "pairs": 400},
    ],
    ids=str,
)
def test_images_are_about_those_that_a_split_of_real_labels_leaves(
    project: Path, data: dict[str, Any]
) -> None:
    spec, digits = DataSpec.model_validate(data), CATALOGUE["digits"]
    real = training_rows(spec, load("digits", project), split_seed=1)
    assert image_counts(spec, digits)[0] == pytest.approx(real, rel=0.05)


def test_a_dense_net_takes_three_passes_to_train_and_one_to_validate() -> None:
    (phase_work,) = estimated({"data": WHOLE, "training": {"epochs": 3, "batch_size": 32}})
    assert phase_work == Work(3 * 1719, 3 * (6 * 55_000 + 2 * 5_000) * DENSE, 0)
    (phase_work,) = estimated({"data": {"limit": 90, "validation": 40}})
    assert phase_work == Work(2 * 6, 2 * (6 * 90 + 2 * 40) * DENSE, 0)


def test_every_phase_has_its_own_images_epochs_batches_and_outputs() -> None:
    first, second = estimated(
        {
            "data": {**WHOLE, "classes": [5, 6], "limit": 100},
            "phases": [
                {"data": {"classes": [0, 1, 2, 3, 4, 7, 8, 9], "limit": None}, "training": {"epochs": 5}},
                {"trainable": "head", "training": {"epochs": 7, "batch_size": 10}},
            ],
        }
    )
    hidden = 784 * 8 + 8 * 4
    assert first == Work(5 * 44_000 // 16, 5 * (6 * 44_000 + 2 * 4_000) * (hidden + 4 * 8), 0)
    assert second == Work(7 * 10, 7 * (2 * 1_100 * hidden + (6 * 100 + 2 * 1_000) * 4 * 2), 0)


@pytest.mark.parametrize(
    ("trainable", "frozen"),
    [
        ("all", 0),
        ("head", 784 * 8 + 8 * 4),
        ({"top": 1}, 784 * 8),
        ({"only": [0]}, 0),
        ({"only": [1]}, 784 * 8),
    ],
    ids=str,
)
def test_frozen_blocks_only_take_forward_passes(trainable: Any, frozen: int) -> None:
    (phase_work,) = estimated({"phases": [{"trainable": trainable}]})
    assert phase_work.dense == 2 * (2 * 130 * frozen + (6 * 90 + 2 * 40) * (DENSE - frozen))


def test_cached_features_are_computed_once() -> None:
    (phase_work,) = estimated(
        {"phases": [{"trainable": "head", "cache_features": True, "training": {"epochs": 50}}]}
    )
    assert phase_work.dense == 2 * 130 * (784 * 8 + 8 * 4) + 50 * (6 * 90 + 2 * 40) * 4 * 10


def test_two_towers_take_twice_as_much_and_what_joins_them_once() -> None:
    pairs = {"data": {"limit": None, "pairs": 1_000, "validation": 5_000}, "training": {"epochs": 1}}
    towers = {"towers": 2, "joint": [5, 3], "output": {"units": 1, "activation": "sigmoid"}}
    loss = {"epochs": 1, "loss": "binary_crossentropy"}
    (two,) = estimated({**pairs, "model": towers, "training": loss})
    one = 784 * 8 + 8 * 4
    assert two == Work(63, (6 * 1_000 + 2 * 5_000) * (2 * one + 8 * 5 + 5 * 3 + 3), 0)
    (flat,) = estimated(pairs)
    assert flat.dense == (6 * 1_000 + 2 * 5_000) * (2 * 784 * 8 + 8 * 4 + 4 * 2), (
        "a pair as one vector, same or not"
    )


def test_convolutions_are_counted_apart() -> None:
    layers = [
        {"filters": 16, "kernel_size": 3},
        "MaxPooling2D",
        {"filters": 32, "kernel_size": [3, 5]},
        "flatten",
        64,
    ]
    (phase_work,) = estimated({"model": {"layers": layers}})
    times = 2 * (6 * 90 + 2 * 40)
    assert phase_work.convolved == times * (28 * 28 * 9 * 16 + 14 * 14 * 15 * 16 * 32)
    assert phase_work.dense == times * (14 * 14 * 32 * 64 + 64 * 10)


@pytest.mark.parametrize("size", ["a", [], [2], 0, -1, 2.5, {}], ids=str)
@pytest.mark.parametrize("argument", ["pool_size", "strides"])
def test_a_layer_that_keras_would_refuse_changes_nothing(argument: str, size: Any) -> None:
    layers = [{"name": "MaxPooling2D", argument: size}, 5]
    hidden, _ = parts_of(recipe({"model": {"layers": layers}}).model, (28, 28), 10)
    assert [part.multiplications for part in hidden] == [0, 28 * 28 * 5]


NETS: dict[str, dict[str, Any]] = {
    "strides and valid padding": {
        "layers": [
            {"filters": 4, "kernel_size": [3, 2], "padding": "valid", "repeat": 2},
            {"filters": 6, "kernel_size": 5, "strides": [2, 3]},
            {"name": "AveragePooling2D", "pool_size": 3, "padding": "same"},
            {"name": "MaxPooling2D", "pool_size": [2, 1], "strides": 1},
            7,
        ]
    },
    "pooled to one number a filter": {
        "layers": [{"filters": 5, "kernel_size": 3}, "GlobalAveragePooling2D", 4]
    },
    "no hidden layer": {"layers": []},
    "two towers of convolutions": {
        "layers": [{"filters": 3, "kernel_size": 3}, "MaxPooling2D", {"units": 6, "repeat": 2}],
        "towers": 2,
        "joint": [4],
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("net", NETS)
def test_multiplications_are_those_of_the_model_that_keras_builds(net: str) -> None:
    from pipeline.build.model import build_model

    towers = NETS[net].get("towers", 1)
    spec = recipe({"model": NETS[net], "data": {"pairs": 10} if towers == 2 else {}})
    hidden, top = parts_of(spec.model, (28, 28), 10)
    model = build_model(spec, (2, 28, 28, 1) if towers == 2 else (28, 28, 1), 10)
    layers = [layer for layer in model.layers if getattr(layer, "kernel", None) is not None]
    real = [prod(layer.kernel.shape) * prod(layer.output.shape[1:-1]) for layer in layers]
    assert sum(part.multiplications for part in hidden + top) == sum(real)
    convolved = [count for layer, count in zip(layers, real, strict=True) if "conv" in layer.name]
    assert sum(part.multiplications for part in hidden if part.convolves) == sum(convolved)


def test_colours_and_data_sets_of_ones_own_count_as_they_are() -> None:
    own = Dataset("mine:Colours", (4, 6, 3), ("a", "b"), 50, 10, {}, validation=10)
    (phase,) = phases_of(recipe({"data": WHOLE, "model": {"layers": [{"filters": 2, "kernel_size": 1}]}}))
    phase_work = work(phase, own)
    times = 2 * (6 * 40 + 2 * 10)
    assert phase_work == Work(2 * 3, times * 48 * 2, times * 24 * 3 * 2)


@pytest.mark.parametrize(
    ("layers", "expected"), [([8], 0.875), ([8, 4], 1.0), ([{"units": 8, "repeat": 101}], 13.375)]
)
def test_a_graph_takes_longer_the_more_layers_it_has(layers: list[Any], expected: float) -> None:
    (phase,) = phases_of(recipe({"model": {"layers": layers}}))
    assert graphs(phase) == pytest.approx(expected)


def test_a_built_model_counts_its_layers_once_they_are_known() -> None:
    (phase,) = phases_of(recipe({"model": {"application": "MobileNetV3Small"}}))
    assert graphs(phase) == graphs(phase, {}) == graphs(phase, {"layers": [{}] * UNKNOWN_LAYERS})
    assert graphs(phase, {"layers": [{}] * 101}) == pytest.approx(13.375)
