"""A large params file is checked in time that grows with its size and no faster, or refused before that."""

import time
from typing import Any

import pytest
from params.cases import BASE, faults, only_fault, study

MANY = 50_000


def model(**keys: Any) -> dict[str, Any]:
    return {**BASE, "model": {**BASE["model"], **keys}}


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        (model(layers=["abc"] * MANY), "base.model.layers: must be at most 1000 long; got [abc, abc, "),
        (model(joint=["abc"] * MANY), "base.model.joint: must be at most 100 long; got [abc, abc, "),
        ({**BASE, "phases": ["abc"] * MANY}, "base.phases: must be at most 100 long; got [abc, abc, "),
        ({**BASE, "data": {"classes": ["abc"] * MANY}}, "base.data.classes: must be at most 256 long; got [abc, "),
    ],
)  # fmt: skip
def test_a_list_that_is_too_long_is_one_fault_not_one_for_each_item(
    base: dict[str, Any], expected: str
) -> None:
    assert only_fault(study(base)).startswith(expected)


@pytest.mark.parametrize("kind", ["ladder", "leave_one_out"])
def test_cumulative_patches_are_bounded(kind: str) -> None:
    assert faults(study(**{kind: {f"p{index}": {} for index in range(1000)}})) == []
    fault = only_fault(study(**{kind: {f"p{index}": {} for index in range(MANY)}}))
    assert fault == f"ablations.one.{kind}: has {MANY} patches; at most 1000 are allowed"


@pytest.mark.parametrize("place", ["base", "model", "ablation", "variants"])
def test_time_grows_with_the_number_of_faults_and_no_faster(place: str) -> None:
    wrong = {f"k{index}": 1 for index in range(MANY)}
    raw = {
        "base": study({**BASE, **wrong}),
        "model": study(model(**wrong)),
        "ablation": study(BASE, variants={"a": {}}, **wrong),
        "variants": study(BASE, variants=wrong),
    }[place]
    started = time.process_time()
    assert len(faults(raw)) >= MANY
    # About 5 seconds; it was 15 for 20,000 faults, when each fault copied its mapping.
    assert time.process_time() - started < 30
