"""Keras Tuner's own idioms, with one class name changed: what comes out is what Keras Tuner gives."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest

from pipeline.engine.fused.trainer import Programs
from pipeline.tuner import FusedTuner, RandomSearch
from pipeline.tuner import stack as stack_module
from pipeline.tuner.request import read_request
from pipeline.tuner.stack import fusible, train_together
from tests.tuner.kit import DATA, KINDS, Build, X, Y, build, facts, make, net, searched

# Keras Tuner's own `load_model` reads weights saved with an optimizer into a model whose optimizer is not built.
pytestmark = pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
COLUMN = {**DATA, "y": Y[:80, None], "validation_data": (X[80:], Y[80:, None])}
ONE_HOT = {**DATA, "y": np.eye(3)[Y[:80]], "validation_data": (X[80:], np.eye(3)[Y[80:]])}


def models_fused(tuner: Any) -> int:
    return sum(map(len, tuner.stacks))


@pytest.mark.parametrize("data", [DATA, COLUMN])
def test_a_search_with_one_class_name_changed(data: Any, tmp_path: Path) -> None:
    tuner = searched(make("RandomSearch", build, tmp_path), **data, epochs=3)
    trials = tuner.oracle.get_best_trials(10)
    assert len(trials) == 6
    assert models_fused(tuner) == 6 and len(tuner.stacks) == 2  # one stack for each number of units
    assert {trial for stack in tuner.stacks for trial in stack} == set(tuner.oracle.trials)
    for trial in trials:
        accuracy = tuner.load_model(trial).evaluate(X[80:], Y[80:], verbose=0)[1]
        assert accuracy == pytest.approx(trial.score, abs=1e-6)
    assert tuner.get_best_hyperparameters(1)[0].get("units") in (4, 8)


def test_an_oracle_and_executions_and_positional_arguments(tmp_path: Path) -> None:
    oracle = keras_tuner.oracles.RandomSearchOracle(OBJECTIVE, max_trials=3, seed=2)
    tuner = FusedTuner(oracle, build, executions_per_trial=2, directory=tmp_path)
    tuner.search(X, Y, 16, 2, validation_split=0.25, verbose=0)
    assert len(tuner.oracle.get_best_trials(5)) == 3
    assert models_fused(tuner) == 6


def deeper(hp: Any) -> keras.Model:
    """Return a net that never learns; it asks for a width for each layer, some unknown until a trial has as many."""
    count = hp.Int("layers", 1, 2)
    widths = [hp.Int(f"units_{number}", 3, 4) for number in range(count)]
    hidden = [keras.layers.Dense(width, kernel_initializer="ones") for width in widths]
    outputs = keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")
    return net(*hidden, outputs=outputs, optimizer=keras.optimizers.SGD(0.0 * hp.Float("rate", 1, 2, step=1)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_trials_are_those_that_keras_tuner_would_try(kind: str, tmp_path: Path) -> None:
    """Scores are equal in both, and the next proposals depend on them."""
    own, plain = (searched(make(kind, deeper, tmp_path / str(n), plain=n == 1)) for n in range(2))
    assert len(facts(own)) >= 6
    assert facts(own) == facts(plain)
    assert [t.score for t in own.oracle.trials.values()] == pytest.approx(
        [t.score for t in plain.oracle.trials.values()]
    )
    assert own.stacks


def test_hyperband_goes_on_where_a_trial_ended(tmp_path: Path) -> None:
    tuner = searched(make("Hyperband", build, tmp_path, max_epochs=4, factor=2))
    later = [t for t in tuner.oracle.trials.values() if t.hyperparameters.values.get("tuner/round")]
    assert later and all(trial.status == "COMPLETED" for trial in later)
    for trial in later:
        values = trial.hyperparameters.values
        assert (
            values["tuner/initial_epoch"]
            <= trial.best_step + values["tuner/initial_epoch"]
            < values["tuner/epochs"]
        )
    rounds = [
        {
            tuple(
                tuner.oracle.trials[trial].hyperparameters.values[f"tuner/{part}"]
                for part in ("bracket", "round")
            )
        }
        for stack in tuner.stacks
        for trial in stack
    ]
    assert rounds and all(len(of_stack) == 1 for of_stack in rounds)


def test_a_grid_compiles_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rates(hp: Any) -> keras.Model:
        return net(
            keras.layers.Dense(4), optimizer=keras.optimizers.SGD(hp.Choice("rate", [0.1, 0.2, 0.3, 0.4]))
        )

    compiled = []
    plain = stack_module._program
    monkeypatch.setattr(stack_module, "_program", lambda *given: compiled.append(given) or plain(*given))
    tuner = searched(make("GridSearch", rates, tmp_path, max_trials=None))
    assert tuner.stacks == [("0000", "0001", "0002", "0003")]
    assert len(compiled) == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_gaussian_process_learns_from_all_trials_before(tmp_path: Path) -> None:
    tuner = make("BayesianOptimization", build, tmp_path, max_trials=9, num_initial_points=5)
    completed = []
    plain = tuner.oracle.gpr.fit
    tuner.oracle.gpr.fit = lambda x, y: completed.append(len(y)) or plain(x, y)
    searched(tuner)
    assert tuner.error is None
    assert completed == [5, 6, 7, 8]
    assert max(map(len, tuner.stacks)) > 1


def without_order(count: int, *_: Any) -> Any:
    return np.arange(count, dtype=np.int32)


L2, SELU = "l2", {"activation": "selu", "kernel_initializer": "lecun_normal"}
HALVING = keras.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
RECIPES: dict[str, Build] = {
    "plain": build,
    "penalty and clipping": lambda _: net(
        keras.layers.Dense(5, kernel_regularizer=L2), optimizer=keras.optimizers.Nadam(0.02, clipnorm=0.1)
    ),
    "batch normalisation": lambda _: net(keras.layers.Dense(5), keras.layers.BatchNormalization()),
    "constraint": lambda _: net(keras.layers.Dense(5, kernel_constraint="max_norm", **SELU)),
    "schedule and momentum": lambda _: net(
        keras.layers.Dense(5, "tanh"), optimizer=keras.optimizers.SGD(HALVING, momentum=0.9, nesterov=True)
    ),
    "decay of weights": lambda _: net(keras.layers.Dense(5), optimizer=keras.optimizers.AdamW(0.01)),
}


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("validated", [True, False])
def test_fused_is_fit(recipe: str, validated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Histories are those of `fit`, the last batch of an epoch smaller than the others."""
    keras.utils.set_random_seed(0)  # of any beginnings, some have a row on the border between two classes
    monkeypatch.setattr(stack_module, "_order", without_order)
    data = {**DATA, "epochs": 3, "batch_size": 32} if validated else {"x": X, "y": Y, "epochs": 3}
    request = read_request([], data)
    objective = OBJECTIVE if validated else keras_tuner.Objective("accuracy", "max")
    assert request is not None
    models = [RECIPES[recipe](keras_tuner.HyperParameters()) for _ in range(2)]
    if recipe == "plain":
        models[1].optimizer.learning_rate = 0.03
    starts = [model.get_weights() for model in models]
    settings = [model.optimizer.get_config() for model in models]
    stack = [fusible(str(n), 0, model, request, objective) for n, model in enumerate(models)]
    train_together([execution for execution in stack if execution], Programs())
    for model, start, setting in zip(models, starts, settings, strict=True):
        fused = model.fit(callbacks=[]).history
        steps = int(model.optimizer.iterations)
        model.set_weights(start)
        model.compile(type(model.optimizer).from_config(setting), model.loss, metrics=["accuracy"])
        history = model.fit(**data, verbose=0, shuffle=False).history
        assert list(fused) == list(history)
        for name, values in history.items():
            assert fused[name] == pytest.approx(values, abs=1e-4)
        assert steps == (1 + int(np.argmax(history[objective.name]))) * (3 if validated else 4)


@pytest.mark.parametrize("labels", ["classes", "column"])
def test_two_classes_with_one_output(labels: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_module, "_order", without_order)
    y = (Y > 0).astype("int64")
    data = {"x": X, "y": y if labels == "classes" else y[:, None], "validation_split": 0.25, "epochs": 2}
    request = read_request([], data)
    assert request is not None
    models = [keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")]) for _ in range(2)]
    for model in models:
        model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    starts = [model.get_weights() for model in models]
    stack = [fusible(str(n), 0, model, request, OBJECTIVE) for n, model in enumerate(models)]
    train_together([execution for execution in stack if execution], Programs())
    fused = models[0].fit(callbacks=[]).history
    models[0].set_weights(starts[0])
    models[0].compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    history = models[0].fit(**data, verbose=0, shuffle=False).history
    for name, values in history.items():
        assert fused[name] == pytest.approx(values, abs=1e-5)


def test_early_stopping_is_kerass(tmp_path: Path) -> None:
    """Some trials stop early and others go on; each has the history that its own copy of the callback allows."""
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=0, min_delta=0.2)
    tuner = make("RandomSearch", build, tmp_path)
    lengths = {}
    plain = tuner.hypermodel.fit
    ended = tuner.oracle.update_trial
    tuner.oracle.update_trial = lambda trial, metrics, step: (
        lengths.update({trial: step}) or ended(trial, metrics, step)
    )
    searched(tuner, epochs=6, callbacks=[stop])
    assert plain == tuner.hypermodel.fit
    assert models_fused(tuner) == 6
    assert len(set(lengths.values())) > 1


def test_best_step_and_metrics_are_those_of_the_history(tmp_path: Path) -> None:
    tuner = searched(make("RandomSearch", build, tmp_path), epochs=5)
    trials = tuner.oracle.trials.values()
    assert any(trial.best_step > 0 for trial in trials)
    assert all(
        set(trial.metrics.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"} for trial in trials
    )


def test_several_objectives_and_one_hot_labels(tmp_path: Path) -> None:
    def one_hot(hp: Any) -> keras.Model:
        model = build(hp)
        model.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(), metrics=["acc"])
        return model

    tuner = searched(make("RandomSearch", one_hot, tmp_path, objective=["val_acc", "val_loss"]), **ONE_HOT)
    assert tuner.error is None and models_fused(tuner) >= 4


@pytest.mark.parametrize(
    ("error", "bearable", "retries"),
    [
        (ValueError, 9, 0),
        (ValueError, 9, 1),
        (ValueError, 2, 0),
        (keras_tuner.errors.FailedTrialError, 1, 0),
        (keras_tuner.errors.FatalError, 9, 0),
    ],
)
def test_a_build_that_raises(error: Any, bearable: int, retries: int, tmp_path: Path) -> None:
    def build_some(hp: Any) -> keras.Model:
        if hp.Int("units", 1, 40) > 20:
            raise error("too large")
        return net(keras.layers.Dense(hp.get("units"), kernel_initializer="ones"), optimizer="sgd")

    limits = {"max_consecutive_failed_trials": bearable, "max_retries_per_trial": retries}
    own, plain = (
        searched(make("RandomSearch", build_some, tmp_path / str(n), plain=n == 1, seed=3, **limits))
        for n in range(2)
    )
    assert any(trial.status != "COMPLETED" for trial in plain.oracle.trials.values())
    assert own.error == plain.error
    assert facts(own) == facts(plain)


def test_a_build_is_called_once_for_each_model(tmp_path: Path) -> None:
    calls = []

    def counted(hp: Any) -> keras.Model:
        calls.append(hp.Choice("kind", ["fused", "custom"]))
        loss = "sparse_categorical_crossentropy" if calls[-1] == "fused" else (lambda _, p: keras.ops.mean(p))
        model = build(hp)
        model.compile("sgd", loss, metrics=["accuracy"])
        return model

    tuner = make("RandomSearch", counted, tmp_path, seed=5)
    calls.clear()
    searched(tuner)
    assert set(calls) == {"fused", "custom"} and len(calls) == 6
    assert len(tuner.oracle.get_best_trials(9)) == 6


def test_the_size_of_models_is_limited(tmp_path: Path) -> None:
    tuner = make("RandomSearch", build, tmp_path, max_model_size=50, max_consecutive_failed_trials=20)
    searched(tuner)
    statuses = {(t.hyperparameters.get("units"), t.status) for t in tuner.oracle.trials.values()}
    assert statuses == {(4, "COMPLETED"), (8, "FAILED")}
    assert tuner.stacks


def test_the_tuners_own_optimizer_loss_and_metrics(tmp_path: Path) -> None:
    """An optimizer that moves nothing leaves the scores where they were."""
    still = keras.optimizers.SGD(0.0)
    settings = {"optimizer": still, "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    own = searched(make("RandomSearch", build, tmp_path, **settings), epochs=3)
    assert own.stacks
    assert {trial.best_step for trial in own.oracle.trials.values()} == {0}


def gain(hp: Any) -> keras.Model:
    factor = hp.Choice("factor", [0.0, 1.0])
    hp.Int("other", 0, 100)

    class Gain(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * factor

    return net(Gain(), keras.layers.Dense(4), optimizer=keras.optimizers.Adam(0.05))


def test_a_number_in_a_closure_parts_stacks(tmp_path: Path) -> None:
    tuner = searched(make("RandomSearch", gain, tmp_path, max_trials=8), epochs=8)
    values = [{tuner.oracle.trials[trial].hyperparameters.get("factor") for trial in s} for s in tuner.stacks]
    assert values and all(len(factors) == 1 for factors in values)
    scores = {t.hyperparameters.get("factor"): t.score for t in tuner.oracle.trials.values()}
    assert scores[0.0] < 0.6 < scores[1.0]


class Slow(keras.optimizers.SGD):
    """An optimizer that cannot be made from its configuration."""

    def __init__(self, brake: float) -> None:
        super().__init__(0.1)
        self.brake = brake


def global_noise(_: Any) -> keras.Model:
    class Noise(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + keras.random.normal(keras.ops.shape(inputs))

    return net(Noise())


def half_precision(hp: Any) -> keras.Model:
    model = build(hp)
    inner = keras.optimizers.SGD(0.1)
    model.compile(keras.optimizers.LossScaleOptimizer(inner), model.loss, metrics=["accuracy"])
    return model


def summed_loss(hp: Any) -> keras.Model:
    model = build(hp)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(reduction="sum"), metrics=["accuracy"])
    return model


def own_loop(_: Any) -> keras.Model:
    class Own(keras.Model):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    inputs = keras.Input((6,))
    model = Own(inputs, keras.layers.Dense(3, "softmax")(inputs))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


UNFUSED: dict[str, Build] = {
    "own optimizer": lambda _: net(optimizer=Slow(2.0)),
    "random numbers from elsewhere": global_noise,
    "scaled loss": half_precision,
    "sum of losses": summed_loss,
    "own training step": own_loop,
    "more metrics": lambda hp: _compiled(hp, metrics=["accuracy", "mse"]),
    "weighted metrics": lambda hp: _compiled(hp, metrics=["accuracy"], weighted_metrics=["accuracy"]),
    "eager": lambda hp: _compiled(hp, metrics=["accuracy"], run_eagerly=True),
    "averaged weights": lambda _: net(optimizer=keras.optimizers.SGD(use_ema=True)),
}


def _compiled(hp: Any, **arguments: Any) -> keras.Model:
    model = build(hp)
    model.compile("sgd", "sparse_categorical_crossentropy", **arguments)
    return model


@pytest.mark.parametrize("kind", UNFUSED)
def test_what_is_not_fused_is_keras_tuners(kind: str, tmp_path: Path) -> None:
    def varied(hp: Any) -> keras.Model:
        hp.Int("other", 0, 100)
        return UNFUSED[kind](hp)

    tuner = searched(make("RandomSearch", varied, tmp_path, max_trials=2))
    assert tuner.error is None and tuner.stacks == []
    assert len(tuner.oracle.get_best_trials(5)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"callbacks": [keras.callbacks.TerminateOnNaN()]},
        {"class_weight": {0: 1.0, 1: 2.0, 2: 1.0}},
        {"shuffle": False},
        {"x": {"inputs": X[:80]}},
    ],
)
def test_arguments_that_are_not_fused(change: Any, tmp_path: Path) -> None:
    tuner = searched(make("RandomSearch", build, tmp_path, max_trials=2), **change)
    assert tuner.stacks == []
    assert [trial.status for trial in tuner.oracle.trials.values()]


def test_layers_that_trials_share_are_trained_in_turn(tmp_path: Path) -> None:
    """As with Keras Tuner, each trial goes on with the shared weights as the one before left them."""
    shared = keras.layers.Dense(4)

    def build_on_shared(hp: Any) -> keras.Model:
        return net(shared, optimizer=keras.optimizers.SGD(hp.Choice("rate", [0.1, 0.2, 0.3])))

    tuner = make("RandomSearch", build_on_shared, tmp_path, max_trials=3)
    before = [np.array(weight) for weight in shared.weights]
    searched(tuner)
    assert len(tuner.oracle.get_best_trials(5)) == 3
    assert not np.array_equal(before[0], shared.weights[0])
    assert all(len(stack) == 1 for stack in tuner.stacks)


def test_a_layer_without_a_configuration(tmp_path: Path) -> None:
    class Residual(keras.layers.Layer):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def call(self, inputs: Any) -> Any:
            return inputs + self.inner(inputs)

    def residual(hp: Any) -> keras.Model:
        rate = hp.Float("rate", 1e-3, 1e-1)
        return net(Residual(keras.layers.Dense(6, "relu")), optimizer=keras.optimizers.SGD(rate))

    tuner = searched(make("RandomSearch", residual, tmp_path, max_trials=3))
    assert tuner.stacks == [("0", "1", "2")]
    best = tuner.get_best_models()[0]
    assert best.evaluate(X[80:], Y[80:], verbose=0)[1] == pytest.approx(
        tuner.oracle.get_best_trials()[0].score, abs=1e-6
    )


def test_rates_of_dropouts_differ_within_a_stack(tmp_path: Path) -> None:
    def dropout(hp: Any) -> keras.Model:
        return net(keras.layers.Dense(8), keras.layers.Dropout(hp.Float("rate", 0.1, 0.6)))

    tuner = searched(make("RandomSearch", dropout, tmp_path, max_trials=3))
    assert tuner.stacks == [("0", "1", "2")]


def test_a_graph_of_one_trial_is_left_to_keras_tuner(tmp_path: Path) -> None:
    tuner = searched(make("GridSearch", lambda hp: net(keras.layers.Dense(hp.Int("u", 2, 4))), tmp_path))
    assert tuner.stacks == []
    assert len(tuner.oracle.get_best_trials(5)) == 3


def test_a_search_without_a_hypermodel(tmp_path: Path) -> None:
    class Box(RandomSearch):
        def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
            return float(trial.hyperparameters.Int("depth", 1, 8))

    tuner = Box(objective=OBJECTIVE, max_trials=3, seed=1, directory=tmp_path)
    tuner.search()
    assert len(tuner.oracle.get_best_trials(5)) == 3


def test_text_goes_the_way_of_keras_tuner(tmp_path: Path) -> None:
    tuner = make("RandomSearch", build, tmp_path, max_trials=1, max_consecutive_failed_trials=9)
    searched(tuner, x=np.array([["a"]] * 80, dtype=object))
    assert [trial.status for trial in tuner.oracle.trials.values()] == ["FAILED"]


def test_a_search_killed_in_a_batch_is_resumed(tmp_path: Path) -> None:
    tuner = make("RandomSearch", build, tmp_path)
    ended = []

    def killed(trial: Any) -> None:
        ended.append(trial)
        if len(ended) == 3:
            raise KeyboardInterrupt

    plain = tuner.oracle.update_trial
    tuner.oracle.update_trial = lambda trial, *more, **named: killed(trial) or plain(trial, *more, **named)
    with pytest.raises(KeyboardInterrupt):
        searched(tuner)
    again = searched(make("RandomSearch", build, tmp_path, overwrite=False))
    assert [trial.status for trial in again.oracle.trials.values()] == ["COMPLETED"] * 6
