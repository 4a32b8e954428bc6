"""What replicates may differ by, and what is refused."""

import re
from typing import Any

import pytest

from pipeline.params.load import parse
from pipeline.params.types.replicates import overlap

from .cases import BASE, faults, only_fault, study

VARIANTS = {"variants": {"a": {}, "b": {"model": {"layers": [8]}}}}


@pytest.mark.parametrize(
    ("replicates", "count", "shared"),
    [
        ({"over": "seeds"}, 5, 0.0),
        ({"over": "searches", "count": 4, "seeds": 2}, 8, 0.0),
        ({"over": "splits"}, 10, 0.25),
        ({"over": "splits", "count": 6, "test": 0.5, "seeds": 3}, 18, 1.0),
        ({"over": "folds", "k": 4}, 8, 1 / 3),
    ],
)
def test_how_many_there_are_and_how_far_they_depend_on_each_other(
    replicates: dict[str, Any], count: int, shared: float
) -> None:
    parsed = parse(study(**VARIANTS, replicates=replicates))
    assert parsed.looks_of("one") == (count,) and parsed.seeds_of("one") == count
    assert overlap(parsed.replicates_of("one")) == pytest.approx(shared)


def test_a_plan_of_looks_is_for_seeds_alone() -> None:
    raw = {**study(**VARIANTS, replicates={"over": "folds"}), "seeds": {"start": 4, "max": 20}}
    assert parse(raw).looks_of("one") == (10,)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"replicates": "folds"}, r"replicates: must be a mapping with over: one of seeds, .*; got 'folds'"),
        ({"replicates": {"over": "fold"}}, r"replicates: must be a mapping with over: one of"),
        ({"replicates": {"over": "folds", "k": 1}}, r"replicates\.k: must be at least 2; got 1"),
        ({"replicates": {"over": "splits", "test": 1}}, r"replicates\.test: must be less than 1; got 1"),
        (
            {"replicates": {"over": "splits", "k": 5}},
            r"replicates\.k: unknown key; allowed: over, count, test, seeds",
        ),
        ({"replicates": {"over": "folds"}, "seeds": 5}, r"seeds: how many replicates over folds there are"),
        (
            {"replicates": {"over": "splits"}, "base": {"data": {"split": "time"}}},
            r"replicates: over splits: a, b split by time",
        ),
        (
            {"replicates": {"over": "searches"}, "base": {"optimizer": {"learning_rate": "finder"}}},
            r"replicates: over searches: the learning rate of a, b is found once",
        ),
    ],
)
def test_faults(entry: dict[str, Any], expected: str) -> None:
    raw = study(**VARIANTS)
    raw["ablations"]["one"] |= entry
    assert re.search(expected, only_fault(raw))


def test_variants_begin_with_those_of_equal_replicates_only() -> None:
    ends = {"variants": {"a": {"phases": [{"name": "one"}, {"name": "two"}]}}}
    later = {"variants": {"b": {"phases": [{"from": "first/a"}, {"name": "last"}]}}}
    folds = {"replicates": {"over": "folds"}}
    ablations = {"first": {"question": "?", **ends}, "second": {"question": "?", **later, **folds}}
    raw = {"base": BASE, "ablations": ablations}
    assert "first has other replicates than second" in only_fault(raw)
    ablations["first"] |= folds
    assert faults(raw) == []
