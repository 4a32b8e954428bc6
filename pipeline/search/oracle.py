"""The oracles of Keras Tuner, asked for batches of trials instead of one at a time.

One oracle serves one variant. Each trial of a batch is requested under its own tuner id, as Keras Tuner allows only one
running trial per tuner, while an engine trains many together.
"""

import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras_tuner

from pipeline.params.types.tune import Choice, IntRange, LinearRange, LogRange, Tune
from pipeline.search.points import ListedPoints, grid, quasi_random, size

OBJECTIVE = "score"
EPOCHS = "tuner/epochs"
"""Hyperband's name for the number of epochs of a trial."""


@dataclass(frozen=True)
class Candidate:
    """One trial's hyperparameters: dotted recipe paths and their values."""

    trial_id: str
    values: dict[str, Any]


class Oracle:
    """An oracle of Keras Tuner for one variant; higher scores are better.

    Example:
        while batch := oracle.ask():
            for candidate in batch:
                oracle.report(candidate, score_of(candidate))
    """

    def __init__(self, tune: Tune, seed: int, epochs: int) -> None:
        self.tune = tune
        self._spaces = dict(tune.space)
        self._oracle = _make(tune, seed, epochs)
        self._oracle.verbose = 0
        folder = tempfile.mkdtemp(prefix="oracle-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._oracle._set_project_dir(Path(folder), "search")
        self._trials: dict[str, Any] = {}

    def ask(self) -> list[Candidate]:
        """Return the next batch of candidates; an empty one ends the search."""
        batch = []
        for slot in range(self._batch_size()):
            trial = self._oracle.create_trial(f"slot{slot}")
            if trial.status in ("STOPPED", "IDLE"):
                break
            self._trials[trial.trial_id] = trial
            batch.append(Candidate(trial.trial_id, self._values(trial)))
        return batch

    def report(self, candidate: Candidate, score: float) -> None:
        """Report the score of a candidate's trial."""
        trial = self._trials[candidate.trial_id]
        self._oracle.update_trial(trial.trial_id, {OBJECTIVE: score})
        trial = self._oracle.get_trial(trial.trial_id)
        trial.status = "COMPLETED"
        self._oracle.end_trial(trial)

    def _batch_size(self) -> int:
        """Return how many trials to request at once: all of them, unless later ones depend on the scores of earlier ones."""
        if self.tune.oracle == "bayesian":
            return max(2, self.tune.trials // 4)
        return max(self.tune.trials, 1000) if self.tune.oracle == "hyperband" else self.tune.trials

    def _values(self, trial: Any) -> dict[str, Any]:
        encoded: Mapping[str, Any] = trial.hyperparameters.values
        values = {path: _decoded(space, encoded[path]) for path, space in self._spaces.items()}
        if EPOCHS in encoded:
            values["training.epochs"] = encoded[EPOCHS]
        return values


def _make(tune: Tune, seed: int, epochs: int) -> Any:
    hyperparameters = _hyperparameters(tune.space)
    # Keras Tuner treats seed 0 as no seed and draws one at random.
    common = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": hyperparameters,
        "seed": seed + 1,
    }
    if tune.oracle == "hyperband":
        return keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, hyperband_iterations=1, **common)
    if tune.oracle == "bayesian":
        return keras_tuner.oracles.BayesianOptimizationOracle(max_trials=tune.trials, **common)
    if tune.oracle == "grid":
        points = [
            {path: _as_encoded(tune.space[path], value) for path, value in point.items()}
            for point in grid(tune.space, tune.trials)
        ]
    else:
        points = quasi_random(hyperparameters, min(tune.trials, size(tune.space)), seed)
    return ListedPoints(points, **common)


def _hyperparameters(spaces: Mapping[str, Any]) -> keras_tuner.HyperParameters:
    hyperparameters = keras_tuner.HyperParameters()
    for path, space in spaces.items():
        if isinstance(space, LogRange):
            hyperparameters.Float(path, *space.log, sampling="log")
        elif isinstance(space, LinearRange):
            hyperparameters.Float(path, *space.linear)
        elif isinstance(space, IntRange):
            hyperparameters.Int(path, *space.int, step=space.step)
        else:
            hyperparameters.Choice(path, _encoded(space), ordered=False)
    return hyperparameters


def _encoded(space: Choice) -> list[Any]:
    """Return the choices as Keras Tuner accepts them: the values if all are of one plain type, else their positions."""
    types = {type(value) for value in space.choice}
    plain = len(types) == 1 and types <= {str, int, float, bool}
    return list(space.choice) if plain else list(range(len(space.choice)))


def _as_encoded(space: Any, value: Any) -> Any:
    """Return a value of a grid, which has choices by their positions, as Keras Tuner has it."""
    return _encoded(space)[value] if isinstance(space, Choice) else value


def _decoded(space: Any, value: Any) -> Any:
    if isinstance(space, Choice) and _encoded(space) != list(space.choice):
        return space.choice[value]
    return value
