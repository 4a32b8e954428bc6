"""What a study wants, what the store has, and what results say of it; nothing trains here."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.kit import record, study
from pipeline.manifests import write_manifest
from pipeline.params.schema import Study
from pipeline.plan import (
    SECONDS_PER_CONVOLVED,
    SECONDS_PER_GRAPH,
    SECONDS_PER_OPERATION,
    SECONDS_PER_STEP,
    missing_runs,
    plan,
)
from pipeline.publish import results_of, write_results
from pipeline.runs import Run
from pipeline.store import Store
from pipeline.survey import AblationState, best_replicate, lacks_models, survey

TUNE = {"trials": 3, "seeds": 2, "space": {"optimizer.learning_rate": {"log": [1e-3, 1e-1]}}}
PLAIN = {"variants": {"small": {}, "wide": {"model": {"layers": [16]}}}, "seeds": 2}
TUNED = {"tune": TUNE, "variants": {"tanh": {}, "relu": {"model": {"activation": "relu"}}}, "seeds": 2}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".runs")


def states(wanted: Study, store: Store) -> list[AblationState]:
    return survey(wanted, store, store.folder.parent)


def choose(store: Store, state: AblationState, rate: float = 0.01) -> None:
    """Freeze a choice for every variant, as if each search had ended."""
    for each in state.variants:
        assert each.search is not None
        trial = {"values": {"optimizer.learning_rate": rate}, "run_keys": [f"{each.variant.name}-trial"]}
        choice = {"values": trial["values"], "trials": [{**trial, "score": 0.5, "outcome": "finished"}]}
        store.put_choice(each.search.key, choice)


def put(store: Store, runs: list[Run], **changes: Any) -> None:
    for number, each in enumerate(runs):
        store.put(record(each, val_accuracy=0.5 + number / 10, **changes))


def test_a_plain_ablation_wants_its_replicates(store: Store) -> None:
    (state,) = states(study({"one": PLAIN}), store)
    assert [len(each.replicates) for each in state.variants] == [2, 2]
    assert len(set(state.wanted_keys())) == 4 and not state.is_complete(store.keys())
    for each in state.variants:
        put(store, each.replicates)
    assert state.is_complete(store.keys())


def test_a_tuned_one_wants_replicates_only_once_it_is_chosen(store: Store) -> None:
    wanted = study({"one": TUNED})
    (before,) = states(wanted, store)
    assert before.wanted_keys() == [] and not before.is_complete(store.keys())
    choose(store, before)
    (after,) = states(wanted, store)
    rates = {run.recipe.optimizer.learning_rate for each in after.variants for run in each.replicates}
    assert rates == {0.01}
    assert after.wanted_keys()[:2] == ["tanh-trial", "relu-trial"] and len(after.wanted_keys()) == 6


def test_a_frozen_choice_is_searched_again_only_for_another_question(store: Store) -> None:
    choose(store, states(study({"one": TUNED}), store)[0])
    for same in ({"seeds": 7}, {"margin": 1.0}, {"question": "Another?"}):
        assert all(each.is_chosen for each in states(study({"one": {**TUNED, **same}}), store)[0].variants)
    for other in ({"metric": "loss"}, {"tune": {**TUNE, "trials": 4}}, {"base": {"training": {"epochs": 3}}}):
        assert not any(
            each.is_chosen for each in states(study({"one": {**TUNED, **other}}), store)[0].variants
        )


def test_a_plan_counts_what_is_missing(store: Store, tmp_path: Path) -> None:
    wanted = study({"one": PLAIN, "two": TUNED})
    first = plan(wanted, store, tmp_path)
    one, two = first.ablations
    assert (one.trials, one.replicates, one.stored, one.to_train) == (0, 4, 0, 4)
    assert (two.trials, two.replicates, two.stored, two.to_train) == (12, 4, 0, 16)
    assert (first.runs, first.to_train) == (20, 20) and first.seconds > one.seconds > 0
    assert first.core_hours == pytest.approx((one.seconds + two.seconds) * 2 / 3600, abs=1e-3)
    assert missing_runs(states(wanted, store), store.keys()) == 20

    put(store, states(wanted, store)[0].variants[0].replicates)
    one = plan(wanted, store, tmp_path).ablations[0]
    assert (one.stored, one.to_train) == (2, 2)


def test_runs_that_ablations_share_are_counted_once_in_all(store: Store, tmp_path: Path) -> None:
    made = plan(study({"one": PLAIN, "two": PLAIN}), store, tmp_path)
    assert [each.to_train for each in made.ablations] == [4, 4]
    assert (made.runs, made.to_train) == (4, 4)
    alone = plan(study({"one": PLAIN}), store, tmp_path)
    assert (made.seconds, made.core_hours) == (alone.seconds, alone.core_hours)


def planned(store: Store, entry: dict[str, Any]) -> float:
    """Return the seconds planned for one ablation on MNIST."""
    wanted = study({"one": {"seeds": 200, **entry}}, dataset="mnist")
    return plan(wanted, store, store.folder.parent).ablations[0].seconds


def test_a_plan_adds_up_what_every_phase_takes(store: Store) -> None:
    net = {"layers": [{"filters": 16, "kernel_size": 3, "strides": 2}]}
    phases = [{"data": {"limit": 50_000}, "training": {"epochs": 4}}, {"trainable": "head"}]
    conv, dense = 14 * 14 * 9 * 16, 14 * 14 * 16 * 10
    first = (4 * 3_125, 4 * (6 * 50_000 + 2 * 40) * conv, 4 * (6 * 50_000 + 2 * 40) * dense)
    second = (2 * 6, 2 * 2 * 130 * conv, 2 * (6 * 90 + 2 * 40) * dense)
    steps, convolved, operations = (sum(each) for each in zip(first, second, strict=True))
    run = steps * SECONDS_PER_STEP + convolved * SECONDS_PER_CONVOLVED + operations * SECONDS_PER_OPERATION
    found = planned(store, {"variants": {"frozen": {"model": net, "phases": phases}}})
    assert found == pytest.approx(2 * SECONDS_PER_GRAPH + 200 * run, abs=0.1)


def test_phases_that_variants_share_are_trained_by_each_of_their_runs(store: Store) -> None:
    first = {"data": {"limit": 50_000}}
    both = {"one": {"phases": [first, {}]}, "two": {"phases": [first, {"trainable": "head"}]}}
    each = [planned(store, {"variants": {name: patch}}) for name, patch in both.items()]
    assert planned(store, {"variants": both}) == pytest.approx(sum(each), abs=0.2)


def test_trials_by_cross_validation_train_on_all_but_a_fold(store: Store) -> None:
    whole = {"data": {"limit": None, "validation": 30_000}}
    tune = {**TUNE, "trials": 50, "seeds": 1, "folds": 3}
    found = planned(store, {"base": whole, "tune": tune, "variants": {"plain": {}}})
    net = 784 * 8 + 8 * 4 + 4 * 10
    trial, replicate = (
        2 * (-(-training // 16) * SECONDS_PER_STEP + (6 * training + 2 * held) * net * SECONDS_PER_OPERATION)
        for training, held in ((40_000, 20_000), (30_000, 30_000))
    )
    assert found == pytest.approx(SECONDS_PER_GRAPH + 150 * trial + 200 * replicate, abs=0.1)


def test_a_plan_knows_what_a_search_has_chosen(store: Store) -> None:
    tune = {"trials": 2, "space": {"model.layers.0.units": {"choice": [8, 800]}}}
    wanted = study({"one": {"tune": tune, "variants": {"plain": {}}, "seeds": 100}}, dataset="mnist")
    (state,) = states(wanted, store)
    seconds = []
    for units in (8, 800):
        assert state.variants[0].search is not None
        store.put_choice(
            state.variants[0].search.key, {"values": {"model.layers.0.units": units}, "trials": []}
        )
        seconds.append(plan(wanted, store, store.folder.parent).ablations[0].seconds)
    assert seconds[1] > seconds[0]


def test_a_plan_for_a_finished_study_takes_no_time(store: Store, tmp_path: Path) -> None:
    wanted = study({"one": PLAIN})
    for each in states(wanted, store)[0].variants:
        put(store, each.replicates)
    made = plan(wanted, store, tmp_path)
    assert (made.to_train, made.seconds, made.core_hours) == (0, 0.0, 0.0)
    assert json.loads(json.dumps(made.as_json()))["ablations"][0]["stored"] == 4


def test_a_variant_added_or_changed_leaves_the_other_runs_alone(store: Store) -> None:
    before = set(states(study({"one": PLAIN}), store)[0].wanted_keys())
    more = {**PLAIN, "variants": {"deep": {"model": {"layers": [4, 4]}}, **PLAIN["variants"]}}
    assert before < set(states(study({"one": more}), store)[0].wanted_keys())
    elsewhere = study({"zero": TUNED, "one": {**PLAIN, "question": "Other words?", "seeds": 3}})
    assert before < set(states(elsewhere, store)[1].wanted_keys())


def test_the_best_replicate_is_that_of_the_metric(store: Store) -> None:
    (state,) = states(study({"one": {**PLAIN, "seeds": 4}}), store)
    first, second = state.variants
    accuracies = [0.5, 0.75, 0.75, 0.9]
    outcomes = ["finished", "finished", "finished", "diverged"]
    for each, accuracy, outcome in zip(first.replicates, accuracies, outcomes, strict=True):
        metrics = {"val_accuracy": accuracy, "val_loss": accuracy}
        store.put(record(each, metrics=metrics, outcome=outcome))
    found = best_replicate(store, first, "accuracy"), best_replicate(store, first, "loss")
    assert [run.seed for run in found if run] == [1, 0], "of equals the first, of the diverged none"
    assert best_replicate(store, second, "accuracy") is None
    assert lacks_models(store, state)
    store.model_path(first.replicates[1].key).write_bytes(b"a model")
    assert not lacks_models(store, state)


def test_results_say_what_the_store_holds(store: Store, tmp_path: Path) -> None:
    wanted = study({"one": TUNED}, margin=0.5)
    choose(store, states(wanted, store)[0])
    (state,) = states(wanted, store)
    for each in state.variants:
        put(store, each.replicates)
    found = results_of(store, state, store.folder.parent)
    assert (found["name"], found["baseline"], found["kind"]) == ("one", "tanh", "variants")
    assert (found["dataset"], found["metric"], found["margin"], found["seeds"]) == (
        "digits",
        "accuracy",
        0.5,
        2,
    )
    tanh, relu = found["variants"]
    assert (tanh["changes"], relu["changes"]) == ({}, {"model.activation": "relu"})
    assert relu["chosen"] == {"optimizer.learning_rate": 0.01}
    assert [trial["run_key"] for trial in relu["trials"]] == ["relu-trial"]
    assert [each["metrics"]["val_accuracy"] for each in relu["replicates"]] == [0.5, 0.6]
    assert [each["seed"] for each in relu["replicates"]] == [0, 1]
    assert [each["run_key"] for each in relu["replicates"]] == [
        run.key for run in state.variants[1].replicates
    ]

    write_results(store, state, tmp_path / "results")
    path = tmp_path / "results" / "one" / "ablation.json"
    assert json.loads(path.read_text(encoding="utf-8")) == found


def test_neither_time_nor_place_enter_the_results(tmp_path: Path) -> None:
    wanted = study({"one": PLAIN})
    written = []
    for number in (1, 2):
        root = tmp_path / str(number)
        store = Store(root / ".runs")
        (state,) = states(wanted, store)
        for each in state.variants:
            put(store, each.replicates, seconds=float(number))
        write_results(store, state, root / "results")
        written.append((root / "results" / "one" / "ablation.json").read_bytes())
    assert written[0] == written[1]


def test_results_of_a_run_that_is_not_there_are_refused(store: Store) -> None:
    (state,) = states(study({"one": PLAIN}), store)
    with pytest.raises(KeyError, match="not in the store"):
        results_of(store, state, store.folder.parent)


def test_a_manifest_names_every_run_known_so_far(store: Store) -> None:
    wanted = study({"one": TUNED})
    write_manifest(store, states(wanted, store)[0])
    assert store.manifests()["one"]["entries"] == []
    choose(store, states(wanted, store)[0])
    (state,) = states(wanted, store)
    put(store, state.variants[0].replicates)
    store.model_path(state.variants[0].replicates[1].key).write_bytes(b"a model")
    write_manifest(store, state)
    manifest = store.manifests()["one"]
    assert {entry["run_key"] for entry in manifest["entries"]} == set(state.wanted_keys())
    assert [
        (entry["phase"], entry["seed"]) for entry in manifest["entries"] if entry["variant"] == "tanh"
    ] == [
        ("trial", 0),
        ("replicate", 0),
        ("replicate", 1),
    ]
    assert manifest["models"] == {"tanh": state.variants[0].replicates[1].key}


def test_an_ablation_may_have_a_data_set_of_its_own(store: Store) -> None:
    entry = {**PLAIN, "dataset": "mnist"}
    both = study({"one": PLAIN, "two": entry})
    one, two = states(both, store)
    assert [state.variants[0].context.dataset for state in (one, two)] == ["digits", "mnist"]
    assert not set(one.wanted_keys()) & set(two.wanted_keys())
    found = plan(both, store, store.folder.parent)
    assert found.datasets == ("digits", "mnist") and [each.dataset for each in found.ablations] == [
        "digits",
        "mnist",
    ]
    (same,) = states(study({"other": {**PLAIN, "dataset": "digits"}}), store)
    assert same.wanted_keys() == one.wanted_keys()  # runs are shared with those of the study's own
