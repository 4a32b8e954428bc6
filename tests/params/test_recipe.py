from typing import Any

import pytest

from pipeline.params.expansion.resolve import canonical, validated
from pipeline.params.types.recipe import OptimizerSpec, Recipe
from pipeline.params.types.schedules import KerasSchedule, Power

from .cases import BASE, faults, recipe, study


def complaints(**patch: Any) -> list[str]:
    _, faults = validated({**BASE, **patch}, None)
    return [fault.sentence() for fault in faults]


def with_model(**keys: Any) -> dict[str, Any]:
    return {"model": {**BASE["model"], **keys}}


def with_training(**keys: Any) -> dict[str, Any]:
    return {"training": {**BASE["training"], **keys}}


def test_defaults_are_complete_and_plain() -> None:
    plain = canonical(recipe())
    assert plain["model"]["activation"] == {"name": "relu"}
    assert plain["model"]["output"] == {
        "activation": None,  # the task's
        "initializer": {"name": "GlorotUniform"},
        "units": None,
        "weights": True,
    }
    assert plain["data"]["scale"] is None  # that of the data
    assert plain["schedule"] == {"name": "constant"}
    assert plain["training"]["loss"] is None and plain["training"]["metrics"] is None
    assert plain["phases"] == []
    assert Recipe.model_validate(plain) == recipe()


def test_layers_take_their_canonical_form() -> None:
    layers = [
        64,
        {"filters": 8, "kernel_size": 3},
        "flatten",
        {"name": "max_pooling2d", "pool_size": 2},
        {"units": 5, "repeat": 2},
    ]
    plain = canonical(
        recipe(model={"layers": layers[1:2] + layers[3:4] + layers[2:3] + layers[:1] + layers[4:]})
    )
    assert plain["model"]["layers"] == [
        {"repeat": 1, "filters": 8, "kernel_size": [3, 3], "strides": [1, 1], "padding": "same"},
        {"name": "MaxPooling2D", "pool_size": 2},
        {"name": "Flatten"},
        {"repeat": 1, "units": 64},
        {"repeat": 2, "units": 5},
    ]


def test_a_layers_own_settings() -> None:
    layer = {"units": 5, "activation": "tanh", "dropout": 0, "normalisation": "none", "use_bias": False}
    (plain,) = canonical(recipe(model={"layers": [layer]}))["model"]["layers"]
    assert plain["activation"] == {"name": "tanh"}
    assert plain["dropout"] == {"name": "Dropout", "rate": 0.0, "where": "after"}
    assert plain["normalisation"] == []
    assert plain["use_bias"] is False


def test_spelling_does_not_matter() -> None:
    one = recipe(
        optimizer={"name": "SGD", "momentum": 1, "learning_rate": 1}, **with_model(activation="LeakyReLU")
    )
    other = recipe(
        **with_model(activation={"name": "leaky_relu"}),
        optimizer={"learning_rate": 1.0, "momentum": 1.0, "name": "sgd"},
    )
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("written", "places"), [("none", []), ("before", ["before"]), (["after", "input"], ["input", "after"])]
)
def test_normalisation_places(written: Any, places: list[str]) -> None:
    assert canonical(recipe(**with_model(normalisation=written)))["model"]["normalisation"] == places


def test_normalisation_with_arguments_of_keras() -> None:
    written = {"where": "before", "scale": False, "momentum": 1}
    read = canonical(recipe(**with_model(normalisation=written)))
    assert read["model"]["normalisation"] == {"where": ["before"], "scale": False, "momentum": 1.0}
    assert canonical(Recipe.model_validate(read)) == read


def test_an_output_without_weights() -> None:
    one, other = recipe(**with_model(output="none")), recipe(**with_model(output={"weights": False}))
    assert one == other and canonical(one)["model"]["output"]["activation"] is None


def test_schedules_ours_before_keras() -> None:
    assert recipe(schedule={"name": "Power", "steps": 500}).schedule == Power(steps=500.0)
    schedule = recipe(schedule={"name": "exponential_decay", "decay_steps": 10, "decay_rate": 0.5}).schedule
    assert isinstance(schedule, KerasSchedule)
    assert (schedule.name, schedule.arguments) == ("ExponentialDecay", {"decay_steps": 10, "decay_rate": 0.5})


def test_optimizer_arguments_are_separate_from_its_rate() -> None:
    optimizer = recipe(optimizer={"name": "sgd", "momentum": 0.9, "clipnorm": 1}).optimizer
    assert isinstance(optimizer, OptimizerSpec)
    assert (optimizer.learning_rate, optimizer.clipnorm, optimizer.arguments) == (
        1e-3,
        1.0,
        {"momentum": 0.9},
    )


WRONG: list[tuple[dict[str, Any], str]] = [
    (with_model(layers=[0]), "model.layers[0].units: must be at least 1; got 0"),
    (
        with_model(layers=[{"units": 8, "repeat": 10**6}]),
        "layers[0].repeat: must be at most 10000; got 1000000",
    ),
    (with_model(layers=[True]), "model.layers[0]: must be a number of units"),
    (with_model(layers=64), "model.layers: must be a list; got 64"),
    (with_model(layers=[{"units": 3, "unts": 2}]), "model.layers[0].unts: unknown key; allowed: "),
    (with_model(layers=[{"filters": 3}]), "model.layers[0].kernel_size: is missing"),
    (with_model(layers=["flaten"]), "Did you mean 'Flatten'?"),
    (with_model(layers=[{"name": "MaxPooling2D", "pol_size": 2}]), "Did you mean 'pool_size'?"),
    (with_model(layers=[{"name": "Dropout"}]), "model.layers[0].rate: is missing; Dropout requires it"),
    (
        with_model(layers=[{"name": "conv2d", "filters": 2, "kernel_size": 3, "activation": "rlu"}]),
        "'rlu' is not an activation",
    ),
    (with_model(activation="gelo"), "'gelo' is not an activation of Keras"),
    (
        with_model(activation={"name": "leaky_relu", "slope": 1}),
        "model.activation.slope: is not an argument of leaky_relu",
    ),
    (with_model(activation={"name": "leaky_relu", "negative_slope": "a"}), "must be a number; got 'a'"),
    (with_model(activation={"name": "gelu", "approximate": 1}), "must be true or false; got 1"),
    (with_model(activation=3), "must be the name of an activation, or a mapping with `name`; got 3"),
    (
        with_model(activation={"slope": 3}),
        "model.activation.name: must be the name of an activation; got nothing",
    ),
    (with_model(activation={"name": "relu", "name_": 3}), "is not an argument of relu"),
    (with_model(activation="nowhere:Gated"), "there is no nowhere.py in the project"),
    (with_model(normalisation=["before", "after"]), "before and after exclude each other"),
    (with_model(normalisation="befor"), "must be none, or some of input, before, after"),
    (with_model(normalisation={"where": "befor"}), "must be none, or some of input, before, after"),
    (with_model(normalisation={"where": "before", "scal": False}), "Did you mean 'scale'?"),
    (with_model(normalisation={"where": "before", "scale": 0}), "must be true or false; got 0"),
    (with_model(normalisation={"scale": False}), "normalisation.where: is missing: some of input, before,"),
    (with_model(normalisation={"where": "before", "axis": 1}), "normalisation.axis: is always the last"),
    (with_model(output="non"), "model.output: must be none, or a mapping of activation, initializer"),
    (with_model(use_bias="yes"), "model.use_bias: must be true or false; got 'yes'"),
    ({"optimizer": {"name": "nadm"}}, "Did you mean 'Nadam'?"),
    (
        {"optimizer": {"name": "sgd", "learning_rate": 0}},
        "optimizer.learning_rate: must be greater than 0; got 0",
    ),
    ({"optimizer": {"name": "sgd", "learning_rate": "1e-3"}}, "must be a number, or finder; got '1e-3'"),
    (
        {"optimizer": {"name": "sgd", "clipvalue": 1, "clipnorm": 1}},
        "clipvalue and clipnorm exclude each other",
    ),
    ({"optimizer": {"name": "sgd", "beta_1": 0.9}}, "optimizer.beta_1: is not an argument of SGD"),
    ({"schedule": "cosin"}, "Did you mean 'cosine'?"),
    (
        {"schedule": {"name": "piecewise", "boundaries": [5, 15], "factors": [1, 0.5]}},
        "must be one more than the boundaries, 3; got 2",
    ),
    (
        {"schedule": {"name": "piecewise", "boundaries": [15, 5], "factors": [1, 0.5, 0.1]}},
        "schedule.boundaries: must ascend",
    ),
    (
        {"schedule": {"name": "piecewise", "boundaries": [20], "factors": [1, 0.5]}},
        "must be below the 20 epochs",
    ),
    ({"schedule": {"name": "one_cycle", "up": 0.6, "down": 0.6}}, "at most 1 together"),
    ({"schedule": {"name": "plateau", "factor": 1.0}}, "schedule.factor: must be less than 1; got 1"),
    (
        {"schedule": {"name": "exponential", "per": "epochs"}},
        "must be one of epoch, step; got 'epochs'. Did you mean 'epoch'?",
    ),
    ({"regularisation": {"dropout": 1}}, "must be a fraction of at least 0 and below 1; got 1"),
    (
        {"regularisation": {"dropout": {"name": "AlphaDropout", "rate": -0.1}}},
        "regularisation.dropout.rate: must be a fraction",
    ),
    (
        {"regularisation": {"dropout": {"rate": 0.1, "name": "Dropout", "where": "around"}}},
        "must be one of before, after",
    ),
    (
        {"regularisation": {"dropout": "dropout"}},
        "regularisation.dropout.rate: is missing; Dropout requires it",
    ),
    ({"regularisation": {"kernel_regularizer": "l3"}}, "'l3' is not a regularizer"),
    (with_training(epochs=1.5), "training.epochs: must be a whole number; got 1.5"),
    (with_training(batch_size=0), "training.batch_size: must be at least 1; got 0"),
    (with_training(loss="crossentropy"), "is not a loss of Keras"),
    (
        with_training(early_stopping={"patience": -1}),
        "training.early_stopping.patience: must be at least 0; got -1",
    ),
    (with_training(early_stopping={"patience": 1, "monitor": "val_los"}), "Did you mean 'val_loss'?"),
    ({"data": {"scale": "standardize"}}, "Did you mean 'standardise'?"),
    ({"data": {"validation": -1}}, "must be a number of images, or a fraction between 0 and 1; got -1"),
    ({"data": {"validation": 0.0}}, "must be a number of images, or a fraction between 0 and 1; got 0.0"),
    ({"data": {"classes": [1, 1]}}, "data.classes: must be distinct; got [1, 1]"),
    ({"data": {"classes": [1]}}, "data.classes: must be at least 2 long; got [1]"),
    ({"data": {"limit": 10, "per_class": 2}}, "limit and per_class exclude each other"),
    (
        with_model(output={"units": 1}) | with_training(loss="sparse_categorical_crossentropy"),
        "SparseCategoricalCrossentropy needs an output per class",
    ),
    (
        with_model(output={"units": 1, "activation": "softmax"}),
        "softmax over one output is always 1",
    ),
    (
        with_model(output={"units": 1, "activation": "tanh"}) | with_training(loss="binary_crossentropy"),
        "needs sigmoid; got 'tanh'",
    ),
    ({"phases": [{"training": {"epochs": 0}}]}, "phases[0].training.epochs: must be at least 1; got 0"),
    (
        {"phases": [{"trainable": "tail"}]},
        "phases[0].trainable: must be all, head, {top: k}, {only: [block, ...]} or {layers: [name, ...]}",
    ),
    (
        {"phases": [{}, {"trainable": {"top": 3}}]},
        "phases[1].trainable: needs 3 hidden blocks; the model has 2",
    ),
    ({"phases": [{}, {"trainable": {"only": [2]}}]}, "needs 3 hidden blocks; the model has 2"),
    ({"phases": [{}, {"reuse": 4}]}, "phases[1].reuse: needs 4 hidden blocks; the model has 2"),
    ({"phases": [{"epochs": 3}]}, "phases[0].epochs: unknown key"),
    ({"model": None}, "model: must be a mapping of layers, activation"),
    (
        {"modell": {}},
        "modell: unknown key; allowed: data, model, optimizer, schedule, regularisation, training, phases. D",
    ),
]


@pytest.mark.parametrize(("patch", "expected"), WRONG)
def test_each_fault_is_named(patch: dict[str, Any], expected: str) -> None:
    sentences = complaints(**patch)
    assert len(sentences) == 1, sentences
    assert expected in sentences[0]


def test_all_faults_come_at_once() -> None:
    patch = {
        "model": {"layers": [0, "dens"], "activation": "rlu", "foo": 1},
        "optimizer": {"name": "sgd", "learning_rate": -1, "beta_1": 0.9, "nestrov": True},
        "training": {"epochs": 0, "batchsize": 3},
        "data": {"limit": 0},
    }
    assert len(complaints(**patch)) == 10


def test_one_sigmoid_output_for_two_classes_is_fine() -> None:
    patch = with_model(output={"units": 1, "activation": "sigmoid"}) | with_training(
        loss="binary_crossentropy"
    )
    assert complaints(**patch, data={"classes": [5, 6]}) == []


def test_what_a_layer_names_in_its_arguments_is_checked_too() -> None:
    layer = {
        "name": "Dense",
        "units": 3,
        "kernel_regularizer": {"name": "l3"},
        "activation": {"name": "elu", "beta": 1.0},
    }
    first, second = complaints(**with_model(layers=[layer]))
    assert first.startswith("model.layers[0].kernel_regularizer.name: 'l3' is not a regularizer")
    assert second.startswith("model.layers[0].activation.beta: is not an argument of elu")


ONE_UNIT = {"output": {"units": 1, "activation": "sigmoid"}}
BINARY = {"epochs": 1, "loss": "binary_crossentropy"}


@pytest.mark.parametrize(
    ("patch", "expected"),
    [
        (
            {"data": {"pairs": 3}},
            "base.data.pairs: must be even, since half of the pairs are of one class; got 3",
        ),
        ({"model": {"towers": 2}}, "base.model.towers: two towers take pairs of images; set their number"),
        (
            {"model": {"joint": [4]}},
            "base.model.joint: joins two towers, but the model has one; set model.towers: 2",
        ),
        ({"model": {"towers": 3}}, "base.model.towers: must be one of 1, 2; got 3."),
        (
            {"data": {"pairs": 4}, "model": {"layers": ["flatten", 4]}},
            "base.data.pairs: one tower takes a pair as one flat vector, which only dense layers accept",
        ),
        (
            {
                "data": {"pairs": 4},
                "model": {"output": {"units": 1}},
                "training": {"loss": "categorical_crossentropy"},
            },
            "base.training.loss: ",
        ),
    ],
)
def test_pairs_that_make_no_sense(patch: dict[str, Any], expected: str) -> None:
    raw = study({key: {**BASE.get(key, {}), **patch.get(key, {})} for key in {*BASE, *patch}})
    assert any(fault.startswith(expected) for fault in faults(raw)), faults(raw)


def test_pairs_are_of_two_classes_whatever_the_data() -> None:
    two = {
        **BASE,
        "data": {"pairs": 40},
        "model": {"layers": [4], "towers": 2, **ONE_UNIT},
        "training": BINARY,
    }
    assert faults(study(two)) == []
    phases = [{"data": {"pairs": 40}, "model": {"towers": 2, **ONE_UNIT}, "training": BINARY}, {}]
    assert faults(study({**BASE, "phases": phases})) == []
