"""Tuned by cross-validation, stopped early, the best weights restored: what is kept as `.keras` is that model."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.store import Store

from .kit import PARAMS, ablate, project_at, results

pytestmark = pytest.mark.slow

STOPPED: dict[str, Any] = {
    **PARAMS,
    "seeds": 2,
    "base": {
        **PARAMS["base"],
        "optimizer": {
            "name": "sgd",
            "learning_rate": 2.0,
        },  # so high that the loss jumps, and the last epoch is not the best
        "training": {"epochs": 12, "batch_size": 16, "early_stopping": {"patience": 3}},
    },
    "ablations": {
        "stopped": {
            "question": "Does momentum help?",
            "tune": {"trials": 2, "folds": 3, "space": {"optimizer.learning_rate": {"linear": [1.0, 2.0]}}},
            "variants": {"plain": {}},
        }
    },
}


@pytest.fixture(scope="module")
def stopped(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A project whose one ablation is done, and its variant's results."""
    root = project_at(tmp_path_factory.mktemp("stopped") / "study", project, STOPPED)
    ablate(root, "stopped")
    (variant,) = json.loads(results(root)["stopped"])["variants"]
    return root, dict(variant)


def test_each_trial_is_scored_by_the_mean_over_its_folds(stopped: tuple[Path, dict[str, Any]]) -> None:
    root, variant = stopped
    store = Store(root / ".runs")
    (choice,) = [json.loads(path.read_text()) for path in (root / ".runs" / ".choices").glob("*.json")]
    assert len(choice["trials"]) == 2
    for trial in choice["trials"]:
        records = [store.runs.get(key) for key in trial["run_keys"]]
        scores = [record.metrics["val_accuracy"] for record in records if record is not None]
        assert len(set(trial["run_keys"])) == len(scores) == 3
        assert trial["score"] == pytest.approx(sum(scores) / 3)
    best = max(choice["trials"], key=lambda trial: trial["score"])
    assert variant["chosen"] == choice["values"] == best["values"]


def test_the_model_kept_has_the_weights_of_the_best_epoch(
    stopped: tuple[Path, dict[str, Any]], project: Path
) -> None:
    import keras

    from pipeline.data.prepare import load

    root, variant = stopped
    store = Store(root / ".runs")
    (kept,) = [run for run in variant["replicates"] if store.runs.model_path(run["run_key"]).is_file()]
    assert any(run["best_epoch"] < run["epochs"] for run in variant["replicates"])
    for run in variant["replicates"]:
        losses = run["curves"]["val_loss"]
        assert run["metrics"]["val_loss"] == min(losses) == losses[run["best_epoch"] - 1]
    images = load("digits", project)
    held_out = slice(0, STOPPED["base"]["data"]["validation"])
    inputs = images.x_train[held_out].reshape(-1, 64).astype("float32") / 255
    model = keras.saving.load_model(store.runs.model_path(kept["run_key"]))
    accuracy = (model.predict(inputs, verbose=0).argmax(axis=1) == images.y_train[held_out]).mean()
    assert accuracy == pytest.approx(kept["metrics"]["val_accuracy"], abs=1e-6)
