"""The store: complete entries or none; damaged ones are found and removed."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import record, run

from pipeline.core.files import read_json, write_json
from pipeline.core.project import ablate_command, root, study_at
from pipeline.store import Store
from pipeline.store import runs as module
from pipeline.store.runs import FinishedRuns

KEY = run().key


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".runs")


def test_a_run_comes_back_as_it_was_put(store: Store) -> None:
    kept = record(run())
    weights = [np.full((2, number + 1), number, np.float32) for number in range(12)]
    store.runs.put(kept, weights)
    assert store.runs.get(kept.key) == kept
    read = store.runs.weights(kept.key)
    assert read is not None
    assert [array.dtype for array in read] == [np.float32] * 12
    assert all(np.array_equal(one, other) for one, other in zip(read, weights, strict=True))
    assert store.runs.keys() == {kept.key} and kept.key in store.runs


def test_an_empty_store_holds_nothing(store: Store) -> None:
    assert store.runs.keys() == set()
    assert KEY not in store.runs and store.runs.get(KEY) is None and store.runs.weights(KEY) is None
    assert store.choices.get("any") is None and store.manifests.all() == {} and store.live.all() == {}


def test_a_finished_run_never_changes(store: Store) -> None:
    store.runs.put(record(run(), val_accuracy=0.5))
    store.runs.put(record(run(), val_accuracy=0.9))
    stored = store.runs.get(KEY)
    assert stored is not None and stored.metrics["val_accuracy"] == 0.5


def test_a_failed_write_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(module, "save_arrays", full)
    with pytest.raises(OSError, match="no space"):
        store.runs.put(record(run()), [np.zeros(3)])
    assert store.runs.keys() == set() and list(store.folder.iterdir()) == []


def test_a_stack_is_stored_whole_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = [(record(run(seed=seed)), [np.full(3, float(seed))]) for seed in range(3)]
    written: list[Path] = []

    def killed(*_: object) -> None:
        written.extend(store.folder.glob(".whole-*/*"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FinishedRuns, "_move_in", killed)
        with pytest.raises(KeyboardInterrupt):
            store.runs.put_all(stack)
    assert len(written) == 3 and store.runs.keys() == set()
    store.recover()
    assert store.runs.keys() == {stored.key for stored, _ in stack}
    assert all(np.array_equal(store.runs.weights(stored.key), weights) for stored, weights in stack)
    assert list(store.folder.glob(".whole-*")) == []


def test_damaged_weights_are_trained_again(store: Store) -> None:
    store.runs.put(record(run()), [np.zeros(3)])
    (store.folder / KEY / "weights.npz").write_bytes(b"PK damaged")
    assert store.runs.weights(KEY) is None and store.runs.keys() == {KEY}, "reading changes nothing"
    assert store.runs.discard_damaged([KEY]) == set(), "the record itself is whole"
    assert store.runs.discard_damaged([KEY, "absent"], weights=True) == {KEY}
    assert store.runs.keys() == set()


def test_entries_hold_json_and_numbers_only(store: Store) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        store.runs.put(record(run()), [np.array([object()])])
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.runs.put(record(run(), metrics={"loss": math.nan}))
    assert store.runs.keys() == set()


def cut(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8")[:-5], encoding="utf-8")


def rewrite(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **fields}), encoding="utf-8")


DAMAGES: dict[str, Any] = {
    "run cut short": lambda entry: cut(entry / "run.json"),
    "curves cut short": lambda entry: cut(entry / "curves.json"),
    "run empty": lambda entry: (entry / "run.json").write_bytes(b""),
    "run missing": lambda entry: (entry / "run.json").unlink(),
    "curves missing": lambda entry: (entry / "curves.json").unlink(),
    "run no text": lambda entry: (entry / "run.json").write_bytes(b"\xff\x00\x80"),
    "run a list": lambda entry: (entry / "run.json").write_text("[]"),
    "field missing": lambda entry: (entry / "run.json").write_text('{"key": "x"}'),
    "field unknown": lambda entry: rewrite(entry / "run.json", surprise=1),
    "curves a number": lambda entry: (entry / "curves.json").write_text("1"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_dropped_and_can_be_put_again(store: Store, damage: str) -> None:
    kept = record(run())
    store.runs.put(kept)
    DAMAGES[damage](store.folder / KEY)
    assert store.runs.get(KEY) is None
    assert store.runs.discard_damaged([KEY]) == {KEY}
    assert KEY not in store.runs and store.runs.keys() == set()
    store.runs.put(kept)
    assert store.runs.get(KEY) == kept and store.runs.discard_damaged([KEY]) == set()


def test_recovering_removes_what_was_half_written_and_nothing_else(store: Store) -> None:
    store.runs.put(record(run()))
    store.choices.put("one", {"values": {}})
    store.manifests.put("first", {"entries": []})
    store.live.put("running", {"loss": [1.0]})
    (store.folder / ".tmp-left").mkdir()
    store.recover()
    assert {path.name for path in store.folder.iterdir()} == {KEY, ".choices", ".manifests"}
    assert store.choices.get("one") == {"values": {}}


def test_notes_are_not_runs(store: Store) -> None:
    store.choices.put("one", {})
    store.manifests.put("first", {"entries": [1]})
    store.live.put("running", {"loss": [1.0]})
    assert store.runs.keys() == set()
    assert store.manifests.all() == {"first": {"entries": [1]}} and store.live.all() == {
        "running": {"loss": [1.0]}
    }
    store.manifests.remove("first")
    store.live.remove(["running", "never there"])
    assert store.manifests.all() == {} and store.live.all() == {}


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}, object()])
def test_what_is_not_json_is_not_written_and_the_old_file_stays(tmp_path: Path, value: object) -> None:
    path = tmp_path / "deep" / "file.json"
    write_json(path, {"a": "é"})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, value)
    assert read_json(path) == {"a": "é"}
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]


def test_the_store_is_in_dvcs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert Store().folder == tmp_path / ".runs"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "parent"))
    assert Store().folder == tmp_path / "parent" / ".runs"


def test_without_dvc_root_the_project_is_where_dvc_was_initialised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tmp_path / "studies" / "one"
    study.mkdir(parents=True)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(study)
    assert (root(), study_at(study)) == (study, "")
    (tmp_path / ".dvc").mkdir()
    assert (root(), study_at(Path())) == (tmp_path, "studies/one")
    assert study_at(tmp_path) == ""


def test_a_copy_of_the_project_in_which_dvc_experiments_has_the_same_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / ".dvc" / "tmp" / "exps" / "one"
    (copy / ".dvc").mkdir(parents=True)
    (copy / "studies" / "one").mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert study_at(copy / "studies" / "one") == "studies/one" and study_at(copy) == ""


def test_a_params_file_outside_the_project_is_the_projects_own_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "project"))
    assert study_at(tmp_path) == ""


def test_the_command_that_trains_an_ablation_again_names_its_study() -> None:
    assert ablate_command("width") == "keras-ablation ablate width"
    assert (
        ablate_command("studies/one/width") == "keras-ablation ablate width --params studies/one/params.yaml"
    )


def test_studies_share_runs_and_keep_their_manifests_apart(tmp_path: Path) -> None:
    stores = {name: Store(tmp_path / ".runs", name) for name in ("", "studies/one", "studies/two")}
    for name, store in stores.items():
        store.manifests.put("activations", {"entries": [name]})
    assert stores["studies/one"].manifests.get("activations") == {"entries": ["studies/one"]}
    assert {name: manifest["entries"] for name, manifest in stores[""].manifests.all().items()} == {
        "activations": [""],
        "studies/one/activations": ["studies/one"],
        "studies/two/activations": ["studies/two"],
    }
    stores["studies/two"].manifests.put("more", {"entries": []})
    assert stores["studies/two"].manifests.own_ablations() == ["activations", "more"]
    assert stores[""].manifests.own_ablations() == ["activations"]
    for name in set(stores["studies/two"].manifests.own_ablations()) - {"more"}:
        stores["studies/two"].manifests.remove(name)
    assert list(stores[""].manifests.all()) == ["activations", "studies/one/activations", "studies/two/more"]
    stores["studies/one"].runs.put(record(run()))
    assert stores[""].runs.keys() == {KEY}
