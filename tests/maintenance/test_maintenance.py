"""Maintenance of the store: its contents, what is damaged, what no study requires; what is in use is never removed."""

import json
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import record, run, study

from benchmarks import store as benchmark
from pipeline.cli.commands import main
from pipeline.diagnostics.required import required
from pipeline.maintenance.contents import NOBODY, contents, size_of
from pipeline.maintenance.prune import orphans
from pipeline.maintenance.verify import verify
from pipeline.params.load import load, parse
from pipeline.params.types.study import Study
from pipeline.planning.manifests import write_manifest
from pipeline.planning.state import read_states
from pipeline.store import Store

OLD = run(seed=77)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished study of two ablations with 200 runs each, and the working folder."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    benchmark.make_project(tmp_path, 400)
    return tmp_path


def replicate(store: Store, number: int = 0) -> str:
    return sorted(store.manifests.run_keys()[("ablation_0", "replicate")])[number]


def remove_second(root: Path) -> None:
    """Take the second ablation out of the study, as a user and the track stage do."""
    params = json.loads((root / "params.yaml").read_text(encoding="utf-8"))
    del params["ablations"]["ablation_1"]
    (root / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    Store(root / ".runs").manifests.remove("ablation_1")


def test_contents_are_counted_by_ablation_and_kind_without_opening_a_run(project: Path) -> None:
    store = Store(project / ".runs")
    store.runs.put(record(OLD))
    stored = contents(store)
    assert {(share.ablation, share.kind): share.runs for share in stored.shares} == {
        ("ablation_0", "trial"): 100,
        ("ablation_0", "replicate"): 100,
        ("ablation_1", "trial"): 100,
        ("ablation_1", "replicate"): 100,
        (NOBODY, ""): 1,
    }
    assert stored.runs == 401 and stored.bytes == sum(share.bytes for share in stored.shares)
    assert stored.shares[-1].bytes == sum(path.stat().st_size for path in (store.folder / OLD.key).iterdir())


@pytest.mark.parametrize(
    ("command", "opened"),
    [(["plan", "--json"], 80), (["track"], 8), (["ablate", "ablation_0"], 440), (["store", "list"], 4)],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_trains_nothing_opens_no_file_per_stored_run(
    project: Path, command: list[str], opened: int
) -> None:
    """One file for each choice and for each model; `ablate` reads the record and curves of its own 100 replicates, twice."""
    if command[0] == "ablate":  # the first packs the runs that travel with results
        benchmark.measured(project, "first", *command)
    few = benchmark.measured(project, "few", *command)
    assert 0 < few["opened"] <= opened
    store = Store(project / ".runs")
    store.runs.put_all([(record(run(seed=seed)), None) for seed in range(100, 300)])
    assert benchmark.measured(project, "more", *command)["opened"] == few["opened"]


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
    printed = capsys.readouterr().out
    assert f"removed {key}: {reason}, required by ablation_0" in printed and "400 runs read" in printed
    assert "`keras-ablation ablate ablation_0`" in printed
    assert key not in store.runs and len(store.runs.keys()) == 399
    assert verify(store) == []


def test_a_flipped_bit_in_weights_or_model_is_found(project: Path) -> None:
    store = Store(project / ".runs")
    first, second = replicate(store, 0), replicate(store, 1)
    for path in (store.folder / first / "weights.npz", store.runs.model_path(second)):
        with path.open("wb") as file:
            np.savez(file, **{"0": np.arange(1000)})
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    damaged = {damage.name: damage.ablations for damage in verify(store)}
    assert damaged == {first: ("ablation_0",), f"{second}/model.keras": ("ablation_0",)}
    assert first not in store.runs and second in store.runs and not store.runs.model_path(second).exists()


def test_damaged_notes_are_removed_and_others_stay(project: Path) -> None:
    store = Store(project / ".runs")
    choices = sorted((store.folder / ".choices").iterdir())
    choices[0].write_text("[", encoding="utf-8")
    (store.folder / ".manifests" / "ablation_1.json").write_bytes(b"")
    assert {damage.name for damage in verify(store)} == {
        f".choices/{choices[0].name}",
        ".manifests/ablation_1.json",
    }
    assert sorted((store.folder / ".choices").iterdir()) == choices[1:]
    assert list(store.manifests.all()) == ["ablation_0"] and len(store.runs.keys()) == 400


def test_nothing_in_use_is_pruned(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(project / ".runs")
    before = sorted(store.folder.rglob("*"))
    assert main(["store", "prune"]) == 0
    assert "freed 0.0 MB: 0 runs, 0 diagnostics and 0 notes" in capsys.readouterr().out
    assert sorted(store.folder.rglob("*")) == sorted({*before, store.folder / ".lock"})


def test_what_no_study_requires_is_pruned_and_nothing_else(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(project / ".runs")
    remove_second(project)
    gone = store.runs.keys() - {key for keys in store.manifests.run_keys().values() for key in keys}
    assert len(gone) == 200
    (store.folder / ".notes").mkdir()
    old, kept = f"{min(gone)}.json", f"{replicate(store)}.json"
    for name in (old, kept):
        (store.folder / ".notes" / name).write_text("{}", encoding="utf-8")
    before = size_of(store.folder)
    assert main(["store", "prune", "--dry-run"]) == 0
    dry = capsys.readouterr().out
    assert (
        "would free" in dry
        and "200 runs, 0 diagnostics and 21 notes" in dry
        and len(store.runs.keys()) == 400
    )
    planned = orphans(store, parse(json.loads((project / "params.yaml").read_text())), project)
    assert main(["store", "prune"]) == 0
    assert capsys.readouterr().out == dry.replace("would free", "freed")
    assert store.runs.keys().isdisjoint(gone) and len(store.runs.keys()) == 200
    assert len(list((store.folder / ".choices").iterdir())) == 20
    assert [path.name for path in (store.folder / ".notes").iterdir()] == [kept]
    assert before - size_of(store.folder) == planned.bytes > 0


def test_what_another_studys_manifest_names_stays(project: Path) -> None:
    store = Store(project / ".runs")
    remove_second(project)
    entry = {"variant": "a", "phase": "replicate", "seed": 0, "run_key": OLD.key}
    store.manifests.put("other study", {"entries": [entry]})
    store.runs.put(record(OLD))
    assert main(["store", "prune"]) == 0
    assert OLD.key in store.runs and len(store.runs.keys()) == 201


def test_what_the_params_file_requires_stays_before_any_manifest_names_it(project: Path) -> None:
    store = Store(project / ".runs")
    for name in list(store.manifests.all()):
        store.manifests.remove(name)
    assert main(["store", "prune"]) == 0
    assert len(store.runs.keys()) == 400 and len(list((store.folder / ".choices").iterdir())) == 40


def test_nothing_is_pruned_while_it_is_unknown_what_is_required(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remove_second(project)
    (project / "params.yaml").write_text("ablations: {", encoding="utf-8")
    assert main(["store", "prune"]) == 2
    assert "params.yaml" in capsys.readouterr().err
    assert len(Store(project / ".runs").runs.keys()) == 400


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
    assert "ablation_0" in (printed := capsys.readouterr().out) and "400 runs" in printed
    assert main(["store", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 400


DIAGNOSED: dict[str, Any] = {
    "seeds": 2,
    "evaluation": {"signals": True, "mc_samples": 4, "predictions": 3},
    "variants": {"plain": {}, "dropped": {"regularisation": {"dropout": 0.1}}},
}
MINE, THEIRS = (
    study({"mine": DIAGNOSED}),
    study({"theirs": {**DIAGNOSED, "base": {"training": {"epochs": 3}}}}),
)


def finish(study: Study, store: Store, root: Path, outcomes: bool = True) -> set[str]:
    """Finish a study without training, each diagnostic with some outcome; return the keys of the outcomes."""
    keys = set()
    for state in read_states(study, store, root):
        for variant in state.variants:
            for number, one in enumerate(variant.replicates):
                store.runs.put(record(one, val_accuracy=0.5 + number / 10))
        own = [diagnostic.key for diagnostic in required(store, state)]
        write_manifest(store, state, own if outcomes else None)
        for key in own:
            store.diagnostics.put(key, {"made": "up"})
        keys.update(own)
    return keys


def kept_outcomes(store: Store) -> set[str]:
    return {path.stem for path in (store.folder / ".diagnostics").iterdir()}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store without runs in the working folder, next to the study MINE."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(MINE.model_dump_json(exclude_unset=True), encoding="utf-8")
    assert load(tmp_path / "params.yaml") == MINE
    return Store(tmp_path / ".runs")


def test_diagnostics_that_a_manifest_names_or_the_params_file_requires_stay(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = finish(MINE, store, tmp_path)
    theirs = finish(THEIRS, Store(store.folder, "studies/theirs"), tmp_path)
    assert len(mine) == len(theirs) == 4 + 2 + 1 and not mine & theirs  # signals, uncertainty, predictions
    store.diagnostics.put("f" * 32, {"of": "an earlier params file"})
    (store.folder / ".diagnostics" / ".half.json.written").write_text("{", encoding="utf-8")
    before = size_of(store.folder)
    assert main(["store", "prune", "--dry-run"]) == 0
    dry = capsys.readouterr().out
    assert "0 runs, 2 diagnostics and 0 notes that no study requires" in dry
    assert len(kept_outcomes(store)) == 16
    assert main(["store", "prune"]) == 0
    assert capsys.readouterr().out == dry.replace("would free", "freed")
    assert kept_outcomes(store) == mine | theirs
    store.manifests.remove("mine")  # the params file still requires them
    Store(store.folder, "studies/theirs").manifests.remove("theirs")
    assert size_of(store.folder) < before
    assert main(["store", "prune"]) == 0
    assert "4 runs, 7 diagnostics" in capsys.readouterr().out
    assert kept_outcomes(store) == mine


def test_diagnostics_of_an_unfinished_ablation_stay(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = finish(MINE, store, tmp_path)
    store.manifests.remove("mine")
    (state,) = read_states(MINE, store, tmp_path)
    store.runs.remove(state.variants[0].replicates[1].key)
    store.diagnostics.put("f" * 32, {"perhaps": "required once all is trained"})
    assert main(["store", "prune"]) == 0
    printed = capsys.readouterr().out
    assert (
        "0 diagnostics" in printed
        and "more diagnostics stay" in printed
        and "  keras-ablation ablate mine\n" in printed
    )
    assert kept_outcomes(store) == {*mine, "f" * 32}


def test_diagnostics_stay_while_an_older_manifest_does_not_name_its_own(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = finish(MINE, store, tmp_path, outcomes=False)
    other = Store(store.folder, "studies/theirs")
    theirs = finish(THEIRS, other, tmp_path, outcomes=False)
    assert main(["store", "prune"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].endswith("0 runs, 0 diagnostics and 0 notes that no study requires")
    assert printed[1].startswith("7 more diagnostics stay"), (
        "the study at hand is finished, so its own are known"
    )
    assert printed[2:] == ["  keras-ablation ablate theirs --params studies/theirs/params.yaml"]
    assert kept_outcomes(store) == mine | theirs
    finish(THEIRS, other, tmp_path)
    store.diagnostics.put("f" * 32, {})
    assert main(["store", "prune"]) == 0
    assert "1 diagnostics" in capsys.readouterr().out and kept_outcomes(store) == mine | theirs


def test_diagnostics_that_cannot_be_read_are_found(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = sorted(finish(MINE, store, tmp_path))
    assert verify(store) == []
    for key, content in zip(outcomes, ("", '{"outcome": [1]}', "[]"), strict=False):
        (store.folder / ".diagnostics" / f"{key}.json").write_text(content, encoding="utf-8")
    store.diagnostics.put("f" * 32, {})
    (store.folder / ".diagnostics" / f"{'f' * 32}.json").write_bytes(b"\xff")
    assert main(["store", "verify"]) == 0
    printed = capsys.readouterr().out
    for key in outcomes[:3]:
        assert f"removed .diagnostics/{key}.json: it cannot be read, required by mine\n" in printed
    assert f"removed .diagnostics/{'f' * 32}.json: it cannot be read\n" in printed
    assert "4 runs read, 4 damaged entries" in printed and "`keras-ablation ablate mine`" in printed
    assert kept_outcomes(store) == set(outcomes[3:]) and verify(store) == []


def test_a_list_counts_diagnostics_of_the_whole_store(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = finish(MINE, store, tmp_path)
    size = sum((store.folder / ".diagnostics" / f"{key}.json").stat().st_size for key in outcomes)
    stored = contents(store)
    assert (stored.diagnostics, stored.diagnostic_bytes) == (7, size)
    assert main(["store", "list"]) == 0
    assert "; 7 diagnostics, 0.0 MB" in capsys.readouterr().out
    assert contents(store, kind="replicate").diagnostics == 0
    shutil.rmtree(store.folder / ".diagnostics")
    assert main(["store", "list"]) == 0
    assert "diagnostics" not in capsys.readouterr().out


def test_a_list_may_be_of_some_ablations_or_one_kind(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(project / ".runs")
    shared = {"entries": [{"variant": "a", "phase": "replicate", "seed": 0, "run_key": replicate(store)}]}
    Store(store.folder, "studies/more").manifests.put("one", shared)
    Store(store.folder, "studies/more").manifests.put("two", shared)
    store.runs.put(record(OLD))

    def listed(*options: str) -> tuple[int, set[tuple[str, str, int]]]:
        assert main(["store", "list", "--json", *options]) == 0
        stored = json.loads(capsys.readouterr().out)
        assert stored["bytes"] <= sum(share["bytes"] for share in stored["shares"])
        shares = {(share["ablation"], share["phase"], share["runs"]) for share in stored["shares"]}
        return stored["runs"], shares

    assert listed("--ablation", "ablation_1") == (
        200,
        {("ablation_1", "trial", 100), ("ablation_1", "replicate", 100)},
    )
    assert listed("--ablation", "studies/more/*") == (
        1,
        {("studies/more/one", "replicate", 1), ("studies/more/two", "replicate", 1)},
    )
    assert listed("--ablation", "ablation_?", "--phase", "trial") == (
        200,
        {("ablation_0", "trial", 100), ("ablation_1", "trial", 100)},
    )
    assert listed("--ablation", NOBODY) == (1, {(NOBODY, "", 1)})
    assert listed("--phase", "replicate")[0] == 200
    assert listed()[0] == 401
    assert main(["store", "list", "--ablation", "ablatoin_1"]) == 2
    printed = capsys.readouterr().err
    assert (
        "'ablatoin_1'" in printed
        and "studies/more/two" in printed
        and "Did you mean 'ablation_1'?" in printed
    )
    with pytest.raises(SystemExit):
        main(["store", "list", "--phase", "trail"])


def test_track_names_runs_that_are_gone(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.stages.track import track

    store = Store(project / ".runs")
    shutil.rmtree(store.folder / replicate(store))
    benchmark.pretend_sent(store, benchmark.default_uri(project))
    ledger = next((store.folder / ".tracking").glob("*.json"))
    sent = json.loads(ledger.read_text(encoding="utf-8"))
    for experiment in sent["experiments"].values():
        experiment["runs"] = {
            name: sent_run
            for name, sent_run in experiment["runs"].items()
            if name.split("/")[-1] in store.runs
        }
    ledger.write_text(json.dumps(sent), encoding="utf-8")
    track(list(store.manifests.all()), store, project)
    assert "ablation_0: 1 runs are gone" in capsys.readouterr().err
