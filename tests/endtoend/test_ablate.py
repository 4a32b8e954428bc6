"""Ablations brought up to date in this process, MLflow left out."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.store import Store

from .kit import PARAMS, ablate, project_at, results, write_params

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def untracked(monkeypatch: pytest.MonkeyPatch, model_cache: object) -> None:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[Path]:
    """A project brought up to date from nothing."""
    root = project_at(tmp_path_factory.mktemp("reference") / "project", project)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
        ablate(root, "tuned", ahead=True)
        ablate(root, "width")
    yield root


def changed(edit: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    params = copy.deepcopy(PARAMS)
    edit(params)
    return params


def stamps(store: Store) -> dict[str, int]:
    """Return when each run was written."""
    return {key: (store.folder / key / "run.json").stat().st_mtime_ns for key in sorted(store.runs.keys())}


def test_what_is_wanted_is_trained_and_no_more(reference: Path) -> None:
    store = Store(reference / ".runs")
    assert len(store.runs.keys()) == 2 * (2 + 3) + 2 * 3
    found = {name: json.loads(text) for name, text in results(reference).items()}
    assert list(found) == ["tuned", "width"]
    for name, ablation in found.items():
        for variant in ablation["variants"]:
            assert len(variant["trials"]) == (2 if name == "tuned" else 0)
            assert [each["seed"] for each in variant["replicates"]] == [0, 1, 2]
            assert all(store.runs.weights(each["run_key"]) for each in variant["replicates"])
            kept = [
                each for each in variant["replicates"] if store.runs.model_path(each["run_key"]).is_file()
            ]
            best = max(variant["replicates"], key=lambda each: each["metrics"]["val_accuracy"])
            assert [each["run_key"] for each in kept] == [best["run_key"]]
    trials = [trial for variant in found["tuned"]["variants"] for trial in variant["trials"]]
    assert all(store.runs.weights(trial["run_key"]) is None for trial in trials)


def test_the_model_kept_is_the_best_replicate(reference: Path, project: Path) -> None:
    import keras

    from pipeline.data.prepare import load

    images = load("digits", project)
    inputs = images.x_test.reshape(len(images.x_test), -1).astype("float32") / 255
    (variant, *_) = json.loads(results(reference)["width"])["variants"]
    store = Store(reference / ".runs")
    for each in variant["replicates"]:
        if store.runs.model_path(each["run_key"]).is_file():
            model = keras.saving.load_model(store.runs.model_path(each["run_key"]))
            accuracy = (model.predict(inputs, verbose=0).argmax(axis=1) == images.y_test).mean()
            assert accuracy == pytest.approx(each["metrics"]["test_accuracy"], abs=1e-6)


def test_trained_twice_the_results_are_the_same_in_every_byte(
    reference: Path, project: Path, tmp_path: Path
) -> None:
    again = project_at(tmp_path / "again", project)
    ablate(again, "tuned", ahead=True)
    ablate(again, "width")
    assert results(again) == results(reference)


def test_brought_up_to_date_again_nothing_trains(reference: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.stages.ablate._train", lambda *_: pytest.fail("trains again"))
    before = results(reference)
    ablate(reference, "tuned", ahead=True)
    assert results(reference) == before


def test_a_variant_added_trains_itself_only(reference: Path, project: Path, tmp_path: Path) -> None:

    root = project_at(tmp_path / "more", project)
    shutil.copytree(reference / ".runs", root / ".runs")
    store = Store(root / ".runs")
    before = stamps(store)
    write_params(
        root,
        changed(
            lambda params: params["ablations"]["width"]["variants"].update(three={"model": {"layers": [3]}})
        ),
    )
    ablate(root, "width", ahead=True)
    after = stamps(store)
    found = json.loads(results(root)["width"])["variants"]
    added = {each["run_key"] for each in found[2]["replicates"]}
    assert len(added) == 3 and after.keys() - before.keys() == added
    assert {key: after[key] for key in before} == before
    assert found[:2] == json.loads(results(reference)["width"])["variants"]


def test_a_damaged_run_is_trained_again(reference: Path, project: Path, tmp_path: Path) -> None:

    root = project_at(tmp_path / "damaged", project)
    shutil.copytree(reference / ".runs", root / ".runs")
    lost = json.loads(results(reference)["width"])["variants"][1]["replicates"][1]
    (root / ".runs" / lost["run_key"] / "run.json").write_text("{", encoding="utf-8")
    ablate(root, "width")
    found = json.loads(results(root)["width"])["variants"][1]["replicates"][1]
    assert found["metrics"] == pytest.approx(lost["metrics"], rel=1e-4)


def test_both_engines_come_to_the_same_verdicts(project: Path, tmp_path: Path) -> None:
    from pipeline.report.site import build

    pages = []
    for engine in ("fit", "fused"):
        root = project_at(tmp_path / engine, project, changed(lambda params: params.update(engine=engine)))  # noqa: B023
        ablate(root, "width")
        names = {each["engine"]["name"] for each in replicates(root)}
        assert names == {engine}
        build(root / "results", root / "reports", ["width"])
        pages.append(json.loads((root / "reports" / "metrics.json").read_text(encoding="utf-8")))
    assert pages[0].keys() == pages[1].keys() and pages[0]
    assert verdicts(pages[0]) == verdicts(pages[1])


def replicates(root: Path) -> list[dict[str, Any]]:
    variants = json.loads(results(root)["width"])["variants"]
    return [each for variant in variants for each in variant["replicates"]]


def verdicts(page: Any) -> Any:
    """Return a report's numbers rounded to what rounding in training leaves alone."""
    if isinstance(page, dict):
        return {key: verdicts(value) for key, value in page.items()}
    return round(page, 3) if isinstance(page, float) else page


def test_a_damaged_trial_is_trained_again(reference: Path, project: Path, tmp_path: Path) -> None:
    root = project_at(tmp_path / "damaged trial", project)
    shutil.copytree(reference / ".runs", root / ".runs")
    shutil.rmtree(root / ".runs" / ".choices")
    trial = json.loads(results(reference)["tuned"])["variants"][1]["trials"][0]
    (root / ".runs" / trial["run_key"] / "curves.json").write_bytes(b"")
    ablate(root, "tuned")
    found = json.loads(results(root)["tuned"])["variants"][1]["trials"][0]
    assert found["score"] == pytest.approx(trial["score"], rel=1e-4)
