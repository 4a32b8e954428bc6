import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.project import commit
from pipeline.tracking import ledger as ledgers
from pipeline.tracking.ledger import pending
from pipeline.tracking.projection import Projection, project

from .conftest import CURVES, Study, client, held, names, record


def ids(study: Study) -> dict[str, str]:
    return {run.info.run_name: run.info.run_id for runs in held(study.uri).values() for run in runs}


def test_a_run_is_shown_with_everything_known_about_it(study: Study) -> None:
    key = study.add("act", "relu", seed=3, **{"optimizer.learning_rate": 0.01})
    project(study.store)

    (run,) = held(study.uri)["act"]
    assert (run.info.run_name, run.info.status) == ("relu · seed 3", "FINISHED")
    assert run.info.end_time - run.info.start_time == 2500
    shown = {
        name: run.data.tags[name]
        for name in ("ablation", "variant", "seed", "phase", "run_key", "outcome", "engine")
    }
    assert list(shown.values()) == ["act", "relu", "3", "replicate", key, "finished", "fused"]
    assert run.data.params == {
        "dataset": "digits",
        "model.layers": "[8, 4]",
        "model.activation": "relu",
        "optimizer.learning_rate": "0.01",
    }
    assert run.data.metrics["test_accuracy"] == 0.7
    assert (run.data.metrics["val_accuracy"], run.data.metrics["final_val_accuracy"]) == (0.625, 0.75)
    history = client(study.uri).get_metric_history(run.info.run_id, "val_accuracy")
    assert {point.step: point.value for point in history} == {1: 0.5, 2: 0.75, 3: 0.625}


def test_an_experiment_carries_its_question_and_keeps_artifacts_in_the_project(study: Study) -> None:
    study.add("act", "relu")
    project(study.store)

    experiment = client(study.uri).get_experiment_by_name("act")
    assert experiment.tags["mlflow.note.content"].startswith("What of act?\n\nOne run sums up")
    assert experiment.tags["baseline"] == "relu"
    assert experiment.artifact_location == (study.root / "mlartifacts" / "act").as_uri()

    study.manifests["act"]["question"] = "And now?"
    study.write()
    project(study.store)
    assert client(study.uri).get_experiment_by_name("act").tags["mlflow.note.content"].startswith("And now?")


def test_trials_are_numbered_within_their_variant(study: Study) -> None:
    for variant, seed in [("relu", 0), ("gelu", 0), ("relu", 1)]:
        study.add("act", variant, seed, phase="trial")
    study.add("act", "relu", 0, finished=False)
    project(study.store)

    assert names(study.uri) == {"act": ["gelu · trial 1", "relu · trial 1", "relu · trial 2"]}


def test_what_is_there_is_left_alone(study: Study) -> None:
    study.add("act", "relu")
    project(study.store)
    before, state = ids(study), ledgers.database_state(study.uri)

    assert not pending(study.store)
    project(study.store)
    assert (ids(study), ledgers.database_state(study.uri)) == (before, state)

    study.add("act", "gelu")
    assert pending(study.store)
    project(study.store)
    assert ids(study).items() > before.items()


def test_a_run_that_changed_is_sent_again(study: Study) -> None:
    study.add("act", "relu", phase="trial", **{"optimizer.learning_rate": 0.5})
    study.add("act", "gelu")
    project(study.store)
    before = ids(study)
    study.manifests["act"]["entries"][0]["values"] = {"optimizer.learning_rate": 0.25}
    study.write()
    project(study.store)

    after = ids(study)
    assert after["gelu · seed 0"] == before["gelu · seed 0"]
    assert after["relu · trial 1"] != before["relu · trial 1"]
    assert held(study.uri)["act"][1].data.params["optimizer.learning_rate"] == "0.25"


SUMMED = {
    "variant": "relu",
    "recipe": {"model": {"activation": "relu"}, "training": {"epochs": 2}},
    "values": {"optimizer.learning_rate": 0.5},
    "metrics": {"test_accuracy": 0.9, "test_accuracy_low": 0.88, "difference": 0.01},
    "tags": {"verdict": "better"},
    "dataset": {"name": "digits", "train": 1397, "validation": 200, "test": 400, "digest": "abc"},
}


def test_each_variant_is_summed_up_by_a_run_that_sorts_beside_the_others(study: Study) -> None:
    study.add("act", "relu")
    study.manifests["act"]["summaries"] = [SUMMED]
    study.write()
    assert pending(study.store)
    project(study.store)
    assert names(study.uri) == {"act": ["relu · seed 0", "relu · summary"]} and not pending(study.store)
    run = held(study.uri)["act"][1]
    assert run.data.metrics == SUMMED["metrics"] and run.info.status == "FINISHED"
    assert run.data.params == {
        "dataset": "digits",
        "model.activation": "relu",
        "training.epochs": "2",
        "optimizer.learning_rate": "0.5",
    }
    assert (run.data.tags["phase"], run.data.tags["verdict"]) == ("summary", "better")
    (given,) = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("digits", "abc")
    assert json.loads(given.dataset.profile) == {"train": 1397, "validation": 200, "test": 400}
    before = ids(study)
    project(study.store)
    assert ids(study) == before

    study.manifests["act"]["summaries"] = [{**SUMMED, "tags": {"verdict": "worse"}}]
    study.write()
    project(study.store)
    after = held(study.uri)["act"]
    assert [run.info.run_name for run in after] == ["relu · seed 0", "relu · summary"], (
        "in place of the old one"
    )
    assert after[1].data.tags["verdict"] == "worse" and ids(study)["relu · seed 0"] == before["relu · seed 0"]

    del study.manifests["act"]["summaries"]
    study.write()
    project(study.store)
    assert names(study.uri) == {"act": ["relu · seed 0"]}


def test_a_summary_is_known_again_where_the_ledger_is_lost(study: Study) -> None:
    study.add("act", "relu")
    study.manifests["act"]["summaries"] = [SUMMED]
    study.write()
    project(study.store)
    before = ids(study)
    shutil.rmtree(ledgers.folder(study.store))
    project(study.store)
    assert ids(study) == before


def test_an_ablation_goes_and_comes_back(study: Study) -> None:
    study.add("act", "relu")
    study.add("opt", "sgd")
    project(study.store)
    manifest = study.manifests["act"]
    study.drop("act")
    project(study.store)
    assert names(study.uri) == {"opt": ["sgd · seed 0"]}

    study.manifests["act"] = manifest
    study.add("act", "gelu")
    project(study.store)
    assert names(study.uri) == {"act": ["gelu · seed 0", "relu · seed 0"], "opt": ["sgd · seed 0"]}


def test_the_last_ablation_can_go(study: Study) -> None:
    study.add("act", "relu")
    project(study.store)
    study.drop("act")
    assert pending(study.store)
    project(study.store)
    assert names(study.uri) == {}
    assert not pending(study.store)


def test_the_same_run_in_two_ablations_is_shown_in_both(study: Study) -> None:
    study.add("act", "relu")
    study.add("opt", "nadam", finished=False)
    study.manifests["opt"]["entries"][0]["run_key"] = "act-relu-replicate-0"
    study.write()
    project(study.store)
    assert names(study.uri) == {"act": ["relu · seed 0"], "opt": ["nadam · seed 0"]}


def test_the_best_models_go_along(study: Study) -> None:
    keys = [study.add("act", "relu", seed) for seed in range(2)]
    study.keep_model("act", "relu", keys[0])
    project(study.store)
    before = ids(study)
    assert models(study) == {"relu · seed 0": "relu"}

    study.keep_model("act", "relu", keys[1])
    project(study.store)
    assert models(study) == {"relu · seed 1": "relu"}
    assert ids(study)["relu · seed 1"] == before["relu · seed 1"]
    assert not pending(study.store)


def models(study: Study) -> dict[str, str]:
    """Return the names of the models that MLflow has, by the name of their run, which names it too."""
    mlflow = client(study.uri)
    names = {run_id: name for name, run_id in ids(study).items()}
    (experiment,) = {mlflow.get_run(run_id).info.experiment_id for run_id in names}
    logged = {names[model.source_run_id]: model for model in mlflow.search_logged_models([experiment])}
    tagged = {
        name: tag for run_id, name in names.items() if (tag := mlflow.get_run(run_id).data.tags.get("model"))
    }
    assert tagged == {name: model.model_uri for name, model in logged.items()}
    return {name: model.name for name, model in logged.items()}


def test_while_training_nothing_is_deleted(study: Study) -> None:
    study.add("act", "relu")
    project(study.store)
    study.drop("act", "relu")
    study.add("act", "gelu")
    projection = Projection(study.store, study.uri)
    projection.send_finished()
    assert names(study.uri) == {"act": ["gelu · seed 0", "relu · seed 0"]}
    assert pending(study.store)

    projection.synchronise()
    assert names(study.uri) == {"act": ["gelu · seed 0"]}


def test_what_was_deleted_by_hand_comes_back(study: Study) -> None:
    study.add("act", "relu")
    study.add("act", "gelu")
    project(study.store)
    client(study.uri).delete_run(ids(study)["relu · seed 0"])

    assert pending(study.store)
    project(study.store)
    assert names(study.uri) == {"act": ["gelu · seed 0", "relu · seed 0"]}


def test_without_a_ledger_what_is_there_is_adopted(study: Study) -> None:
    study.add("act", "relu")
    project(study.store)
    before = ids(study)
    shutil.rmtree(ledgers.folder(study.store))
    assert pending(study.store)

    project(study.store)
    assert ids(study) == before
    assert not pending(study.store)


def test_a_writer_that_died_leaves_nothing_behind(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.add("act", "relu")
    study.add("act", "gelu")
    projection = Projection(study.store, study.uri)
    with monkeypatch.context() as patch:
        patch.setattr(projection.client, "finish", lambda *_: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            projection.synchronise()
    assert names(study.uri) == {"act": ["relu · seed 0"]}

    project(study.store)
    assert names(study.uri) == {"act": ["gelu · seed 0", "relu · seed 0"]}
    assert {run.info.status for run in held(study.uri)["act"]} == {"FINISHED"}


def test_others_experiments_are_never_touched(study: Study) -> None:
    mlflow = client(study.uri)
    mlflow.create_run(mlflow.create_experiment("act"), run_name="mine")
    study.add("act", "relu")
    project(study.store)
    study.add("opt", "sgd")
    study.drop("act")
    project(study.store)
    assert names(study.uri) == {"act": ["mine"], "opt": ["sgd · seed 0"]}


def test_two_projects_on_one_database_do_not_meet(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{study.root / 'mlflow.db'}")
    studies = [Study(tmp_path / "one"), Study(tmp_path / "two")]
    for one_study in studies:
        one_study.add("act", one_study.root.name)
        project(one_study.store)
    assert names(study.uri) == {"act": ["one · seed 0"], "act (two)": ["two · seed 0"]}

    studies[0].drop("act")
    project(studies[0].store)
    assert names(study.uri) == {"act (two)": ["two · seed 0"]}


def test_long_runs_take_several_batches(study: Study) -> None:
    study.add("act", "relu", finished=False)
    curves = {name: [0.5] * 400 for name in CURVES}
    recipe = {"phases": {f"part{number}": number for number in range(130)}}
    study.store.runs.put(record("act-relu-replicate-0", curves=curves, recipe=recipe))
    project(study.store)

    (run,) = held(study.uri)["act"]
    assert len(run.data.params) == 131
    assert len(client(study.uri).get_metric_history(run.info.run_id, "learning_rate")) == 400


def test_a_damaged_run_is_left_out(study: Study) -> None:
    key = study.add("act", "relu")
    study.add("act", "gelu")
    (study.store.folder / key / "run.json").write_text("{")
    project(study.store)
    assert names(study.uri) == {"act": ["gelu · seed 0"]}


ENTRIES = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["relu", "gelu"]),
    st.sampled_from(["trial", "replicate"]),
    st.integers(0, 1),
)


@pytest.fixture(scope="module")
def lasting_study(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Study:
    root = tmp_path_factory.mktemp("lasting")
    shutil.copy(empty_database, root / "mlflow.db")
    return Study(root)


@settings(max_examples=25, deadline=None)
@given(entries=st.lists(ENTRIES, max_size=5, unique=True), unfinished=st.sets(ENTRIES, max_size=2))
def test_mlflow_holds_exactly_the_stores_runs(
    lasting_study: Study, entries: list[tuple[str, str, str, int]], unfinished: set[tuple[str, str, str, int]]
) -> None:
    """Each example is one more edit of the study: ablations, variants, trials and seeds come and go."""
    study = lasting_study
    for ablation in list(study.manifests):
        study.drop(ablation)
    for ablation, variant, phase, seed in entries:
        study.add(ablation, variant, seed, phase, finished=(ablation, variant, phase, seed) not in unfinished)
    project(study.store)

    keys = study.store.runs.keys()
    expected = {
        name: sorted(entry["run_key"] for entry in manifest["entries"] if entry["run_key"] in keys)
        for name, manifest in study.manifests.items()
    }
    shown = {name: sorted(run.data.tags["run_key"] for run in runs) for name, runs in held(study.uri).items()}
    assert shown == expected
    assert not pending(study.store)


def test_runs_have_the_commit_of_the_session_that_trained_them(study: Study) -> None:
    def git(*command: str) -> None:
        names = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *names, *command], cwd=study.root, check=True, capture_output=True)

    def commits() -> dict[str, str | None]:
        tags = {name: client(study.uri).get_run(run_id).data.tags for name, run_id in ids(study).items()}
        return {name: of_run.get("mlflow.source.git.commit") for name, of_run in tags.items()}

    old = study.add("act", "relu")
    past = time.time() - 100
    os.utime(study.store.folder / old / "run.json", (past, past))
    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "study")
    projection = Projection(study.store, study.uri)
    with study.store.journal.session():
        study.add("act", "gelu")
        projection.synchronise()  # as while it trains
    now = commit(study.root)
    assert now and commits() == {"relu · seed 0": None, "gelu · seed 0": now}
    git("commit", "--quiet", "--allow-empty", "--message", "later")
    shutil.rmtree(ledgers.folder(study.store))
    for run_id in ids(study).values():
        client(study.uri).delete_run(run_id)
    past = time.time() - 50
    (trained,) = study.store.runs.keys() - {old}
    os.utime(study.store.folder / trained / "run.json", (past, past))
    project(study.store)
    assert commits() == {"relu · seed 0": None, "gelu · seed 0": now}
