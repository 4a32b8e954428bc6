"""Helpers for tests: small recipes, runs of them, their records, and studies."""

from collections.abc import Mapping
from typing import Any

from pipeline.params.load import parse
from pipeline.params.patches import merge
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.study import Study
from pipeline.runs.records import EngineRecord, RunKind, RunRecord
from pipeline.runs.run import Context, Run

CONTEXT = Context("digits", "content", study_seed=0, precision="float32")

# 90 images in batches of 16: the last batch of an epoch is filled up.
SMALL: dict[str, Any] = {
    "data": {"limit": 90, "validation": 40},
    "model": {"layers": [8, 4], "activation": "tanh"},
    "optimizer": {"name": "SGD", "learning_rate": 0.05},
    "training": {"epochs": 2, "batch_size": 16},
}


def recipe(patch: Mapping[str, Any] | None = None) -> Recipe:
    """Return a small recipe, changed by `patch`."""
    return Recipe.model_validate(merge(SMALL, patch or {}))


def run(
    patch: Mapping[str, Any] | None = None,
    seed: int = 0,
    kind: RunKind = "replicate",
    fold: tuple[int, int] | None = None,
    context: Context = CONTEXT,
    epochs: int | None = None,
) -> Run:
    """Return a run of a small recipe, changed by `patch`."""
    return Run(recipe(patch), context, kind, seed, fold, epochs=epochs)


def record(run: Run, val_accuracy: float = 0.5, **changes: Any) -> RunRecord:
    """Return a record that an engine might make of `run`."""
    test = {"test_loss": 1.0, "test_accuracy": 0.5} if run.kind == "replicate" else {}
    fields: dict[str, Any] = {
        "key": run.key,
        "recipe": {"model": {"layers": [8]}},
        "dataset": "digits",
        "seed": run.seed,
        "kind": run.kind,
        "outcome": "finished",
        "metrics": {"loss": 1.0, "val_loss": 1 - val_accuracy, "val_accuracy": val_accuracy, **test},
        "curves": {"loss": [2.0, 1.0], "val_accuracy": [0.1, val_accuracy]},
        "epochs": 2,
        "best_epoch": 2,
        "parameters": 42,
        "seconds": 0.1,
        "engine": EngineRecord("fused", "one graph", 2, 1),
        "device": "CPU",
        "environment": {"python": "3"},
    }
    return RunRecord(**{**fields, **changes})


def study(ablations: Mapping[str, Any], **shared: Any) -> Study:
    """Return a study on small recipes; ablations may lack a question."""
    entries = {name: {"question": "Which?", **entry} for name, entry in ablations.items()}
    return parse({"base": SMALL, **shared, "ablations": entries})
