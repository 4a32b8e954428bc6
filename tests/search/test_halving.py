"""Trials that are ended early: the same rule for all, and the budget that was promised."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kit import CONTEXT, record, study

from pipeline.core.errors import ParamsError
from pipeline.core.metrics import ACCURACY, LOSS, Metric
from pipeline.params.expansion.expand import expand
from pipeline.runs.run import Run
from pipeline.search.halving import cost, cuts, standing, survivors
from pipeline.search.variant_search import Search

RATE = "optimizer.learning_rate"
EPOCHS = 20


def search(metric: Metric = ACCURACY, epochs: int = EPOCHS, **tune: Any) -> Search:
    full = {"trials": 6, "stop": "halving", "space": {RATE: {"log": [1e-3, 1e-1]}}, **tune}
    ablation = {"tune": full, "base": {"training": {"epochs": epochs}}, "variants": {"plain": {}}}
    return Search(expand(study({"one": ablation}), "one").variants[0], CONTEXT, metric)


def rate(run: Run) -> float:
    return run.recipe.optimizer.learning_rate


def play(search: Search, value: Callable[[Run, int], float | None]) -> tuple[dict[str, Any], list[list[Run]]]:
    """Run a search to its end; `value` is a run's after an epoch, None where it diverges. Return its rounds too."""
    rounds = []
    while trials := search.next_trials():
        rounds.append([run for trial in trials for run in trial.runs])
        search.report({run.key: measured(run, value) for run in rounds[-1]})
    return search.choice(), rounds


def measured(run: Run, value: Callable[[Run, int], float | None]) -> Any:
    epochs = run.epochs or run.recipe.training.epochs
    curve = [value(run, epoch) for epoch in range(1, epochs + 1)]
    if None in curve:
        return record(run, outcome="diverged", metrics={}, curves={})
    names = ("val_accuracy", "val_loss")
    return record(
        run, curves=dict.fromkeys(names, curve), metrics=dict.fromkeys(names, curve[-1]), epochs=epochs
    )


def test_six_trials_of_twenty_epochs() -> None:
    assert cuts(6, 20) == (3, 6) and cuts(6, 1) == () and cuts(6, 2) == (1,)
    assert [survivors(6, cut, 2) for cut in (0, 1)] == [3, 2]
    assert cost(6, 20) == pytest.approx((6 * 3 + 3 * 3 + 2 * 14) / 120)
    choice, rounds = play(search(), lambda run, epoch: rate(run) * epoch)
    assert [len(runs) for runs in rounds] == [6, 3, 2]
    assert [{run.epochs for run in runs} for runs in rounds] == [{3}, {6}, {None}]
    outcomes = [(trial["outcome"], trial.get("epochs")) for trial in choice["trials"]]
    by_rate = sorted(zip([t["values"][RATE] for t in choice["trials"]], outcomes, strict=True))
    assert [outcome for _, outcome in by_rate] == [("stopped", 3)] * 3 + [("stopped", 6)] + [
        ("finished", None)
    ] * 2
    assert choice["values"] == {RATE: by_rate[-1][0]}
    assert sorted(choice["earlier"]) == sorted(
        run.key
        for run in [*rounds[0], *rounds[1]]
        if run.key not in {key for trial in choice["trials"] for key in trial["run_keys"]}
    )


def test_a_loss_is_to_fall() -> None:
    choice, _ = play(search(LOSS), lambda run, epoch: 1 / rate(run) / epoch)
    assert choice["values"] == {RATE: max(trial["values"][RATE] for trial in choice["trials"])}


def test_the_choice_is_among_those_trained_to_the_end() -> None:
    """The best after three epochs is worse in the end than one that was stopped seemed to be then."""
    choice, _ = play(search(), lambda run, epoch: 0.9 if epoch <= 6 else rate(run))
    best = [trial for trial in choice["trials"] if trial["values"] == choice["values"]]
    assert [trial["outcome"] for trial in best] == ["finished"]


@pytest.mark.parametrize("limit", [0.004, 0.0])
def test_diverged_trials_do_not_go_on(limit: float) -> None:
    choice, rounds = play(search(), lambda run, epoch: None if rate(run) > limit else 0.1 * epoch)
    later = [run for runs in rounds[1:] for run in runs]
    assert all(rate(run) <= limit for run in later)
    outcomes = {trial["values"][RATE] > limit: trial["outcome"] for trial in choice["trials"]}
    assert outcomes[True] == "diverged" and RATE in choice["values"]


def test_runs_go_on_from_the_run_before() -> None:
    searched = search(folds=2)
    for trial in searched.next_trials():
        assert trial.begun == {}
    runs = [run for trial in searched.trials for run in trial.runs]
    searched.report({run.key: measured(run, lambda run, _: rate(run)) for run in runs})
    going_on = searched.next_trials()
    assert len(searched.begun) == 3 * 2
    for trial in going_on:
        for run, before in zip(trial.runs, trial.earlier[0], strict=True):
            assert searched.begun[run.key] == before.key and run.fold == before.fold
            assert (before.epochs, run.epochs) == (3, 6)


def test_the_last_part_is_the_run_of_a_search_without_stops() -> None:
    _, rounds = play(search(), lambda run, _: rate(run))
    _, whole = play(search(stop=None), lambda run, _: rate(run))
    assert {run.key for run in rounds[-1]} < {run.key for run in whole[0]}


def test_few_trials_are_trained_to_their_end() -> None:
    assert cuts(5, 20) == () and cost(5, 20) == 1
    with pytest.raises(ParamsError, match=r"tune\.stop: needs 6 trials or more; got 5"):
        search(trials=5)
    few = {"optimizer": {"choice": ["sgd", "adam", "nadam"]}}
    choice, rounds = play(search(oracle="grid", space=few), lambda _, epoch: 0.1 * epoch)
    assert [len(runs) for runs in rounds] == [3]
    assert [trial["outcome"] for trial in choice["trials"]] == ["finished"] * 3


@given(trials=st.integers(1, 60), epochs=st.integers(1, 200))
@example(trials=6, epochs=100)
@example(trials=3, epochs=100)
@example(trials=9, epochs=6)
def test_no_budget_is_exceeded(trials: int, epochs: int) -> None:
    places, alive, before, trained = cuts(trials, epochs), trials, 0, 0
    assert list(places) == sorted(set(places)) and all(0 < place < epochs for place in places)
    for cut, place in enumerate(places):
        trained += alive * (place - before)
        fewer = survivors(trials, cut, len(places))
        assert 1 <= fewer <= alive
        alive, before = fewer, place
    assert cost(trials, epochs) == pytest.approx((trained + alive * (epochs - before)) / trials / epochs)
    if trials >= 6 and epochs >= 6:
        assert cost(trials, epochs) <= 0.5


def test_the_mean_of_the_last_three_epochs_counts() -> None:
    curves = [{"val_accuracy": [9.0, 0.1, 0.2, 0.3]}, {"val_accuracy": [0.4, 0.5, 0.6]}]
    assert standing(curves, ACCURACY) == pytest.approx(0.35)
    assert standing([{"val_loss": [2.0]}], LOSS) == -2.0


@pytest.mark.parametrize("oracle", ["bayesian", "hyperband"])
def test_trials_that_depend_on_others_cannot_be_stopped(oracle: str) -> None:
    with pytest.raises(
        ParamsError, match=r"tune\.stop: needs trials that are known from the start: oracle: random, grid"
    ):
        search(oracle=oracle)
