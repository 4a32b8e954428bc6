"""The store: whole entries or none, and damage found and dropped."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.kit import record, run
from pipeline import store as module
from pipeline.store import Store, ablate_command, read_json, root, study_at, write_json

KEY = run().key


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".runs")


def test_a_run_comes_back_as_it_was_put(store: Store) -> None:
    kept = record(run())
    weights = [np.full((2, number + 1), number, np.float32) for number in range(12)]
    store.put(kept, weights)
    assert store.get(kept.key) == kept
    found = store.weights(kept.key)
    assert found is not None
    assert [array.dtype for array in found] == [np.float32] * 12
    assert all(np.array_equal(one, other) for one, other in zip(found, weights, strict=True))
    assert store.keys() == {kept.key} and kept.key in store


def test_an_empty_store_holds_nothing(store: Store) -> None:
    assert store.keys() == set()
    assert KEY not in store and store.get(KEY) is None and store.weights(KEY) is None
    assert store.choice("any") is None and store.manifests() == {} and store.live() == {}


def test_a_finished_run_never_changes(store: Store) -> None:
    store.put(record(run(), val_accuracy=0.5))
    store.put(record(run(), val_accuracy=0.9))
    found = store.get(KEY)
    assert found is not None and found.metrics["val_accuracy"] == 0.5


def test_what_fails_in_the_writing_was_never_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(module, "_save_weights", full)
    with pytest.raises(OSError, match="no space"):
        store.put(record(run()), [np.zeros(3)])
    assert store.keys() == set() and list(store.folder.iterdir()) == []


def test_a_stack_is_stored_whole_or_not_at_all(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = [(record(run(seed=seed)), [np.full(3, float(seed))]) for seed in range(3)]
    written: list[Path] = []

    def killed(*_: object) -> None:
        written.extend(store.folder.glob(".whole-*/*"))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_move_in", killed)
        with pytest.raises(KeyboardInterrupt):
            store.put_all(stack)
    assert len(written) == 3 and store.keys() == set()
    store.sweep()
    assert store.keys() == {each.key for each, _ in stack}
    assert all(np.array_equal(store.weights(each.key)[0], weights[0]) for each, weights in stack)  # type: ignore[index]
    assert list(store.folder.glob(".whole-*")) == []


def test_damaged_weights_are_trained_again(store: Store) -> None:
    store.put(record(run()), [np.zeros(3)])
    (store.folder / KEY / "weights.npz").write_bytes(b"PK damaged")
    assert store.weights(KEY) is None and store.keys() == set()


def test_entries_hold_json_and_numbers_only(store: Store) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        store.put(record(run()), [np.array([object()])])
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.put(record(run(), metrics={"loss": math.nan}))
    assert store.keys() == set()


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
    store.put(kept)
    DAMAGES[damage](store.folder / KEY)
    assert store.get(KEY) is None
    assert KEY not in store and store.keys() == set()
    store.put(kept)
    assert store.get(KEY) == kept


def test_sweeping_removes_what_was_half_written_and_nothing_else(store: Store) -> None:
    store.put(record(run()))
    store.put_choice("one", {"values": {}})
    store.put_manifest("first", {"entries": []})
    store.put_live("running", {"loss": [1.0]})
    (store.folder / ".tmp-left").mkdir()
    store.sweep()
    assert {path.name for path in store.folder.iterdir()} == {KEY, ".choices", ".manifests"}
    assert store.choice("one") == {"values": {}}


def test_notes_are_no_runs(store: Store) -> None:
    store.put_choice("one", {})
    store.put_manifest("first", {"entries": [1]})
    store.put_live("running", {"loss": [1.0]})
    assert store.keys() == set()
    assert store.manifests() == {"first": {"entries": [1]}} and store.live() == {"running": {"loss": [1.0]}}
    store.remove_manifest("first")
    store.end_live(["running", "never there"])
    assert store.manifests() == {} and store.live() == {}


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": -math.inf}, object()])
def test_what_is_no_json_is_not_written_and_what_was_there_stays(tmp_path: Path, value: object) -> None:
    path = tmp_path / "deep" / "file.json"
    write_json(path, {"a": "é"})
    with pytest.raises((ValueError, TypeError)):
        write_json(path, value)
    assert read_json(path) == {"a": "é"}
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


def test_the_store_lies_under_dvcs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert Store().folder == tmp_path / ".runs"
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "parent"))
    assert Store().folder == tmp_path / "parent" / ".runs"


def test_without_dvcs_word_the_project_is_where_dvc_was_initialised(
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
    assert ablate_command("width") == "python -m pipeline ablate width"
    assert (
        ablate_command("studies/one/width")
        == "python -m pipeline ablate width --params studies/one/params.yaml"
    )


def test_studies_share_runs_and_keep_their_manifests_apart(tmp_path: Path) -> None:
    stores = {name: Store(tmp_path / ".runs", name) for name in ("", "studies/one", "studies/two")}
    for name, each in stores.items():
        each.put_manifest("activations", {"entries": [name]})
    assert stores["studies/one"].manifest("activations") == {"entries": ["studies/one"]}
    assert {name: found["entries"] for name, found in stores[""].manifests().items()} == {
        "activations": [""],
        "studies/one/activations": ["studies/one"],
        "studies/two/activations": ["studies/two"],
    }
    stores["studies/two"].put_manifest("more", {"entries": []})
    assert stores["studies/two"].own_ablations() == ["activations", "more"]
    assert stores[""].own_ablations() == ["activations"]
    for name in set(stores["studies/two"].own_ablations()) - {"more"}:
        stores["studies/two"].remove_manifest(name)
    assert list(stores[""].manifests()) == ["activations", "studies/one/activations", "studies/two/more"]
    stores["studies/one"].put(record(run()))
    assert stores[""].keys() == {KEY}
