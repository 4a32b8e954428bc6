"""Published values in a params file: which are accepted, and the faults of the others."""

from typing import Any

import pytest

from pipeline.params.load import parse

from .cases import faults, only_fault, study

EVALUATION = {"training_set": True, "propagation": True, "learning_rate_finder": True}
PHASES = [{"name": "head only"}, {}]


def with_reference(reference: Any, **more: Any) -> dict[str, Any]:
    variants = {"plain": {"reference": reference, "phases": PHASES}, "other": {}}
    return study(variants=variants, **{"evaluation": EVALUATION, **more})


@pytest.mark.parametrize(
    "reference",
    [
        {"val_accuracy": 0.843, "val_loss": 0.4797, "decimals": 4, "source": "a chapter"},
        {"test_accuracy": {"above": 0.98}, "note": "about ten epochs"},
        {"loss": -0.3},
        {"test_accuracy": 1},
        {"error_ratio": {"value": 3.93, "decimals": 2, "against": "other"}, "val_loss": 0.1},
        {"parameters": 271346, "trainable_parameters": 268978, "non_trainable_parameters": 2368},
        {"best.val_loss": 0.4644, "best_epoch.val_loss": 19},
        {"phases.head only.val_accuracy": 0.7363, "phases.phase 2.loss": {"below": 1}},
        {"training_set.accuracy": 0.8887, "training_set.loss": 0.3357},
        {"propagation.highest_deviation": {"above": 0.9, "below": 1.1}},
        {"learning_rate_finder.nan_rate": {"below": 10}},
    ],
)
def test_figures_of_any_recorded_metric_are_kept_as_written(reference: dict[str, Any]) -> None:
    variant = parse(with_reference(reference))._expanded["one"].variant("plain")
    assert variant.reference == reference


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"source": "a book"}, "reference: has no published value; give at least one of test_accuracy,"),
        ({"val_acuracy": 0.9}, "reference.val_acuracy: unknown key"),
        ({"val_acuracy": 0.9}, "Did you mean 'val_accuracy'?"),
        ({"val_accuracy": 97.3}, "val_accuracy: must be a fraction from 0 to 1 (97.3 % is 0.973); got 97.3"),
        ({"accuracy": {"above": 98}}, "accuracy: must be a fraction"),
        (
            {"test_loss": "0.3"},
            "test_loss: must be a number, {above: number}, {below: number} or both limits;",
        ),
        ({"test_loss": True}, "test_loss: must be a number"),
        ({"test_loss": float("nan")}, "test_loss: must be a number"),
        ({"test_loss": {"above": 2, "below": 1}}, "test_loss.above: must be below the upper limit, 1; got 2"),
        (
            {"test_loss": {"value": 1, "below": 2}},
            "test_loss: needs either value, or above or below, or both",
        ),
        ({"test_loss": {}}, "test_loss: needs either value, or above or below"),
        (
            {"test_loss": {"over": 1, "above": 1}},
            "test_loss.over: unknown key; allowed: value, above, below, decimals",
        ),
        ({"val_accuracy": {"above": 0.9, "below": 98}}, "val_accuracy: must be a fraction from 0 to 1"),
        ({"test_loss": {"value": 1, "against": "other"}}, "test_loss.against: belongs to error_ratio alone"),
        ({"error_ratio": 0}, "error_ratio: must be above 0"),
        (
            {"error_ratio": {"value": 2, "against": "othr"}},
            "must be one of plain, other; got 'othr'. Did you mean",
        ),
        (
            {"phases.head.loss": 1},
            "there is no such phase; there are head only, phase 2. Did you mean 'head only'?",
        ),
        ({"phases.head only.test_loss": 1}, "unknown key"),
        ({"training_set.acuracy": 0.9}, "Did you mean 'training_set.accuracy'?"),
        ({"test_loss": 0.3, "decimals": 3.5}, "decimals: must be a whole number; got 3.5"),
        ({"test_loss": 0.3, "note": 7}, "note: must be text; got 7"),
    ],
)
def test_what_is_wrong_with_a_published_value_is_named(reference: dict[str, Any], expected: str) -> None:
    fault = only_fault(with_reference(reference))
    assert fault.startswith("ablations.one.variants.plain.reference") and expected in fault


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("training_set.loss", "training_set"),
        ("propagation.mean", "propagation"),
        ("learning_rate_finder.nan_rate", "learning_rate_finder"),
    ],
)
def test_a_value_that_no_diagnostic_measures_is_a_fault(name: str, key: str) -> None:
    text = f"reference.{name}: is measured by evaluation.{key}, which is off"
    assert text in only_fault(with_reference({name: 0.1}, evaluation={}))
    shared = {**with_reference({name: 0.1}, evaluation={}), "evaluation": EVALUATION}
    assert faults(shared) == []


def test_faults_of_several_references_are_found_at_once() -> None:
    wrong = {"val_accuracy": 84.3, "accuracy": -1}
    raw = study(ladder={"a": {"reference": wrong}, "b": {"reference": {"note": "?"}}})
    assert len(faults(raw)) == 3
