"""Upkeep of the store: what it holds, what is damaged, what nobody wants; what is in use is never removed."""

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import store as made
from core.kit import record, run
from pipeline.cli import main
from pipeline.params.load import parse
from pipeline.store import Store
from pipeline.upkeep import NOBODY, contents, leftovers, size_of, verify

OLD = run(seed=77)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished study of two ablations with 200 runs each, and the working folder."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    made.make_project(tmp_path, 400)
    return tmp_path


def replicate(store: Store, number: int = 0) -> str:
    return sorted(store.named_runs()[("ablation_0", "replicate")])[number]


def forget_second(root: Path) -> None:
    """Take the second ablation out of the study, as a user and the track stage do."""
    params = json.loads((root / "params.yaml").read_text(encoding="utf-8"))
    del params["ablations"]["ablation_1"]
    (root / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    Store(root / ".runs").remove_manifest("ablation_1")


def test_contents_are_counted_by_ablation_and_phase_without_opening_a_run(project: Path) -> None:
    store = Store(project / ".runs")
    store.put(record(OLD))
    found = contents(store)
    assert {(share.ablation, share.phase): share.runs for share in found.shares} == {
        ("ablation_0", "trial"): 100,
        ("ablation_0", "replicate"): 100,
        ("ablation_1", "trial"): 100,
        ("ablation_1", "replicate"): 100,
        (NOBODY, ""): 1,
    }
    assert found.runs == 401 and found.bytes == sum(share.bytes for share in found.shares)
    assert found.shares[-1].bytes == sum(path.stat().st_size for path in (store.folder / OLD.key).iterdir())


@pytest.mark.parametrize(
    ("command", "opened"),
    [(["plan", "--json"], 40), (["track"], 8), (["ablate", "ablation_0"], 440), (["store", "list"], 4)],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_trains_nothing_opens_no_file_per_stored_run(
    project: Path, command: list[str], opened: int
) -> None:
    """One file for each choice; `ablate` reads the record and curves of its own 100 replicates, twice."""
    few = made.measured(project, "few", *command)
    assert 0 < few["opened"] <= opened
    store = Store(project / ".runs")
    store.put_all([(record(run(seed=seed)), None) for seed in range(100, 300)])
    assert made.measured(project, "more", *command)["opened"] == few["opened"]


DAMAGES: dict[str, Any] = {
    "its record cannot be read": lambda folder: (folder / "run.json").write_text("{"),
    "its weights cannot be read": lambda folder: (folder / "weights.npz").write_bytes(b"PK"),
}


@pytest.mark.parametrize("reason", DAMAGES)
def test_damage_is_found_named_and_removed(
    project: Path, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(project / ".runs")
    key = replicate(store)
    np.savez(store.folder / key / "weights.npz", **{"0": np.zeros(3)})
    assert verify(store) == []
    DAMAGES[reason](store.folder / key)
    assert main(["store", "verify"]) == 0
    told = capsys.readouterr().out
    assert f"removed {key}: {reason}, wanted by ablation_0" in told and "400 runs read" in told
    assert "`python -m pipeline ablate ablation_0`" in told
    assert key not in store and len(store.keys()) == 399
    assert verify(store) == []


def test_a_flipped_bit_in_weights_or_model_is_found(project: Path) -> None:
    store = Store(project / ".runs")
    first, second = replicate(store, 0), replicate(store, 1)
    for path in (store.folder / first / "weights.npz", store.model_path(second)):
        with path.open("wb") as file:
            np.savez(file, **{"0": np.arange(1000)})
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    found = {damage.name: damage.ablations for damage in verify(store)}
    assert found == {first: ("ablation_0",), f"{second}/model.keras": ("ablation_0",)}
    assert first not in store and second in store and not store.model_path(second).exists()


def test_damaged_notes_go_and_sound_ones_stay(project: Path) -> None:
    store = Store(project / ".runs")
    choices = sorted((store.folder / ".choices").iterdir())
    choices[0].write_text("[", encoding="utf-8")
    (store.folder / ".manifests" / "ablation_1.json").write_bytes(b"")
    assert {damage.name for damage in verify(store)} == {
        f".choices/{choices[0].name}",
        ".manifests/ablation_1.json",
    }
    assert sorted((store.folder / ".choices").iterdir()) == choices[1:]
    assert list(store.manifests()) == ["ablation_0"] and len(store.keys()) == 400


def test_nothing_in_use_is_pruned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(project / ".runs")
    before = sorted(store.folder.rglob("*"))
    assert main(["store", "prune"]) == 0
    assert "freed 0.0 MB: 0 runs and 0 notes" in capsys.readouterr().out
    assert sorted(store.folder.rglob("*")) == sorted({*before, store.folder / ".lock"})


def test_what_no_study_wants_is_pruned_and_nothing_else(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(project / ".runs")
    forget_second(project)
    gone = store.keys() - {key for keys in store.named_runs().values() for key in keys}
    assert len(gone) == 200
    (store.folder / ".probes").mkdir()
    old, kept = f"{min(gone)}.json", f"{replicate(store)}.json"
    for name in (old, kept):
        (store.folder / ".probes" / name).write_text("{}", encoding="utf-8")
    before = size_of(store.folder)
    assert main(["store", "prune", "--dry-run"]) == 0
    dry = capsys.readouterr().out
    assert "would free" in dry and "200 runs and 21 notes" in dry and len(store.keys()) == 400
    planned = leftovers(store, parse(json.loads((project / "params.yaml").read_text())), project)
    assert main(["store", "prune"]) == 0
    assert capsys.readouterr().out == dry.replace("would free", "freed")
    assert store.keys().isdisjoint(gone) and len(store.keys()) == 200
    assert len(list((store.folder / ".choices").iterdir())) == 20
    assert [path.name for path in (store.folder / ".probes").iterdir()] == [kept]
    assert before - size_of(store.folder) == planned.bytes > 0


def test_what_another_studys_manifest_names_stays(project: Path) -> None:
    store = Store(project / ".runs")
    forget_second(project)
    entry = {"variant": "a", "phase": "replicate", "seed": 0, "run_key": OLD.key}
    store.put_manifest("other study", {"entries": [entry]})
    store.put(record(OLD))
    assert main(["store", "prune"]) == 0
    assert OLD.key in store and len(store.keys()) == 201


def test_what_the_params_file_asks_for_stays_before_any_manifest_says_so(project: Path) -> None:
    store = Store(project / ".runs")
    for name in list(store.manifests()):
        store.remove_manifest(name)
    assert main(["store", "prune"]) == 0
    assert len(store.keys()) == 400 and len(list((store.folder / ".choices").iterdir())) == 40


def test_nothing_is_pruned_while_it_is_unknown_what_is_wanted(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forget_second(project)
    (project / "params.yaml").write_text("ablations: {", encoding="utf-8")
    assert main(["store", "prune"]) == 2
    assert "params.yaml" in capsys.readouterr().err
    assert len(Store(project / ".runs").keys()) == 400


def test_the_store_has_one_writer_at_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, order = Store(tmp_path / ".runs"), []

    def second() -> None:
        with Store(tmp_path / ".runs").one_writer():
            order.append("second")

    with store.one_writer():
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.2)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert "waiting" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_lists_are_printed_for_people_and_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "list"]) == 0
    assert "ablation_0" in (told := capsys.readouterr().out) and "400 runs" in told
    assert main(["store", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 400


def test_track_names_runs_that_are_gone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.track import track

    store = Store(project / ".runs")
    shutil.rmtree(store.folder / replicate(store))
    made.pretend_sent(store, made.default_uri(project))
    ledger = next((store.folder / ".tracking").glob("*.json"))
    sent = json.loads(ledger.read_text(encoding="utf-8"))
    for experiment in sent["experiments"].values():
        experiment["runs"] = {
            name: one for name, one in experiment["runs"].items() if name.split("/")[-1] in store
        }
    ledger.write_text(json.dumps(sent), encoding="utf-8")
    track(list(store.manifests()), store)
    assert "ablation_0: 1 runs are gone" in capsys.readouterr().err
