"""Phases that several runs begin with are trained once: which are, in which order, and that nothing else changes them."""

from collections.abc import Sequence
from typing import Any

import pytest
from kit import run

from pipeline.planning.shared_phases import Step, beginnings_of, steps, whole
from pipeline.runs.run import Run

FIRST: dict[str, Any] = {"data": {"classes": [0, 1, 2]}}
SECOND: dict[str, Any] = {"training": {"epochs": 3}}
HEAD: dict[str, Any] = {"trainable": "head"}
WHOLE: dict[str, Any] = {"trainable": "all", "optimizer": {"learning_rate": 0.2}}


def of(*phases: dict[str, Any], seed: int = 0, **more: Any) -> Run:
    return run({"phases": list(phases), **more}, seed=seed)


def order(runs: Sequence[Run], stored: set[str] | None = None) -> list[list[str]]:
    """Return the keys trained in each round until all runs are."""
    done, rounds = set(stored or ()), []
    while missing := [run for run in runs if run.key not in done]:
        rounds.append([step.run.key for step in steps(missing, done)])
        done |= set(rounds[-1])
        assert len(rounds) < 10
    return rounds


def test_a_beginning_is_the_same_whatever_comes_after_it_and_whatever_it_is_called() -> None:
    one, other = of(FIRST, HEAD), of({**FIRST, "name": "pretraining"}, WHOLE)
    assert one.beginning(1).key == other.beginning(1).key != one.key
    # What the recipe says outside of the phases counts only where a phase does not say it itself.
    longer = of({**FIRST, "training": {"epochs": 2}}, HEAD, training={"epochs": 7})
    assert longer.beginning(1).key == one.beginning(1).key


@pytest.mark.parametrize(
    "other",
    [
        of({**FIRST, "data": {"classes": [0, 1]}}, HEAD),
        of(FIRST, HEAD, seed=1),
        of({**FIRST, "optimizer": {"learning_rate": 0.1}}, HEAD),
        of({**FIRST, "trainable": "head"}, HEAD),
        of(FIRST, HEAD, model={"layers": [8, 5]}),
        run({"phases": [FIRST, HEAD]}, kind="trial"),
    ],
)
def test_what_changes_its_numbers_changes_its_key(other: Run) -> None:
    assert of(FIRST, HEAD).beginning(1).key != other.beginning(1).key


def test_phases_that_two_runs_share_are_trained_first_and_those_of_one_are_not() -> None:
    one, two, alone, plain = of(FIRST, HEAD), of(FIRST, WHOLE), of(SECOND, HEAD), run()
    first, then = order([one, two, alone, plain])
    assert first == [alone.key, plain.key, one.beginning(1).key]
    assert then == [one.key, two.key]


def test_a_longer_beginning_goes_on_from_a_shorter_one_that_more_runs_share() -> None:
    runs = [of(FIRST, SECOND, HEAD), of(FIRST, SECOND, WHOLE), of(FIRST, HEAD)]
    assert order(runs) == [
        [runs[0].beginning(1).key],
        [runs[2].key, runs[0].beginning(2).key],
        [runs[0].key, runs[1].key],
    ]
    # Two runs that share both phases train them at once.
    assert order(runs[:2]) == [[runs[0].beginning(2).key], [runs[0].key, runs[1].key]]


def test_what_is_stored_is_used_even_by_a_single_run() -> None:
    one = of(FIRST, SECOND, HEAD)
    (step,) = steps([one], {one.beginning(1).key})
    assert step == Step(one, one.beginning(1), 1)
    (step,) = steps([one], {one.beginning(1).key, one.beginning(2).key})
    assert step.beginning == one.beginning(2)
    assert steps([one], set()) == [Step(one)]


def test_a_run_counts_with_how_many_it_shares() -> None:
    runs = [of(FIRST, HEAD, seed=seed) for seed in range(2)] + [of(FIRST, WHOLE)]
    stored = {key for run in runs for key in beginnings_of(run)}
    assert [step.runs for step in steps(runs, stored)] == [2, 1, 2]
    assert beginnings_of(run()) == []


def test_a_run_may_itself_be_what_others_begin_with() -> None:
    first = run(FIRST)
    ons = [of(FIRST, HEAD), of(FIRST, WHOLE)]
    runs, wholes = [first, *ons], {whole(first): first}
    assert [step.run for step in steps(runs, set(), wholes)] == [first]
    assert steps(ons, {first.key}, wholes) == [Step(on, first, 3) for on in ons]
    # One that is neither stored nor to be trained, such as another seed's, is none to begin with.
    assert [step.run for step in steps(ons, set(), wholes)] == [ons[0].beginning(1)]
