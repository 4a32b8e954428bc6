"""What a study requires, what the store has, and what the results contain; nothing trains here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import record, study

from pipeline.core.machine import cores
from pipeline.core.metrics import ACCURACY, LOSS
from pipeline.diagnostics.required import required
from pipeline.params.types.study import Study
from pipeline.planning.ablation import AblationState
from pipeline.planning.cost import PER_LAYER
from pipeline.planning.manifests import write_manifest
from pipeline.planning.plan import SECONDS_PER_STAGE, plan
from pipeline.planning.speed import MEASURED
from pipeline.planning.state import best_replicate, lacks_models, read_states
from pipeline.planning.work import missing_runs
from pipeline.result_files.write import results_of, write_results
from pipeline.runs.run import Run
from pipeline.store import Store

TUNE = {"trials": 3, "seeds": 2, "space": {"optimizer.learning_rate": {"log": [1e-3, 1e-1]}}}
PLAIN = {"variants": {"small": {}, "wide": {"model": {"layers": [16]}}}, "seeds": 2}
TUNED = {"tune": TUNE, "variants": {"tanh": {}, "relu": {"model": {"activation": "relu"}}}, "seeds": 2}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".runs")


def states(spec: Study, store: Store) -> list[AblationState]:
    return read_states(spec, store, store.folder.parent)


def choose(store: Store, state: AblationState, rate: float = 0.01) -> None:
    """Freeze a choice for every variant, as if each search had ended."""
    for variant in state.variants:
        key = variant.searches[0].key
        assert key is not None
        trial = {"values": {"optimizer.learning_rate": rate}, "run_keys": [f"{variant.variant.name}-trial"]}
        choice = {"values": trial["values"], "trials": [{**trial, "score": 0.5, "outcome": "finished"}]}
        store.choices.put(key, choice)


def put(store: Store, runs: list[Run], **changes: Any) -> None:
    for number, run in enumerate(runs):
        store.runs.put(record(run, val_accuracy=0.5 + number / 10, **changes))


def test_a_plain_ablation_requires_its_replicates(store: Store) -> None:
    (state,) = states(study({"one": PLAIN}), store)
    assert [len(variant.replicates) for variant in state.variants] == [2, 2]
    assert len(set(state.required_keys())) == 4 and not state.is_trained(store.runs.keys())
    for variant in state.variants:
        put(store, variant.replicates)
    assert state.is_trained(store.runs.keys())


def test_a_tuned_one_requires_replicates_only_once_it_is_chosen(store: Store) -> None:
    spec = study({"one": TUNED})
    (before,) = states(spec, store)
    assert before.required_keys() == [] and not before.is_trained(store.runs.keys())
    choose(store, before)
    (after,) = states(spec, store)
    rates = {run.recipe.optimizer.learning_rate for variant in after.variants for run in variant.replicates}
    assert rates == {0.01}
    assert after.required_keys()[:2] == ["tanh-trial", "relu-trial"] and len(after.required_keys()) == 6


def test_a_frozen_choice_is_searched_again_only_for_another_question(store: Store) -> None:
    choose(store, states(study({"one": TUNED}), store)[0])
    for same in ({"seeds": 7}, {"margin": 1.0}, {"question": "Another?"}):
        assert all(
            variant.is_chosen for variant in states(study({"one": {**TUNED, **same}}), store)[0].variants
        )
    for other in ({"metric": "loss"}, {"tune": {**TUNE, "trials": 4}}, {"base": {"training": {"epochs": 3}}}):
        assert not any(
            variant.is_chosen for variant in states(study({"one": {**TUNED, **other}}), store)[0].variants
        )


def test_a_plan_counts_what_is_missing(store: Store, tmp_path: Path) -> None:
    spec = study({"one": PLAIN, "two": TUNED})
    first = plan(spec, store, tmp_path)
    one, two = first.ablations
    assert (one.trials, one.replicates, one.stored, one.to_train) == (0, 4, 0, 4)
    assert (two.trials, two.replicates, two.stored, two.to_train) == (12, 4, 0, 16)
    assert (first.runs, first.to_train) == (20, 20) and first.seconds > one.seconds > 0
    assert first.core_hours == pytest.approx((one.seconds + two.seconds) * cores() / 3600, abs=1e-3)
    assert missing_runs(states(spec, store), store.runs.keys()) == 20

    put(store, states(spec, store)[0].variants[0].replicates)
    one = plan(spec, store, tmp_path).ablations[0]
    assert (one.stored, one.to_train) == (2, 2)


def test_runs_that_ablations_share_are_counted_once_in_all(store: Store, tmp_path: Path) -> None:
    planned_study = plan(study({"one": PLAIN, "two": PLAIN}), store, tmp_path)
    assert [ablation.to_train for ablation in planned_study.ablations] == [4, 4]
    assert (planned_study.runs, planned_study.to_train) == (4, 4)
    alone = plan(study({"one": PLAIN}), store, tmp_path)
    assert planned_study.core_hours == alone.core_hours
    assert planned_study.seconds == pytest.approx(alone.seconds + SECONDS_PER_STAGE, abs=0.1)


def planned(store: Store, entry: dict[str, Any]) -> float:
    """Return the seconds planned for one ablation on MNIST."""
    spec = study({"one": {"seeds": 200, **entry}}, dataset="mnist")
    return plan(spec, store, store.folder.parent).ablations[0].seconds


def test_a_plan_adds_up_what_every_phase_takes(store: Store) -> None:
    net = {"layers": [{"filters": 16, "kernel_size": 3, "strides": 2}]}
    phases = [{"data": {"limit": 50_000}, "training": {"epochs": 4}}, {"trainable": "head"}]
    conv, dense = 14 * 14 * 9 * 16, 14 * 14 * 16 * 10
    first = (4 * 3_125, 4 * (6 * 50_000 + 2 * 40) * conv, 4 * (6 * 50_000 + 2 * 40) * dense)
    second = (2 * 6, 2 * 2 * 130 * conv, 2 * (6 * 90 + 2 * 40) * dense)
    steps, convolved, operations = (sum(pair) for pair in zip(first, second, strict=True))
    run = steps * MEASURED.step + convolved * MEASURED.convolved + operations * MEASURED.dense
    seconds = planned(store, {"variants": {"frozen": {"model": net, "phases": phases}}})
    graph = (1 - PER_LAYER) * MEASURED.graph  # one hidden layer instead of two
    assert seconds == pytest.approx(2 * graph + 200 * run, abs=0.1)


def test_phases_that_variants_share_are_counted_once(store: Store) -> None:
    first = {"data": {"limit": 50_000}}
    both = {"one": {"phases": [first, {}]}, "two": {"phases": [first, {"trainable": "head"}]}}
    alone = [planned(store, {"variants": {name: patch}}) for name, patch in both.items()]
    once = planned(store, {"variants": {"one": {"phases": [first, first]}}}) / 2  # and a graph
    assert planned(store, {"variants": both}) == pytest.approx(sum(alone) - once, rel=0.1)


def test_trials_by_cross_validation_train_on_all_but_a_fold(store: Store) -> None:
    whole = {"data": {"limit": None, "validation": 30_000}}
    tune = {**TUNE, "trials": 50, "seeds": 1, "folds": 3}
    seconds = planned(store, {"base": whole, "tune": tune, "variants": {"plain": {}}})
    net = 784 * 8 + 8 * 4 + 4 * 10
    trial, replicate = (
        2 * (-(-training // 16) * MEASURED.step + (6 * training + 2 * held) * net * MEASURED.dense)
        for training, held in ((40_000, 20_000), (30_000, 30_000))
    )
    assert seconds == pytest.approx(2 * MEASURED.graph + 150 * trial + 200 * replicate, abs=0.1)


def test_a_plan_knows_what_a_search_has_chosen(store: Store) -> None:
    tune = {"trials": 2, "space": {"model.layers.0.units": {"choice": [8, 800]}}}
    spec = study({"one": {"tune": tune, "variants": {"plain": {}}, "seeds": 100}}, dataset="mnist")
    (state,) = states(spec, store)
    seconds = []
    for units in (8, 800):
        key = state.variants[0].searches[0].key
        assert key is not None
        store.choices.put(key, {"values": {"model.layers.0.units": units}, "trials": []})
        seconds.append(plan(spec, store, store.folder.parent).ablations[0].seconds)
    assert seconds[1] > seconds[0]


def test_a_plan_for_a_finished_study_takes_no_time(store: Store, tmp_path: Path) -> None:
    spec = study({"one": PLAIN})
    for variant in states(spec, store)[0].variants:
        put(store, variant.replicates)
    planned_study = plan(spec, store, tmp_path)
    assert (planned_study.to_train, planned_study.seconds, planned_study.core_hours) == (0, 0.0, 0.0)
    assert json.loads(json.dumps(planned_study.as_json()))["ablations"][0]["stored"] == 4


def test_a_variant_added_or_changed_leaves_the_other_runs_alone(store: Store) -> None:
    before = set(states(study({"one": PLAIN}), store)[0].required_keys())
    more = {**PLAIN, "variants": {"deep": {"model": {"layers": [4, 4]}}, **PLAIN["variants"]}}
    assert before < set(states(study({"one": more}), store)[0].required_keys())
    elsewhere = study({"zero": TUNED, "one": {**PLAIN, "question": "Other words?", "seeds": 3}})
    assert before < set(states(elsewhere, store)[1].required_keys())


def test_the_best_replicate_is_that_of_the_metric(store: Store) -> None:
    (state,) = states(study({"one": {**PLAIN, "seeds": 4}}), store)
    first, second = state.variants
    accuracies = [0.5, 0.75, 0.75, 0.9]
    outcomes = ["finished", "finished", "finished", "diverged"]
    for run, accuracy, outcome in zip(first.replicates, accuracies, outcomes, strict=True):
        metrics = {"val_accuracy": accuracy, "val_loss": accuracy}
        store.runs.put(record(run, metrics=metrics, outcome=outcome), [np.zeros(2, "float32")])
    best = best_replicate(store, first, ACCURACY), best_replicate(store, first, LOSS)
    assert [run.seed for run in best if run] == [1, 0], "of equals the first, of the diverged none"
    assert best_replicate(store, second, ACCURACY) is None
    assert lacks_models(store, state)
    store.runs.model_path(first.replicates[1].key).write_bytes(b"a model")
    assert not lacks_models(store, state)


def test_results_contain_what_the_store_holds(store: Store, tmp_path: Path) -> None:
    spec = study({"one": TUNED}, margin=0.5)
    choose(store, states(spec, store)[0])
    (state,) = states(spec, store)
    for variant in state.variants:
        put(store, variant.replicates)
    results = results_of(store, state, store.folder.parent).as_json()
    assert (results["name"], results["baseline"], results["kind"]) == ("one", "tanh", "variants")
    assert (results["dataset"], results["metric"], results["margin"], results["seeds"]) == (
        "digits",
        "accuracy",
        0.5,
        2,
    )
    tanh, relu = results["variants"]
    assert (tanh["changes"], relu["changes"]) == ({}, {"model.activation": "relu"})
    assert relu["chosen"] == {"optimizer.learning_rate": 0.01}
    assert [trial["run_key"] for trial in relu["trials"]] == ["relu-trial"]
    assert [replicate["metrics"]["val_accuracy"] for replicate in relu["replicates"]] == [0.5, 0.6]
    assert [replicate["seed"] for replicate in relu["replicates"]] == [0, 1]
    assert [replicate["run_key"] for replicate in relu["replicates"]] == [
        run.key for run in state.variants[1].replicates
    ]

    write_results(store, state, required(store, state), tmp_path / "results")
    path = tmp_path / "results" / "one" / "ablation.json"
    assert json.loads(path.read_text(encoding="utf-8")) == results


def test_results_name_every_processor_that_trained(store: Store) -> None:
    (state,) = states(study({"one": PLAIN}), store)
    for variant, processor in zip(state.variants, ("one", "another"), strict=True):
        put(store, variant.replicates, environment={"keras": "3", "processor": processor})
    found = results_of(store, state, store.folder.parent).environment
    assert found == {"keras": "3", "processor": "one; another"}


def test_neither_time_nor_place_enter_the_results(tmp_path: Path) -> None:
    spec = study({"one": PLAIN})
    written = []
    for number in (1, 2):
        root = tmp_path / str(number)
        store = Store(root / ".runs")
        (state,) = states(spec, store)
        for variant in state.variants:
            put(store, variant.replicates, seconds=float(number))
        write_results(store, state, required(store, state), root / "results")
        written.append((root / "results" / "one" / "ablation.json").read_bytes())
    assert written[0] == written[1]


def test_results_of_a_run_that_is_not_there_are_refused(store: Store) -> None:
    (state,) = states(study({"one": PLAIN}), store)
    with pytest.raises(KeyError, match="not in the store"):
        results_of(store, state, store.folder.parent)


def test_a_manifest_names_every_run_known_so_far(store: Store) -> None:
    spec = study({"one": TUNED})
    write_manifest(store, states(spec, store)[0])
    assert store.manifests.all()["one"]["entries"] == []
    choose(store, states(spec, store)[0])
    (state,) = states(spec, store)
    put(store, state.variants[0].replicates)
    store.runs.model_path(state.variants[0].replicates[1].key).write_bytes(b"a model")
    write_manifest(store, state)
    manifest = store.manifests.all()["one"]
    assert {entry["run_key"] for entry in manifest["entries"]} == set(state.required_keys())
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
    assert not set(one.required_keys()) & set(two.required_keys())
    both_planned = plan(both, store, store.folder.parent)
    datasets = ["digits", "mnist"]
    assert list(both_planned.datasets) == datasets
    assert [ablation.dataset for ablation in both_planned.ablations] == datasets
    (same,) = states(study({"other": {**PLAIN, "dataset": "digits"}}), store)
    assert same.required_keys() == one.required_keys()  # runs are shared with those of the study's own
