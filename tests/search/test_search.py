"""The search for one variant: trials, scores, the stored choice, and the replicates that follow."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from kit import CONTEXT, record, study

from pipeline.core.metrics import ACCURACY, LOSS, Metric
from pipeline.params.expansion.expand import expand
from pipeline.params.types.variants import Variant
from pipeline.planning.ablation import VariantState
from pipeline.planning.search_state import SearchState
from pipeline.runs.resample import Resample
from pipeline.runs.run import Run
from pipeline.search.variant_search import Search

RATE = "optimizer.learning_rate"
SPACE = {RATE: {"log": [1e-3, 1e-1]}}


def variant(tune: Mapping[str, Any], **ablation: Any) -> Variant:
    full = {"trials": 4, "space": SPACE, **tune}
    return expand(study({"one": {"tune": full, "variants": {"plain": {}}, **ablation}}), "one").variants[0]


def searched(search: Search, accuracy: Callable[[Run], float | None]) -> dict[str, Any]:
    """Run a search to its end; an `accuracy` of None is a run that diverged."""
    while search.next_trials():
        pending = [run for trial in search.trials if trial.score is None for run in trial.runs]
        search.report({run.key: measured(run, accuracy(run)) for run in pending})
    return search.choice()


def measured(run: Run, accuracy: float | None) -> Any:
    if accuracy is None:
        return record(run, outcome="diverged", metrics={}, curves={})
    return record(run, accuracy)


def rate(run: Run) -> float:
    return run.recipe.optimizer.learning_rate


def test_the_best_on_validation_is_chosen() -> None:
    choice = searched(Search(variant({}), CONTEXT, ACCURACY), rate)
    rates = [trial["values"][RATE] for trial in choice["trials"]]
    assert len(rates) == 4 and choice["values"] == {RATE: max(rates)}
    assert [trial["score"] for trial in choice["trials"]] == pytest.approx(rates)
    assert {trial["outcome"] for trial in choice["trials"]} == {"finished"}


def test_a_loss_is_to_fall() -> None:
    choice = searched(Search(variant({}), CONTEXT, LOSS), lambda run: 1 - rate(run))
    assert choice["values"] == {RATE: min(trial["values"][RATE] for trial in choice["trials"])}


@pytest.mark.parametrize("metric", [ACCURACY, LOSS], ids=["accuracy", "loss"])
@pytest.mark.parametrize("oracle", ["random", "bayesian", "hyperband"])
def test_diverged_trials_are_worst_and_end_nothing(oracle: str, metric: Metric) -> None:
    tuned = variant({"oracle": oracle, "trials": 8}, base={"training": {"epochs": 9}})
    search = Search(tuned, CONTEXT, metric)
    choice = searched(search, lambda run: None if rate(run) > 0.004 else 0.1)
    outcomes = {trial["values"][RATE] > 0.004: trial["outcome"] for trial in choice["trials"]}
    assert outcomes == {True: "diverged", False: "finished"}
    assert choice["values"][RATE] <= 0.004
    assert all(trial["score"] is None for trial in choice["trials"] if trial["outcome"] == "diverged")


def test_a_search_in_which_all_diverges_still_chooses() -> None:
    choice = searched(Search(variant({}), CONTEXT, LOSS), lambda _: None)
    assert choice["values"] == choice["trials"][0]["values"]


def test_seeds_and_folds_are_averaged() -> None:
    search = Search(variant({"seeds": 2, "folds": 3}), CONTEXT, ACCURACY)
    choice = searched(search, lambda run: 0.1 * run.seed + 0.01 * (run.fold or (0, 0))[0])
    for trial, entry in zip(search.trials, choice["trials"], strict=True):
        assert [(run.seed, run.fold) for run in trial.runs] == [
            (s, (f, 3)) for s in (0, 1) for f in (0, 1, 2)
        ]
        assert entry["run_keys"] == [run.key for run in trial.runs]
        assert entry["score"] == pytest.approx(0.06)


def test_one_diverged_fold_is_a_diverged_trial() -> None:
    choice = searched(
        Search(variant({"folds": 2}), CONTEXT, ACCURACY),
        lambda run: None if run.fold == (1, 2) else 0.9,
    )
    assert {trial["outcome"] for trial in choice["trials"]} == {"diverged"}


def test_the_same_scores_lead_to_the_same_choice() -> None:
    plain = variant({"oracle": "bayesian", "trials": 9})
    first, second = (searched(Search(plain, CONTEXT, ACCURACY), rate) for _ in range(2))
    assert first == second


def test_every_variant_draws_the_same_candidates() -> None:
    ablation = {"tune": {"trials": 5, "space": SPACE}, "variants": {"a": {}, "b": {"model": {"layers": [3]}}}}
    expanded = expand(study({"one": ablation}), "one")
    drawn = [
        [trial.candidate.values for trial in Search(variant, CONTEXT, ACCURACY).next_trials()]
        for variant in expanded.variants
    ]
    assert drawn[0] == drawn[1] and len(drawn[0]) == 5


def test_another_study_seed_draws_others() -> None:
    plain = variant({})
    drawn = [
        [trial.candidate.values for trial in Search(plain, context, "accuracy").next_trials()]
        for context in (CONTEXT, replace(CONTEXT, study_seed=1))
    ]
    assert drawn[0] != drawn[1]


def measuring(plain: Variant, count: int, values: dict[str, Any]) -> list[Run]:
    chosen = SearchState(Search(plain, CONTEXT, ACCURACY), choice={"values": values, "trials": []})
    return VariantState(plain, CONTEXT, count, [chosen]).replicates


def test_replicates_measure_the_choice_on_seeds_that_no_trial_used() -> None:
    plain = variant({"seeds": 3})
    search = Search(plain, CONTEXT, ACCURACY)
    trials = [run for trial in search.next_trials() for run in trial.runs]
    runs = measuring(plain, 5, {RATE: 0.02})
    assert [run.seed for run in runs] == [0, 1, 2, 3, 4]
    assert {rate(run) for run in runs} == {0.02}
    for axis in ("weights", "batches", "dropout"):
        of_trials = {getattr(run.seeds, axis) for run in trials}
        of_replicates = {getattr(run.seeds, axis) for run in runs}
        assert len(of_trials) == 3 and len(of_replicates) == 5 and not of_trials & of_replicates


def test_hyperbands_short_trials_do_not_shorten_the_replicates() -> None:
    plain = variant({"oracle": "hyperband"}, base={"training": {"epochs": 9}})
    choice = searched(Search(plain, CONTEXT, ACCURACY), rate)
    assert set(choice["values"]) == {RATE}
    epochs = {run.recipe.training.epochs for run in measuring(plain, 2, choice["values"])}
    assert epochs == {9}


def test_searches_of_replicates_share_neither_points_nor_seeds() -> None:
    plain = variant({"seeds": 2})
    searches = [Search(plain, CONTEXT, ACCURACY, number) for number in range(3)]
    drawn = [list(search.next_trials()) for search in searches]
    points = {trial.candidate.values[RATE] for trials in drawn for trial in trials}
    assert len(points) == sum(map(len, drawn))
    assert len({run.seeds.weights for trials in drawn for trial in trials for run in trial.runs}) == 6
    assert len({search.key for search in searches}) == 3
    folds = [Search(plain, CONTEXT, ACCURACY, 0, Resample("folds", number, k=2)) for number in (0, 1)]
    assert len({search.key for search in [searches[0], *folds]}) == 3
    keys = {trial.runs[0].key for search in folds for trial in search.next_trials()}
    assert len(keys) == 2 * len(drawn[0])


def test_the_key_of_a_search_changes_with_what_can_change_its_outcome() -> None:
    plain = variant({})
    searches = [
        Search(plain, CONTEXT, ACCURACY),
        Search(plain, CONTEXT, LOSS),
        Search(plain, replace(CONTEXT, study_seed=1), ACCURACY),
        Search(plain, replace(CONTEXT, data_digest="other"), ACCURACY),
        Search(variant({"trials": 5}), CONTEXT, ACCURACY),
        Search(variant({"oracle": "bayesian"}), CONTEXT, ACCURACY),
        Search(variant({"seeds": 2}), CONTEXT, ACCURACY),
        Search(variant({"space": {RATE: {"log": [1e-3, 1.0]}}}), CONTEXT, ACCURACY),
        Search(variant({}, base={"model": {"layers": [3]}}), CONTEXT, ACCURACY),
    ]
    assert len({search.key for search in searches}) == len(searches)
    renamed = study({"two": {"tune": {"trials": 4, "space": SPACE}, "variants": {"other_name": {}}}})
    assert Search(expand(renamed, "two").variants[0], CONTEXT, ACCURACY).key == searches[0].key
