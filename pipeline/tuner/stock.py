"""Whether a search takes Keras Tuner's own steps alone, and how far ahead its oracle can be asked."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras_tuner
from keras_tuner import oracles
from keras_tuner.src.distribute import utils as distribute

from pipeline.engine.fused.memory import LARGEST

OWN = ("keras_tuner.", "pipeline.tuner.")
OUTSIDE_TRIALS = {
    "__init__",
    "search",
    "on_search_begin",
    "on_search_end",
    "load_model",
    "get_best_models",
    "get_best_hyperparameters",
    "results_summary",
    "search_space_summary",
    "_populate_initial_space",
    "_activate_all_conditions",
    "remaining_trials",
    "project_dir",
    "reload",
    "set_state",
}
"""What a tuner of one's own may override without changing how trials are trained, or when."""
STEPS = [
    name
    for name, step in inspect.getmembers(keras_tuner.Tuner)
    if (inspect.isfunction(step) or isinstance(step, property)) and name not in OUTSIDE_TRIALS
]


def is_stock(tuner: keras_tuner.Tuner) -> bool:
    """Return whether no step between the request of a trial and its end was overridden, in tuner or hypermodel."""
    hypermodel = tuner.hypermodel
    return (
        hypermodel is not None
        and all(_is_own(tuner, name) for name in STEPS)
        and all(_is_own(hypermodel, name) for name in ("fit", "_build_wrapper"))
        and tuner.distribution_strategy is None
        and not distribute.has_chief_oracle()
    )


def _is_own(owner: Any, name: str) -> bool:
    """Return whether a method, or the getter of a property, is Keras Tuner's or ours."""
    step = getattr(type(owner), name, None)
    function = getattr(step, "fget", step)
    return name not in vars(owner) and str(getattr(function, "__module__", "")).startswith(OWN)


def trials_ahead(oracle: keras_tuner.Oracle, running: Sequence[str]) -> int:
    """Return how many more trials `oracle` would give just the same if those that are `running` (by id) were over.

    Zero, where the next might depend on their scores; at most as many as fit into a stack. At least one must be running.
    """
    kind = type(oracle)
    if kind in (oracles.RandomSearchOracle, oracles.GridSearchOracle):
        return LARGEST - len(running)
    if kind is oracles.BayesianOptimizationOracle:
        return _random_points(oracle) - len(running)
    if kind is oracles.HyperbandOracle:
        return _left_of_round(oracle, running[-1])
    return 0


def _random_points(oracle: Any) -> int:
    """Return how many points are left to be drawn at random before the Gaussian process is fitted."""
    first = oracle.num_initial_points or max(3 * len(oracle.hyperparameters.space), 3)
    return int(first - sum(trial.status == "COMPLETED" for trial in oracle.trials.values()))


def _left_of_round(oracle: Any, trial_id: str) -> int:
    """Return how many trials are left to be asked for in the round of the bracket of Hyperband with that trial."""
    sizes = [
        (oracle._get_size(bracket["bracket_num"], number), trials)
        for bracket in oracle._brackets
        for number, trials in enumerate(bracket["rounds"])
    ]
    return sum(size - len(trials) for size, trials in sizes if trial_id in [trial["id"] for trial in trials])


def foresee(oracle: Any, trial: Any) -> None:
    """Tell `oracle` what it would learn of `trial`'s hyperparameters at its end, where it is built but not trained.

    A build may have asked for hyperparameters that were not known before, which the next trials are to vary.
    """
    oracle.update_space(trial.hyperparameters)
    oracle._record_values(trial)
    if type(oracle) is oracles.GridSearchOracle:
        oracle._populate_next.append(trial.trial_id)
