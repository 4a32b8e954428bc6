"""Fused equals `fit` for every family of models, task and kind of metric, on data of any shape."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from kit import run

from pipeline.core.metrics import TargetUnit, Task
from pipeline.engine.views import View

from .training import assert_near, train

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow

ROWS, TRAINED, HELD_OUT = 60, np.arange(36, dtype=np.int32), np.arange(36, 48, dtype=np.int32)
TEST = np.arange(48, 60, dtype=np.int32)
RANDOM = np.random.default_rng(0)
WIDE = RANDOM.normal(size=(ROWS, 6)).astype(np.float32)
IMAGES = RANDOM.random((ROWS, 6, 5, 1)).astype(np.float32)
TOKENS = RANDOM.integers(0, 9, (ROWS, 5)).astype(np.int32)
SIGNAL = WIDE @ RANDOM.normal(size=(6, 3)).astype(np.float32)


def view(x: Any, y: np.ndarray, outputs: int, task: Task, weights: np.ndarray | None = None) -> View:
    return View(task, x, y, TRAINED, HELD_OUT, TEST, outputs, task, ("a", "b", "c")[:outputs], weights)


VIEWS = {
    "numbers": view(WIDE, SIGNAL, 3, "regression"),
    "weighted": view(WIDE, SIGNAL, 3, "regression", np.linspace(0.1, 2, ROWS, dtype=np.float32)),
    "inputs": view({"a": WIDE[:, :2], "b": WIDE[:, 2:]}, SIGNAL[:, :1], 1, "regression"),
    "labels": view(WIDE, (SIGNAL > 0).astype(np.float32), 3, "labels"),
    "classes": view(WIDE, SIGNAL.argmax(axis=1).astype(np.int32), 3, "classes"),
    "two": view(WIDE, (SIGNAL[:, 0] > 0).astype(np.int32), 2, "classes"),
    "maps": view(IMAGES, (IMAGES[..., 0] * 3).astype(np.int32), 3, "map"),
    "tokens": view(TOKENS, SIGNAL.argmax(axis=1).astype(np.int32), 3, "classes"),
    "images": view(IMAGES, SIGNAL.argmax(axis=1).astype(np.int32), 3, "classes"),
}


class Views:
    """The views of a data set that holds one view, whatever the recipe says."""

    def __init__(self, name: str) -> None:
        self.name = name

    def view(self, *_: Any) -> View:
        return VIEWS[self.name]


@pytest.fixture(autouse=True)
def _small_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(Path(__file__).parent))


def both(data: str, patches: list[dict[str, Any]]) -> "tuple[list[Any], list[Any]]":
    """Return runs of patches on a view, trained together by the fused engine and one after another by `fit`."""
    from pipeline.engine.environment import set_up
    from pipeline.engine.model_cache import ModelCache
    from pipeline.engine.stacks import Engine

    set_up("float32")
    runs = [run({"training": {"batch_size": 8}, **patch}, seed=seed) for seed, patch in enumerate(patches)]
    engines = [Engine(ModelCache(lambda _: Views(data)), choice) for choice in ("fused", "fit")]  # type: ignore[arg-type, return-value]
    return train(engines[0], runs), train(engines[1], runs)


def assert_equal(data: str, patches: list[dict[str, Any]], tolerance: float = 2e-5) -> "dict[str, float]":
    together, alone = both(data, patches)
    for one, other in zip(together, alone, strict=True):
        assert_near(one, other, tolerance)
    assert {trained.record.engine.name for trained in together} == {"fused"}
    different = [trained.weights[0] for trained in together]
    assert not np.array_equal(*different[:2])
    return together[0].record.metrics


def test_what_cannot_be_traced_for_several_models_is_trained_one_by_one() -> None:
    together, alone = both("tokens", [{"model": {"build": "small_models:masked"}}] * 2)
    for one, other in zip(together, alone, strict=True):
        assert_near(one, other, 2e-5)
        assert one.record.engine.size == 1
        assert one.record.engine.reason.startswith(("one graph, each run alone: ", "the fused engine cannot"))


@pytest.mark.parametrize("name", ["residual", "recurrent", "attention", "Subclassed"])
def test_models_of_ones_own(name: str) -> None:
    metrics = assert_equal("images", [{"model": {"build": f"small_models:{name}"}}] * 2)
    assert metrics.keys() == {
        f"{part}{metric}" for part in ("", "val_", "test_") for metric in ("loss", "accuracy")
    }


def test_augmentation() -> None:
    augment = {"data": {"augment": ["RandomFlip", {"name": "RandomRotation", "factor": 0.1}]}}
    model = {"model": {"build": "small_models:residual"}}
    augmented = assert_equal("images", [{**model, **augment}] * 2)
    plain, _ = both("images", [model])
    assert augmented["loss"] != plain[0].record.metrics["loss"]


def test_several_inputs() -> None:
    metrics = assert_equal("inputs", [{"model": {"build": "small_models:two_inputs", "units": 3}}] * 2)
    assert {"val_mean_absolute_error", "test_r2_score"} <= metrics.keys()


@pytest.mark.parametrize("data", ["numbers", "weighted"])
def test_numbers_and_weights_of_rows(data: str) -> None:
    own = {"name": "small_models:kappa", "better": "lower"}
    metrics = ["MeanAbsoluteError", "root_mean_squared_error", "R2Score", own, "CosineSimilarity"]
    measured = assert_equal(data, [{"training": {"metrics": metrics, "batch_size": 8}}] * 2)
    assert measured["val_kappa"] == pytest.approx(measured["val_mean_absolute_error"])
    assert measured["val_root_mean_squared_error"] >= measured["val_mean_absolute_error"]
    squared = measured["val_root_mean_squared_error"] ** 2
    assert (measured["val_loss"] == pytest.approx(squared, rel=1e-4)) == (data == "numbers")


def test_metrics_of_scaled_targets_are_in_their_own_unit() -> None:
    unit = TargetUnit(SIGNAL[TRAINED].mean(axis=0), SIGNAL[TRAINED].std(axis=0))
    scaled = ((SIGNAL - unit.mean) / unit.deviation).astype(np.float32)
    VIEWS["scaled"] = replace(VIEWS["numbers"], y=scaled, unit=unit, pool="scaled")
    metrics = {"metrics": ["MeanSquaredError", "MeanAbsoluteError"], "batch_size": 8}
    measured = assert_equal("scaled", [{"training": metrics}] * 2)
    squares = unit.deviation**2
    assert squares.min() < measured["test_mean_squared_error"] / measured["test_loss"] < squares.max()
    assert squares.min() > 1.5


def test_several_labels() -> None:
    metrics = ["AUC", {"name": "AUC", "curve": "PR", "as": "pr_auc"}, "F1Score", "accuracy", "Precision"]
    patch = {
        "model": {"build": "small_models:many_labels"},
        "training": {"metrics": metrics, "batch_size": 8},
    }
    measured = assert_equal("labels", [patch] * 2)
    assert {"val_pr_auc", "test_f1_score"} <= measured.keys()


def test_metrics_of_classes() -> None:
    metrics = ["accuracy", "AUC", "F1Score", "SparseTopKCategoricalAccuracy", "MeanIoU", "Recall"]
    patch = {"training": {"metrics": metrics, "batch_size": 8, "class_weight": {"a": 3.0, "b": 0.5}}}
    balanced = {"training": {**patch["training"], "class_weight": "balanced"}}
    assert_equal("classes", [patch, balanced])


def test_one_output_for_two_classes_needs_no_words_about_losses() -> None:
    patch = {"model": {"output": {"units": 1}}, "training": {"metrics": ["accuracy", "AUC"], "batch_size": 8}}
    assert_equal("two", [patch] * 2)


def test_a_class_for_each_pixel() -> None:
    measured = assert_equal("maps", [{"model": {"build": "small_models:pixels"}}] * 2)
    assert {"val_accuracy", "val_mean_io_u"} <= measured.keys()


def test_inputs_on_disk_train_as_those_in_memory(tmp_path: Path) -> None:
    from pipeline.engine.inputs import transformed

    np.save(tmp_path / "x.npy", WIDE)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    parts = [on_disk[:48], on_disk[48:]]
    in_memory = VIEWS["classes"]
    assert np.array_equal(transformed(parts, np.asarray), in_memory.x)
    streamed = transformed(parts, np.asarray, in_memory=WIDE.nbytes - 1)
    assert np.array_equal(streamed[np.array([59, 0, 47, 48])], WIDE[[59, 0, 47, 48]])
    VIEWS["streamed"] = replace(in_memory, x=streamed)
    patch = {"training": {"class_weight": {"a": 3.0}, "batch_size": 8}}
    one, other = (both(data, [patch] * 2)[0] for data in ("classes", "streamed"))
    for mine, its in zip(one, other, strict=True):
        assert_near(mine, its, 2e-5)
        assert its.record.engine.reason == "the inputs are larger than memory, and read as they are needed"


def test_stopping_and_choosing_by_a_metric_of_which_lower_is_better() -> None:
    stopping = {"patience": 1, "monitor": "val_mean_absolute_error"}
    schedule = {"name": "plateau", "monitor": "val_r2_score", "patience": 1}
    training = {"epochs": 6, "batch_size": 8, "early_stopping": stopping}
    patches = [
        {"training": training, "schedule": schedule, "optimizer": {"learning_rate": rate}}
        for rate in (0.05, 0.1)
    ]
    together, alone = both("numbers", patches)
    for one, other in zip(together, alone, strict=True):
        assert_near(one, other, 1e-3)
        errors = one.record.curves["val_mean_absolute_error"]
        assert one.record.best_epoch == 1 + int(np.argmin(errors))
