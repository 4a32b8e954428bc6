"""What the tests of the tuners share: small data, a build function, and the facts of a search to compare."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

from pipeline import tuner as ours

KINDS = ["RandomSearch", "GridSearch", "BayesianOptimization", "Hyperband"]


def rows(count: int = 120) -> tuple[Any, Any]:
    """Return rows of six numbers and their classes, three, which a net can tell apart."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, count)
    return (generator.normal(0, 0.5, (count, 6)) + np.eye(6)[labels] * 2).astype("float32"), labels


X, Y = rows()
DATA = {"x": X[:80], "y": Y[:80], "validation_data": (X[80:], Y[80:])}


def net(*hidden: Any, optimizer: Any = "adam", outputs: Any = None) -> keras.Model:
    """Return a compiled net of `hidden` layers and `outputs`."""
    outputs = outputs or keras.layers.Dense(3, activation="softmax")
    model = keras.Sequential([keras.Input((6,)), *hidden, outputs])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def build(hp: Any) -> keras.Model:
    """Return a net with one of two widths and any learning rate."""
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    hidden = keras.layers.Dense(hp.Choice("units", [4, 8]), activation="relu")
    return net(hidden, optimizer=keras.optimizers.Adam(rate))


def make(kind: str, build: Any, directory: Path, *, plain: bool = False, **more: Any) -> Any:
    """Return a tuner of that kind, ours or the `plain` one of Keras Tuner."""
    budget = {"max_epochs": 3} if kind == "Hyperband" else {"max_trials": 6}
    own = getattr(keras_tuner if plain else ours, kind)
    settings = {"objective": "val_accuracy", "seed": 1, "overwrite": True, **budget, **more}
    return own(build, directory=directory, **settings)


def facts(tuner: Any) -> list[Any]:
    """Return what a search asked for and what became of it, without scores."""
    return [
        (trial.trial_id, trial.status, trial.hyperparameters.values) for trial in tuner.oracle.trials.values()
    ]


def searched(tuner: Any, **more: Any) -> Any:
    """Return `tuner` after its search; an error that ended it is kept as `error`."""
    tuner.error = None
    try:
        tuner.search(**{**DATA, "epochs": 1, "verbose": 0, **more})
    except Exception as error:
        tuner.error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return tuner


Build = Callable[[Any], keras.Model]
