"""Keras Tuner's oracles, asked for many trials at once and told of many.

One oracle serves one variant. Each slot asks under a tuner id of its own, so that the oracle has as many trials in
flight as an engine can train together.
"""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner

from pipeline.params.spaces import Choice, IntRange, LinearRange, LogRange, Tune

OBJECTIVE = "score"
EPOCHS = "tuner/epochs"  # Hyperband's own name for how long a trial may train


@dataclass(frozen=True)
class Candidate:
    """One trial's hyperparameters: dotted recipe paths and their values."""

    trial_id: str
    values: dict[str, Any]


class Oracle:
    """A Keras Tuner oracle for one variant; higher scores are better."""

    def __init__(self, tune: Tune, seed: int, epochs: int) -> None:
        self.tune = tune
        self._spaces = dict(tune.space)
        self._oracle = _make(tune, _hyperparameters(self._spaces), seed, epochs)
        self._oracle.verbose = 0
        folder = tempfile.mkdtemp(prefix="oracle-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._oracle._set_project_dir(Path(folder), "search")
        self._trials: dict[str, Any] = {}
        self.exhausted = False

    def ask(self) -> list[Candidate]:
        """Return the next batch of trials; an empty one ends the search."""
        batch = []
        for slot in range(self._batch_size()):
            trial = self._oracle.create_trial(f"slot{slot}")
            if trial.status in ("STOPPED", "IDLE"):
                break
            self._trials[trial.trial_id] = trial
            batch.append(Candidate(trial.trial_id, self._values(trial)))
        self.exhausted = not batch
        return batch

    def tell(self, candidate: Candidate, score: float) -> None:
        """Report a trial's score."""
        trial = self._trials[candidate.trial_id]
        self._oracle.update_trial(trial.trial_id, {OBJECTIVE: score})
        trial = self._oracle.get_trial(trial.trial_id)
        trial.status = "COMPLETED"
        self._oracle.end_trial(trial)

    def _batch_size(self) -> int:
        """Return how many trials to ask for at once: all of them, unless the next ones depend on the last ones' scores."""
        if self.tune.oracle == "bayesian":
            return max(2, self.tune.trials // 4)
        return max(self.tune.trials, 1000) if self.tune.oracle == "hyperband" else self.tune.trials

    def _values(self, trial: Any) -> dict[str, Any]:
        drawn: Mapping[str, Any] = trial.hyperparameters.values
        values = {path: _decoded(space, drawn[path]) for path, space in self._spaces.items()}
        if EPOCHS in drawn:
            values["training.epochs"] = drawn[EPOCHS]
        return values


def _make(tune: Tune, hyperparameters: keras_tuner.HyperParameters, seed: int, epochs: int) -> Any:
    objective = keras_tuner.Objective(OBJECTIVE, "max")
    # Keras Tuner takes seed 0 for no seed and draws one at random.
    common = {"objective": objective, "hyperparameters": hyperparameters, "seed": seed + 1}
    oracles = keras_tuner.oracles
    if tune.oracle == "hyperband":
        return oracles.HyperbandOracle(max_epochs=epochs, hyperband_iterations=1, **common)
    classes = {
        "random": oracles.RandomSearchOracle,
        "grid": oracles.GridSearchOracle,
        "bayesian": oracles.BayesianOptimizationOracle,
    }
    return classes[tune.oracle](max_trials=tune.trials, **common)


def _hyperparameters(spaces: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    space = keras_tuner.HyperParameters()
    for path, values in spaces.items():
        if isinstance(values, LogRange):
            space.Float(path, *values.log, sampling="log")
        elif isinstance(values, LinearRange):
            space.Float(path, *values.linear)
        elif isinstance(values, IntRange):
            space.Int(path, *values.int, step=values.step)
        else:
            space.Choice(path, _encoded(values), ordered=False)
    return space


def _encoded(space: Choice) -> list[Any]:
    """Return the choices as Keras Tuner takes them: plain values of one type, else their positions."""
    types = {type(value) for value in space.choice}
    plain = len(types) == 1 and types <= {str, int, float, bool}
    return list(space.choice) if plain else list(range(len(space.choice)))


def _decoded(space: Any, drawn: Any) -> Any:
    if isinstance(space, Choice) and _encoded(space) != list(space.choice):
        return space.choice[drawn]
    return drawn
