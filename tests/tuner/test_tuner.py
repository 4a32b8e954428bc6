"""Keras Tuner's own idioms, with one class name changed."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from pipeline.tuner import BayesianOptimization, FusedTuner, GridSearch, RandomSearch
from pipeline.tuner import tuner as module
from pipeline.tuner.request import read_request
from pipeline.tuner.stack import fusible, train_together

# Keras Tuner's own `load_model` reads weights saved with an optimizer into a model whose optimizer is not built.
pytestmark = pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")


def images(count: int = 120) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, count)
    return (generator.normal(0, 0.5, (count, 6)) + np.eye(6)[labels] * 2).astype("float32"), labels


X, Y = images()
DATA = {"x": X[:80], "y": Y[:80], "validation_data": (X[80:], Y[80:])}


def build(hp: Any) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(hp.Choice("units", [4, 8]), activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture
def stacks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the stacks that were trained together."""
    sizes: list[int] = []

    def spy(stack: Any, *rest: Any) -> Any:
        sizes.append(len(stack))
        return train_together(stack, *rest)

    monkeypatch.setattr(module, "train_together", spy)
    return sizes


@pytest.mark.parametrize("kind", [RandomSearch, BayesianOptimization])
def test_a_search_with_one_class_name_changed(kind: Any, tmp_path: Path, stacks: list[int]) -> None:
    tuner = kind(build, "val_accuracy", max_trials=6, seed=1, directory=tmp_path)
    tuner.search(**DATA, epochs=3, verbose=0)
    trials = tuner.oracle.get_best_trials(10)
    assert len(trials) == 6
    assert sum(stacks) == 6 and len(stacks) <= 2  # one stack for each number of units
    (best,) = tuner.get_best_models(1)
    assert best.evaluate(X[80:], Y[80:], verbose=0)[1] == pytest.approx(trials[0].score, abs=1e-6)
    assert tuner.get_best_hyperparameters(1)[0].get("units") in (4, 8)


def test_an_oracle_and_executions_and_positional_arguments(tmp_path: Path, stacks: list[int]) -> None:
    oracle = keras_tuner.oracles.RandomSearchOracle(OBJECTIVE, max_trials=3, seed=2)
    tuner = FusedTuner(oracle, build, executions_per_trial=2, directory=tmp_path)
    tuner.search(X, Y, 16, 2, validation_split=0.25, verbose=0)
    assert len(tuner.oracle.get_best_trials(5)) == 3
    assert sum(stacks) == 6


def test_a_grid_search_ends_with_its_grid(tmp_path: Path) -> None:
    def two(hp: Any) -> keras.Model:
        hp.Fixed("rate", 0.01)
        return build(hp)

    tuner = GridSearch(two, "val_loss", max_trials=10, directory=tmp_path)
    tuner.search(**DATA, epochs=1, verbose=0)
    assert len(tuner.oracle.get_best_trials(10)) == 2


def test_fused_figures_are_those_of_fit() -> None:
    """One batch an epoch, so that the order of images does not matter."""
    request = read_request([], {**DATA, "epochs": 3, "batch_size": 80})
    assert request is not None
    space = keras_tuner.HyperParameters()
    models = [build(space), build(space)]
    models[1].optimizer.learning_rate = 0.03
    starts = [model.get_weights() for model in models]
    stack = [fusible(str(n), 0, model, request, OBJECTIVE) for n, model in enumerate(models)]
    figures = train_together([each for each in stack if each], request, OBJECTIVE)
    for model, start, figure, rate in zip(models, starts, figures, (1e-3, 0.03), strict=True):
        model.set_weights(start)
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(**DATA, batch_size=80, epochs=3, verbose=0, shuffle=False).history
        epoch = int(np.argmax(history["val_accuracy"]))
        assert figure == pytest.approx({name: values[epoch] for name, values in history.items()}, abs=1e-5)


def test_one_hot_labels_and_early_stopping(tmp_path: Path, stacks: list[int]) -> None:
    def one_hot(hp: Any) -> keras.Model:
        model = build(hp)
        model.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(), metrics=["accuracy"])
        return model

    tuner = RandomSearch(one_hot, "val_loss", max_trials=4, seed=0, directory=tmp_path)
    rows = np.eye(3)[Y]
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1)
    tuner.search(X, rows, epochs=4, validation_split=0.3, callbacks=[stop], verbose=0)
    assert sum(stacks) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"callbacks": [keras.callbacks.TerminateOnNaN()]},
        {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}},
        {"y": Y[:80].astype("float32")},
    ],
)
def test_what_cannot_be_fused_trains_as_keras_tuner_would(
    change: Any, tmp_path: Path, stacks: list[int]
) -> None:
    tuner = RandomSearch(build, "val_accuracy", max_trials=2, seed=1, directory=tmp_path)
    tuner.search(**{**DATA, **change}, epochs=1, verbose=0)
    assert len(tuner.oracle.get_best_trials(5)) == 2
    assert stacks == []


def test_models_of_different_graphs_never_share_a_stack() -> None:
    request = read_request([], {**DATA, "epochs": 1})
    assert request is not None

    def signature(change: Any) -> str:
        space = keras_tuner.HyperParameters()
        space.Fixed("units", 4)
        model = build(space)
        change(model)
        fused = fusible("", 0, model, request, OBJECTIVE)
        assert fused is not None
        return fused.signature

    plain = signature(keras.Model.get_config)
    assert signature(lambda model: setattr(model.optimizer, "learning_rate", 0.5)) == plain
    assert signature(lambda model: model.compile(keras.optimizers.Adam(beta_1=0.8), model.loss)) != plain
    assert signature(lambda model: model.compile(keras.optimizers.SGD(), model.loss)) != plain
    assert signature(lambda model: setattr(model.layers[0], "trainable", False)) != plain
