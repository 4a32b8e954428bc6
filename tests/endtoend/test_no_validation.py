"""A study without validation images, with published values: from params to results, report and model files."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.files import read_json
from pipeline.report.findings import find
from pipeline.report.site import build
from pipeline.result_files.read import read

from .kit import PARAMS, ablate, project_at

pytestmark = pytest.mark.slow

PHASES = [{"name": "head only", "training": {"epochs": 1}}, {"name": "all", "training": {"epochs": 1}}]
STUDY: dict[str, Any] = {
    **PARAMS,
    "seeds": 2,
    "evaluation": {"training_set": True, "predictions": 6, "mc_samples": 3, "signals": {"samples": 20}},
    "base": {**PARAMS["base"], "data": {"limit": 90, "validation": 0}, "model": {"layers": [6]}},
    "ablations": {
        "all_images": {
            "question": "What is measured where no images are held out?",
            "variants": {
                "plain": {"regularisation": {"dropout": 0.2}, "reference": {"training_set.loss": 2.0}},
                "normalised": {
                    "model": {"normalisation": {"where": "before", "scale": False}},
                    "reference": {
                        "parameters": 64 * 6 + 3 * 6 + 70,
                        "trainable_parameters": 64 * 6 + 6 + 70,
                        "non_trainable_parameters": 12,
                        "error_ratio": {"value": 1.0, "against": "plain"},
                    },
                },
                "phases": {"phases": PHASES, "reference": {"phases.head only.loss": 2.3}},
                "bare": {"model": {"layers": [10], "output": "none"}, "reference": {"best_epoch.loss": 2}},
            },
        }
    },
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, project: Path, model_cache: object) -> Path:  # noqa: ARG001
    folder = project_at(tmp_path_factory.mktemp("all") / "project", project, STUDY)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
        patched.delenv("DVC_ROOT", raising=False)
        ablate(folder, "all_images")
    return folder


def test_results_have_training_and_test_values_alone(root: Path) -> None:
    ablation = read(root / "results", "all_images")
    for variant in ablation.variants:
        for run in variant.replicates:
            assert set(run.metrics) == {"loss", "accuracy", "test_loss", "test_accuracy"}
            assert set(run.curves) == {"loss", "accuracy", "learning_rate"}
    assert find(ablation).row("normalised").comparison is not None


def test_the_training_set_is_measured_by_the_weights_that_were_kept(root: Path) -> None:
    outcomes = (read_json(root / "results" / "all_images" / "evaluation.json") or {})["training_set"]
    assert [entry["variant"] for entry in outcomes] == ["plain", "normalised", "phases", "bare"]
    assert all(
        0 < run["accuracy"] <= 1 and run["loss"] > 0 for entry in outcomes for run in entry["replicates"]
    )


def test_the_best_model_is_chosen_by_training_data_and_saved(root: Path) -> None:
    ablation = read(root / "results", "all_images")
    for variant in ablation.variants:
        best = max(variant.replicates, key=lambda run: run.metrics["accuracy"])
        assert (root / ".runs" / best.run_key / "model.keras").exists()
    (shown,) = (read_json(root / "results" / "all_images" / "evaluation.json") or {})["predictions"]
    means = {v.name: sum(run.metrics["accuracy"] for run in v.replicates) for v in ablation.variants}
    assert shown["variant"] == max(means, key=means.__getitem__)


def test_the_page_says_so_and_shows_every_published_value(root: Path) -> None:
    build(root / "results", root / "reports", ["all_images"])
    page = (root / "reports" / "all_images.html").read_text(encoding="utf-8")
    assert "both by training data, as none were held out" in page
    assert ">Training loss</h3>" in page and ">Validation loss</h3>" not in page
    findings = json.loads((root / "reports" / "all_images.json").read_text(encoding="utf-8"))
    published = {entry["metric"]: entry for entry in findings["published"]}
    assert {name for name, entry in published.items() if entry["agrees"]} >= {
        "parameters", "trainable_parameters", "non_trainable_parameters", "best_epoch.loss",
    }  # fmt: skip
    assert all(entry["n"] == 2 for entry in published.values())
