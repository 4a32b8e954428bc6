"""Published values in a params file: which are accepted, and the faults of the others."""

from typing import Any

import pytest

from pipeline.params.load import parse

from .cases import faults, only_fault, study


def with_reference(reference: Any) -> dict[str, Any]:
    return study(variants={"plain": {"reference": reference}})


@pytest.mark.parametrize(
    "reference",
    [
        {"val_accuracy": 0.843, "val_loss": 0.4797, "decimals": 4, "source": "a chapter"},
        {"test_accuracy": {"above": 0.98}, "note": "about ten epochs"},
        {"loss": -0.3},
        {"test_accuracy": 1},
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
        ({"test_loss": "0.3"}, "test_loss: must be a number, {above: number} or {below: number}; got '0.3'"),
        ({"test_loss": True}, "test_loss: must be a number"),
        ({"test_loss": float("nan")}, "test_loss: must be a number"),
        ({"test_loss": {"above": 1, "below": 2}}, "test_loss: needs exactly one of above and below"),
        ({"test_loss": {"over": 1}}, "test_loss.over: unknown key; allowed: above, below."),
        ({"test_loss": 0.3, "decimals": 3.5}, "decimals: must be a whole number; got 3.5"),
        ({"test_loss": 0.3, "note": 7}, "note: must be text; got 7"),
    ],
)
def test_what_is_wrong_with_a_published_value_is_named(reference: dict[str, Any], expected: str) -> None:
    fault = only_fault(with_reference(reference))
    assert fault.startswith("ablations.one.variants.plain.reference") and expected in fault


def test_faults_of_several_references_are_found_at_once() -> None:
    wrong = {"val_accuracy": 84.3, "accuracy": -1}
    raw = study(ladder={"a": {"reference": wrong}, "b": {"reference": {"note": "?"}}})
    assert len(faults(raw)) == 3
