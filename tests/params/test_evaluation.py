"""The settings of diagnostics, and learning rates left to a finder."""

from typing import Any

import pytest

from pipeline.params.expansion.expand import canonical, expand
from pipeline.params.load import parse
from pipeline.params.patches import merge
from pipeline.params.types.evaluation import Evaluation, Propagation, RateRange, Signals

from .cases import faults, only_fault, study

FINDER = {"optimizer": {"learning_rate": "finder"}}


def with_evaluation(**evaluation: Any) -> dict[str, Any]:
    return {**study(), "evaluation": evaluation}


def test_nothing_is_looked_at_unless_asked() -> None:
    assert parse(study()).evaluation_of("one") == Evaluation()
    assert not any(Evaluation().model_dump().values())


def test_true_means_the_defaults_and_false_nothing() -> None:
    evaluation = parse(
        with_evaluation(signals=True, propagation={"layers": 20}, learning_rate_finder=False, predictions=24)
    ).evaluation
    assert (evaluation.signals, evaluation.propagation) == (Signals(), Propagation(layers=20))
    assert (evaluation.learning_rate_finder, evaluation.predictions) == (None, 24)
    assert evaluation.rate_range == RateRange(low=1e-5, high=10.0, epochs=1)


def test_an_ablations_keys_override_the_studys() -> None:
    raw = with_evaluation(signals=True, mc_samples=100, predictions=10)
    raw["ablations"]["one"]["evaluation"] = {"mc_samples": 7, "predictions": None, "propagation": True}
    evaluation = parse(raw).evaluation_of("one")
    assert (evaluation.signals, evaluation.mc_samples, evaluation.predictions) == (Signals(), 7, None)
    assert evaluation.propagation == Propagation()


def test_looking_changes_no_recipe() -> None:
    plain, looked = (
        expand(parse(raw), "one").variants[0].recipe for raw in (study(), with_evaluation(signals=True))
    )
    assert canonical(plain) == canonical(looked)


@pytest.mark.parametrize(
    ("evaluation", "sentence"),
    [
        ({"signal": True}, "evaluation.signal: unknown key"),
        ({"signals": 3}, "evaluation.signals: must be true, false or a mapping of inputs, samples; got 3"),
        (
            {"signals": {"inputs": "noise"}},
            "evaluation.signals.inputs: must be one of images, normal; got 'noise'",
        ),
        ({"propagation": {"layers": 0}}, "evaluation.propagation.layers: must be at least 1; got 0"),
        ({"mc_samples": 1}, "evaluation.mc_samples: must be at least 2; got 1"),
        ({"mc_samples": True}, "evaluation.mc_samples: must be a whole number; got true"),
        ({"predictions": 1000}, "evaluation.predictions: must be at most 200; got 1000"),
        ({"learning_rate_finder": {"low": 1.0, "high": 0.1}}, "low must be below high; got 1 and 0.1"),
        ({"learning_rate_finder": {"low": 0}}, "low: must be greater than 0; got 0"),
    ],
)
def test_faults_are_named(evaluation: dict[str, Any], sentence: str) -> None:
    assert sentence in only_fault(with_evaluation(**evaluation))


def test_a_rate_can_be_left_to_the_finder() -> None:
    recipe = expand(parse(study(variants={"a": FINDER})), "one").variants[0].recipe
    assert recipe.optimizer.finds_rate
    assert canonical(recipe)["optimizer"]["learning_rate"] == "finder"
    assert not expand(parse(study()), "one").variants[0].recipe.optimizer.finds_rate


@pytest.mark.parametrize(
    ("patch", "sentence"),
    [
        (
            {"optimizer": {"learning_rate": "findr"}},
            "optimizer.learning_rate: must be a number, or finder; got 'findr'",
        ),
        ({**FINDER, "phases": [{}]}, "finder needs a training without phases"),
        (
            {"phases": [{}, FINDER]},
            "phases[1].optimizer.learning_rate: finder needs a training without phases",
        ),
        (
            {
                **FINDER,
                "schedule": {"name": "PiecewiseConstantDecay", "boundaries": [9], "values": [0.1, 0.01]},
            },
            "finder has no use: PiecewiseConstantDecay sets the rates itself",
        ),
        (
            {
                **FINDER,
                "schedule": {
                    "name": "ExponentialDecay",
                    "initial_learning_rate": 0.1,
                    "decay_steps": 9,
                    "decay_rate": 0.5,
                },
            },
            "finder has no use: ExponentialDecay sets the rates itself",
        ),
    ],
)
def test_a_finder_that_cannot_be_used_is_refused(patch: dict[str, Any], sentence: str) -> None:
    assert any(sentence in fault for fault in faults(study(variants={"plain": {}, "a": patch})))


def test_schedules_that_start_from_the_rate_may_be_found() -> None:
    keras = {"name": "ExponentialDecay", "decay_steps": 9, "decay_rate": 0.5}
    for schedule in ("one_cycle", "cosine", keras):
        assert faults(study(variants={"a": {**FINDER, "schedule": schedule}})) == []


def test_a_finder_and_a_search_exclude_each_other() -> None:
    tune = {"trials": 2, "space": {"optimizer.learning_rate": {"log": [0.01, 0.1]}}}
    fault = only_fault(study(variants={"a": {}, "b": FINDER}, tune=tune))
    assert "finder is a search of its own; tune nothing else with it (in b;" in fault
    space = {"regularisation.dropout": {"linear": [0.1, 0.5]}}
    assert "tune nothing else with it" in only_fault(
        study(variants={"b": FINDER}, tune={**tune, "space": space})
    )


def test_another_optimizer_keeps_the_finder() -> None:
    merged = merge({"optimizer": {"name": "sgd", "learning_rate": "finder"}}, {"optimizer": "adam"})
    assert merged["optimizer"] == {"name": "adam", "learning_rate": "finder"}
