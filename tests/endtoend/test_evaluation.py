"""Models looked at after training: from params to the report, once, and whatever happens in between."""

import copy
import json
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.files import read_json
from pipeline.core.metrics import ACCURACY
from pipeline.diagnostics.required import missing, required
from pipeline.maintenance.prune import orphans, prune
from pipeline.params.load import load
from pipeline.planning.state import best_replicate, read_states
from pipeline.report.site import build
from pipeline.store import Store

from .kit import PARAMS, ablate, project_at, write_params

pytestmark = pytest.mark.slow

LOST = {"model": {"layers": [6], "activation": "relu"}, "optimizer": {"learning_rate": 3e38}}
LOOKED: dict[str, Any] = {
    **PARAMS,
    "seeds": 2,
    "evaluation": {"signals": {"samples": 20}, "mc_samples": 4, "predictions": 6},
    "ablations": {
        "rates": {
            "question": "Does the range test find a good rate?",
            "evaluation": {
                "activation_functions": True,
                "propagation": {"layers": 20, "units": 20, "samples": 20},
            },
            "variants": {
                "given": {},
                "found": {"optimizer": {"learning_rate": "finder"}, "regularisation": {"dropout": 0.2}},
                "lost": LOST,
            },
        },
        "plain": {
            "question": "Is nothing looked at?",
            "evaluation": {"signals": False, "mc_samples": None, "predictions": None},
            "variants": {"six": {}, "three": {"model": {"layers": [3]}}},
        },
        "steps": {
            "question": "What does each step bring?",
            "evaluation": {"signals": False, "mc_samples": None, "predictions": 12},
            "ladder": {"six": {}, "three": {"model": {"layers": [3]}}, "lost": LOST},
        },
    },
}


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch, model_cache: object) -> None:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Path]:
    root = project_at(tmp_path_factory.mktemp("looked") / "project", project, LOOKED)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
        ablate(root, "rates", ahead=True)
        ablate(root, "plain")
        ablate(root, "steps")
    yield root


@pytest.fixture
def copied(reference: Path, project: Path, tmp_path: Path) -> Path:
    root = project_at(tmp_path / "copied", project, LOOKED)
    shutil.copytree(reference / ".runs", root / ".runs")
    return root


def looks(root: Path, ablation: str = "rates") -> dict[str, Any]:
    return dict(read_json(root / "results" / ablation / "evaluation.json") or {})


def published(root: Path) -> list[dict[str, Any]]:
    results = (root / "results" / "rates" / "ablation.json").read_text(encoding="utf-8")
    return list(json.loads(results)["variants"])


def runs(root: Path) -> dict[str, int]:
    store = Store(root / ".runs")
    return {key: (store.folder / key / "run.json").stat().st_mtime_ns for key in sorted(store.runs.keys())}


def test_every_look_is_published(reference: Path) -> None:
    found = looks(reference)
    assert {kind: len(entries) for kind, entries in found.items()} == {
        "signals": 3,
        "propagation": 3,
        "functions": 2,
        "finder": 1,
        "uncertainty": 1,
        "predictions": 1,
    }
    (doubts,) = found["uncertainty"]
    assert doubts["variant"] == "found" and [each["seed"] for each in doubts["replicates"]] == [0, 1]
    lost = found["signals"][2]
    assert lost["variant"] == "lost" and [each["trained"] for each in lost["replicates"]] == [None, None]
    assert [each["variants"] for each in found["functions"]] == [["given", "found"], ["lost"]]
    assert not (reference / "results" / "plain" / "evaluation.json").exists()


def test_looks_agree_with_what_training_measured(reference: Path) -> None:
    variants = {each["name"]: each for each in published(reference)}
    doubts = looks(reference)["uncertainty"][0]["replicates"]
    tested = [each["metrics"]["test_accuracy"] for each in variants["found"]["replicates"]]
    assert [each["plain"]["accuracy"] for each in doubts] == pytest.approx(tested, abs=1e-5)
    (shown,) = looks(reference)["predictions"]
    replicate = variants[shown["variant"]]["replicates"][shown["seed"]]
    assert 1 - shown["wrong"] / shown["rows"] == pytest.approx(replicate["metrics"]["test_accuracy"])


def test_the_rate_found_is_chosen_and_used(reference: Path) -> None:
    variants = published(reference)
    (test,) = looks(reference)["finder"]
    assert variants[1]["chosen"] == {"optimizer.learning_rate": test["suggested"]}
    assert test["used"] == test["suggested"] == variants[1]["recipe"]["optimizer"]["learning_rate"]
    assert variants[1]["replicates"][0]["curves"]["learning_rate"][0] == pytest.approx(test["suggested"])
    assert variants[0]["chosen"] is None


def test_nothing_is_looked_at_twice(copied: Path, reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.stages.ablate._train", lambda *_: pytest.fail("starts TensorFlow"))
    ablate(copied, "rates", ahead=True)
    assert looks(copied) == looks(reference)


def test_looks_lost_or_damaged_are_taken_again(copied: Path, reference: Path) -> None:
    diagnostics = sorted((copied / ".runs" / ".diagnostics").glob("*.json"))
    for number, path in enumerate(diagnostics):  # as after a kill, and after a disk that was full
        if number % 3 == 0:
            path.unlink()
        elif number % 3 == 1:
            path.write_bytes(path.read_bytes()[: number % 5 * 20])
    before = runs(copied)
    ablate(copied, "rates")
    assert looks(copied) == looks(reference) and runs(copied) == before


def test_a_damaged_run_is_trained_again_to_be_looked_at(copied: Path, reference: Path) -> None:
    store = Store(copied / ".runs")
    (state,) = read_states(load(copied / "params.yaml"), store, copied, ["rates"])
    lost = state.variants[1].replicates[0].key
    (store.folder / lost / "weights.npz").write_bytes(b"PK")
    shutil.rmtree(store.folder / ".diagnostics")
    ablate(copied, "rates")
    assert store.runs.weights(lost) is not None
    doubts = [
        each["uncertainty"][0]["replicates"][0]["mc"]["accuracy"]
        for each in (looks(copied), looks(reference))
    ]
    assert doubts[0] == pytest.approx(doubts[1], abs=0.02)


def test_other_settings_look_anew_and_train_nothing(copied: Path) -> None:
    before = runs(copied)
    params = copy.deepcopy(LOOKED)
    params["evaluation"]["mc_samples"] = 6
    write_params(copied, params)
    store = Store(copied / ".runs")
    (state,) = read_states(load(copied / "params.yaml"), store, copied, ["rates"])
    assert [diagnostic.kind for diagnostic in missing(store, state)] == ["uncertainty"] * 2
    ablate(copied, "rates")
    assert looks(copied)["uncertainty"][0]["replicates"][0]["samples"] == 6 and runs(copied) == before
    assert missing(store, state) == []


def test_looks_that_other_settings_left_behind_are_pruned(copied: Path) -> None:
    store = Store(copied / ".runs")
    kept = {path.stem for path in (store.folder / ".diagnostics").iterdir()}
    assert kept == {key for manifest in store.manifests.all().values() for key in manifest["diagnostics"]}
    params = copy.deepcopy(LOOKED)
    params["evaluation"]["mc_samples"] = 6
    write_params(copied, params)
    ablate(copied, "rates")
    old = orphans(store, load(copied / "params.yaml"), copied)
    assert len(old.diagnostics) == 2 and not old.undecided and not old.runs
    prune(store, old)
    left = {path.stem for path in (store.folder / ".diagnostics").iterdir()}
    assert len(kept & left) == len(kept) - 2 and len(left) == len(kept)
    before = looks(copied)
    ablate(copied, "rates")
    assert (
        looks(copied) == before and {path.stem for path in (store.folder / ".diagnostics").iterdir()} == left
    )


def test_predictions_are_of_the_variant_best_on_validation_data(reference: Path) -> None:
    store = Store(reference / ".runs")
    (state,) = read_states(load(reference / "params.yaml"), store, reference, ["rates"])
    (diagnostic,) = [diagnostic for diagnostic in required(store, state) if diagnostic.kind == "predictions"]
    scores = {}
    for each in state.variants[:2]:
        records = [store.runs.get(run.key) for run in each.replicates]
        found = [record.metrics["val_accuracy"] for record in records if record is not None]
        scores[each.variant.name] = (sum(found) / 2, found.index(max(found)))
    best = max(scores, key=lambda name: scores[name][0])
    assert (diagnostic.variant, diagnostic.run.seed) == (best, scores[best][1])


def test_a_ladder_predicts_with_every_rung_and_its_best_first(reference: Path) -> None:
    store = Store(reference / ".runs")
    (state,) = read_states(load(reference / "params.yaml"), store, reference, ["steps"])
    shown = looks(reference, "steps")["predictions"]
    best = [(each.variant.name, best_replicate(store, each, ACCURACY)) for each in state.variants]
    seeds = {name: run.seed for name, run in best if run is not None}  # the lost rung has none
    assert set(seeds) == {"six", "three"} and {each["variant"]: each["seed"] for each in shown} == seeds
    means = []
    for each in shown:
        (variant,) = (known for known in state.variants if known.variant.name == each["variant"])
        records = [store.runs.get(run.key) for run in variant.replicates]
        means.append(sum(record.metrics["val_accuracy"] for record in records if record))
    assert means == sorted(means, reverse=True)
    assert [len(each["worst"]) for each in shown] == [12, 10]
    assert all([answer["label"] for answer in each["font"]] == list("0123456789") for each in shown)


def test_the_report_shows_them(reference: Path, tmp_path: Path) -> None:
    build(reference / "results", tmp_path, ["rates", "plain"])
    page = (tmp_path / "rates.html").read_text(encoding="utf-8")
    for title in ("Learning-rate finder", "Signals", "Activation functions", "Uncertainty", "Predictions"):
        assert f">{title}</h2>" in page
    assert ">Signals</h2>" not in (tmp_path / "plain.html").read_text(encoding="utf-8")
