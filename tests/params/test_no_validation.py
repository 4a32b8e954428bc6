"""`validation: 0` holds out no images; whatever reads validation values is then a fault."""

from typing import Any

import pytest

from .cases import BASE, faults, only_fault, recipe, study

NONE = {"data": {"validation": 0}}
TUNE = {"trials": 2, "space": {"optimizer.learning_rate": {"log": [1e-3, 1e-2]}}}


def test_it_is_accepted_and_holds_out_nothing() -> None:
    assert faults(study({**BASE, **NONE})) == []
    assert recipe(**NONE).data.held_out(1000, otherwise=100) == 0
    assert recipe().data.held_out(1000, otherwise=100) == 100


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            study({**BASE, **NONE, "schedule": "plateau"}),
            "base.schedule: the plateau rule needs validation images",
        ),
        (
            study({**BASE, **NONE, "training": {"epochs": 9, "early_stopping": {"patience": 3}}}),
            "base.training.early_stopping: early stopping needs validation images; data.validation is 0",
        ),
        (study(variants={"a": NONE, "b": {}}, tune=TUNE), "data.validation: 0 holds out no images"),
        (
            study({**BASE, "phases": [NONE, {}]}),
            "phases[0].data.validation: must be 0 in every phase or in none",
        ),
        (
            study({**BASE, **NONE, "phases": [{}, {"schedule": "plateau"}]}),
            "phases[1].schedule: the plateau rule needs validation images",
        ),
    ],
)
def test_beside_what_reads_validation_values_it_is_a_fault(raw: dict[str, Any], expected: str) -> None:
    assert expected in only_fault(raw)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({}, "target: needs exactly one metric with a value, such as val_accuracy: 0.95"),
        ({"loss": 0.1, "val_loss": 0.1}, "target: needs exactly one metric"),
        ({"val_accuracy": 98}, "target.val_accuracy: must be a fraction, above 0 and at most 1; got 98"),
        ({"test_loss": 0.1}, "target.test_loss: must be one of val_loss, val_accuracy,"),
    ],
)
def test_a_target_is_one_value_of_a_metric_of_every_epoch(target: dict[str, Any], expected: str) -> None:
    assert any(expected in fault for fault in faults(study(variants={"a": {}}, target=target)))
    assert faults(study(variants={"a": NONE}, target={"accuracy": 0.9})) == []
