"""Keras Tuner's oracles as used by this pipeline: the number of trials is as configured, and a seed decides them."""

from itertools import pairwise
from typing import Any

import keras_tuner
import pytest

from pipeline.params.types.tune import Tune
from pipeline.search.oracle import Oracle

RATE = {"optimizer.learning_rate": {"log": [1e-4, 1e-1]}}


def settings(oracle: str, trials: int = 6, space: Any = RATE, **more: Any) -> Tune:
    return Tune.model_validate({"oracle": oracle, "trials": trials, "space": space, **more})


def search(tune: Tune, seed: int = 0, epochs: int = 9) -> list[dict[str, Any]]:
    """Return the values of every trial of a search in which higher rates are better."""
    oracle, trials = Oracle(tune, seed, epochs), []
    while batch := oracle.ask():
        for candidate in batch:
            trials.append(candidate.values)
            oracle.report(candidate, float(candidate.values.get("optimizer.learning_rate", 0.0)))
        assert len(trials) < 500, "the search does not end"
    return trials


@pytest.mark.parametrize("oracle", ["random", "bayesian"])
@pytest.mark.parametrize("trials", [1, 6, 11])
def test_the_number_of_trials_is_as_configured(oracle: str, trials: int) -> None:
    drawn = search(settings(oracle, trials))
    assert len(drawn) == trials
    rates = [values["optimizer.learning_rate"] for values in drawn]
    assert all(1e-4 <= rate <= 1e-1 for rate in rates)
    assert oracle == "bayesian" or len(set(rates)) == trials


@pytest.mark.parametrize("oracle", ["random", "grid"])
def test_all_trials_are_asked_for_in_one_round_through_keras_tuners_oracle(oracle: str) -> None:
    asked = Oracle(settings(oracle, 7), 0, 9)
    assert isinstance(asked._oracle, keras_tuner.Oracle)
    batch = asked.ask()
    for candidate in batch:
        asked.report(candidate, 0.5)
    assert len(batch) == 7 and asked.ask() == []


def test_six_rates_lie_in_six_parts_of_four_decades() -> None:
    """With independent draws four of six lay within half a decade."""
    rates = sorted(values["optimizer.learning_rate"] for values in search(settings("random", 6)))
    assert max(later / earlier for earlier, later in pairwise(rates)) < 12
    assert min(later / earlier for earlier, later in pairwise(rates)) > 1.5


def test_a_grid_is_walked_whole_unless_trials_are_fewer() -> None:
    space = {"training.batch_size": {"choice": [16, 32, 64]}, "model.layers.0.units": {"int": [2, 4]}}
    whole = [(size, units) for size in (16, 32, 64) for units in (2, 3, 4)]
    drawn = [tuple(values.values()) for values in search(settings("grid", 50, space))]
    assert sorted(drawn) == sorted(whole)
    assert len(search(settings("grid", 4, space))) == 4


def test_hyperband_trains_many_a_little_and_few_to_the_end() -> None:
    drawn = search(settings("hyperband"))
    epochs = [values["training.epochs"] for values in drawn]
    assert set(epochs) == {1, 3, 9} and min(epochs) == epochs[0]
    assert epochs.count(1) > epochs.count(3) > 0


@pytest.mark.parametrize("oracle", ["random", "bayesian", "grid", "hyperband"])
def test_a_seed_decides_all_seed_0_too(oracle: str) -> None:
    space = {**RATE, "optimizer.momentum": {"linear": [0.0, 0.9]}}
    assert search(settings(oracle, space=space), seed=0) == search(settings(oracle, space=space), seed=0)
    if oracle != "grid":
        assert search(settings(oracle, space=space), seed=0) != search(settings(oracle, space=space), seed=1)


def test_values_keep_their_kind() -> None:
    space = {
        "mixed": {"choice": ["none", 1, 2.5, None, True, {"name": "l2", "l2": 0.1}]},
        "words": {"choice": ["relu", "tanh"]},
        "steps": {"int": [2, 8], "step": 3},
        "share": {"linear": [-1.0, 1.0]},
    }
    drawn = search(settings("random", 40, space))
    assert len(drawn) == 40
    mixed = [values["mixed"] for values in drawn]
    for choice in space["mixed"]["choice"]:
        assert any(type(value) is type(choice) and value == choice for value in mixed)
    assert {values["words"] for values in drawn} == {"relu", "tanh"}
    assert {values["steps"] for values in drawn} == {2, 5, 8}
    assert all(type(values["steps"]) is int and -1 <= values["share"] <= 1 for values in drawn)


def test_a_logarithmic_range_is_drawn_evenly_by_magnitude() -> None:
    rates = [values["optimizer.learning_rate"] for values in search(settings("random", 90))]
    decades = [sum(low <= rate < 10 * low for rate in rates) for low in (1e-4, 1e-3, 1e-2)]
    assert min(decades) > 15


def test_a_bayesian_search_learns_from_its_scores() -> None:
    rates = [values["optimizer.learning_rate"] for values in search(settings("bayesian", 12))]
    assert sum(rates[-3:]) > sum(rates[:3])


def test_a_search_ends_when_every_choice_was_tried() -> None:
    drawn = search(settings("random", 9, {"words": {"choice": ["relu", "tanh"]}}))
    assert sorted(values["words"] for values in drawn) == ["relu", "tanh"]
