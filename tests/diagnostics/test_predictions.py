"""What is kept of a model's predictions, for every task, against scikit-learn's measures of the same predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from pipeline.core.metrics import Task
from pipeline.data.catalogue import Dataset
from pipeline.data.prepare import Prepared
from pipeline.params.types.evaluation import Signals
from pipeline.params.types.recipe import Recipe
from pipeline.runs.run import Context, Run

pytestmark = pytest.mark.usefixtures("model_cache")
TRAINED, TESTED = 40, 700
RANDOM = np.random.default_rng(0)


def made_up(y: Any, task: Task, outputs: int, x: Any = None) -> Prepared:
    """Return rows of six numbers, or `x`, with targets `y`; the last `TESTED` are test rows."""
    x = RANDOM.normal(size=(len(y), 6)).astype(np.float32) if x is None else x
    shape = {name: v.shape[1:] for name, v in x.items()} if isinstance(x, dict) else x.shape[1:]
    names = tuple("abcdefgh"[:outputs])
    kind = "inputs" if isinstance(x, dict) else "arrays"
    record = Dataset("own", shape, names, TRAINED, TESTED, {}, validation=10, task=task, kind=kind)
    halves = [
        {name: v[part] for name, v in x.items()} if isinstance(x, dict) else x[part]
        for part in (slice(TRAINED), slice(TRAINED, None))
    ]
    return Prepared(halves[0], y[:TRAINED], halves[1], y[TRAINED:], record)


def model_of(prepared: Prepared, model: dict[str, Any] | None = None, **patch: Any) -> Any:
    from pipeline.diagnostics.model import DiagnosedModel
    from pipeline.engine.datasets import DatasetViews
    from pipeline.engine.model_cache import ModelCache

    recipe = {
        "model": model or {"layers": [5], "activation": "tanh"},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "training": {"epochs": 1, "batch_size": 10},
        **patch,
    }
    run = Run(Recipe.model_validate(recipe), Context("own", "x", 0, "float32"), "replicate", 0)
    views = DatasetViews(prepared)
    return DiagnosedModel(ModelCache(lambda _: views), run), run


def outcome_of(prepared: Prepared, shown: int = 6, **patch: Any) -> tuple[dict[str, Any], Any]:
    """Return the outcome of an untrained model, and its outputs for the test rows as Keras predicts them."""
    from pipeline.diagnostics.predictions import predictions

    model, run = model_of(prepared, **patch)
    outcome = predictions(model, model.initial_weights(run), shown)
    outputs = model.keras_model.predict(model.view.rows(model.view.test)["x"], verbose=0)
    return outcome, outputs


@pytest.fixture(autouse=True)
def _own_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(Path(__file__).parent))


@pytest.mark.parametrize("scaled", [False, True])
def test_numbers_are_measured_in_their_own_unit(scaled: bool) -> None:
    y = (50 + 10 * RANDOM.normal(size=(TRAINED + TESTED, 6))).astype(np.float32)
    outcome, outputs = outcome_of(made_up(y, "regression", 6), data={"scale_targets": scaled})
    predicted = (
        outputs * y[10:40].std(axis=0) + y[10:40].mean(axis=0) if scaled else outputs
    )  # the first 10 are held out
    assert [target["name"] for target in outcome["targets"]] == list("abcd")
    for place, target in enumerate(outcome["targets"]):
        pair = y[TRAINED:, place], predicted[:, place]
        assert target["r2"] == pytest.approx(metrics.r2_score(*pair), rel=1e-4)
        assert target["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(*pair), rel=1e-4)
        assert target["root_mean_squared_error"] ** 2 == pytest.approx(
            metrics.mean_squared_error(*pair), rel=1e-4
        )
        assert len(target["true"]) == len(target["predicted"]) == 500
        assert target["true"][0] == pytest.approx(pair[0][0], rel=1e-5)
        assert target["predicted"][-1] == pytest.approx(pair[1][-1], rel=1e-4)
    misses = np.abs(predicted - y[TRAINED:]) / y[TRAINED:].std(axis=0)
    first, *others = outcome["worst"]
    row, place = np.unravel_index(misses.argmax(), misses.shape)
    assert (first["row"], first["target"]) == (row, "abcdef"[place]) and len(others) == 5
    assert "png" not in first


def test_predictions_that_are_no_numbers_are_left_out() -> None:
    from pipeline.diagnostics.predictions import predictions

    data = made_up(np.ones((TRAINED + TESTED, 1), np.float32), "regression", 1)
    data.x_test[3] = np.inf
    model, run = model_of(data)
    weights = model.initial_weights(run)
    outcome = predictions(model, weights, 900)
    assert outcome["not_finite"] == 1 and outcome["rows"] == TESTED
    assert {miss["row"] for miss in outcome["worst"]} == set(range(TESTED)) - {3}
    assert predictions(model, [np.full_like(weight, np.nan) for weight in weights], 3) == {}


def test_labels_are_measured_one_by_one() -> None:
    y = (RANDOM.random((TRAINED + TESTED, 3)) < (0.5, 0.2, 0.0)).astype(np.float32)
    outcome, outputs = outcome_of(made_up(y, "labels", 3))
    truth = y[TRAINED:].astype(int)
    for place, label in enumerate(outcome["curves"][:2]):
        pair = truth[:, place], outputs[:, place]
        assert label["positives"] == truth[:, place].sum()
        assert label["f1"] == pytest.approx(metrics.f1_score(pair[0], pair[1] > 0.5), rel=1e-6)
        assert label["recall"] == pytest.approx(metrics.recall_score(pair[0], pair[1] > 0.5), rel=1e-6)
        assert label["roc"]["area"] == pytest.approx(metrics.roc_auc_score(*pair), rel=1e-5)
        assert label["precision_recall"]["area"] == pytest.approx(
            metrics.average_precision_score(*pair), rel=1e-5
        )
        for kind in ("roc", "precision_recall"):
            assert len(label[kind]["x"]) == len(label[kind]["y"]) <= 200
        # Thinning hardly moves a curve.
        assert metrics.auc(label["roc"]["x"], label["roc"]["y"]) == pytest.approx(
            label["roc"]["area"], abs=0.01
        )
    never = outcome["curves"][2]
    assert never["positives"] == 0 and never["recall"] is None and "roc" not in never
    wrong = (outputs > 0.5) != truth
    assert outcome["wrong"] == wrong.any(axis=1).sum()
    assert [answer["name"] for answer in outcome["worst"]] == [
        "abc"[place] for place in np.argsort(-np.where(wrong, np.abs(outputs - truth), 0), axis=None)[:6] % 3
    ]


def test_two_classes_have_curves_and_mistakes_by_row() -> None:
    y = RANDOM.integers(0, 2, TRAINED + TESTED)
    outcome, outputs = outcome_of(made_up(y, "classes", 2))
    (curve,) = outcome["curves"]
    assert curve["name"] == "b"
    assert curve["roc"]["area"] == pytest.approx(metrics.roc_auc_score(y[TRAINED:], outputs[:, 1]), rel=1e-5)
    assert outcome["confusion"] == metrics.confusion_matrix(y[TRAINED:], outputs.argmax(axis=1)).tolist()
    worst = outcome["worst"][0]
    wrong = outputs.argmax(axis=1) != y[TRAINED:]
    assert worst["row"] == np.where(wrong, outputs.max(axis=1), 0).argmax() and "png" not in worst
    three, _ = outcome_of(made_up(RANDOM.integers(0, 3, TRAINED + TESTED), "classes", 3))
    assert three["curves"] == []


@pytest.mark.parametrize("channels", [1, 2])
def test_maps_are_measured_by_class(channels: int) -> None:
    y = RANDOM.integers(0, 2, (TRAINED + TESTED, 4, 5))
    x = RANDOM.random((len(y), 4, 5, channels)).astype(np.float32)
    outcome, outputs = outcome_of(made_up(y, "map", 3, x), model={"build": "own_nets:pixels"})
    predicted, true = outputs.argmax(axis=-1), y[TRAINED:]
    expected = metrics.jaccard_score(true.ravel(), predicted.ravel(), labels=[0, 1], average=None)
    assert [each["iou"] for each in outcome["classes"][:2]] == pytest.approx(list(expected))
    assert sum(each["pixels"] for each in outcome["classes"]) == pytest.approx(1)
    right = (predicted == true).mean(axis=(1, 2))
    assert [each["row"] for each in outcome["worst"]] == np.argsort(right, kind="stable")[:6].tolist()
    assert outcome["worst"][0]["right"] == pytest.approx(right.min())
    assert len(outcome["others"]) == 2
    assert ("png" in outcome["worst"][0]) == (channels == 1)


@pytest.mark.parametrize(
    ("inputs", "observed"),
    [("several", False), ("nested", False), ("chained", True), ("numbers", True), ("noise", True)],
)
def test_signals_are_those_of_one_array_alone(inputs: str, observed: bool) -> None:
    from pipeline.diagnostics.signals import signals

    y = RANDOM.normal(size=(TRAINED + TESTED, 2)).astype(np.float32)
    x = {name: RANDOM.normal(size=(len(y), 2)).astype(np.float32) for name in "pq"}
    if inputs == "several":
        model, run = model_of(made_up(y, "regression", 2, x), model={"build": "own_nets:joined"})
    else:
        own = {"model": {"build": f"own_nets:{inputs}"}} if inputs in ("nested", "chained") else {}
        model, run = model_of(made_up(y, "regression", 2), **own)
    settings = Signals(inputs="normal" if inputs == "noise" else "images", samples=20)
    outcome = signals(model, run, model.initial_weights(run), settings)
    assert bool(outcome) == observed
    if observed:
        assert all(value > 0 for value in outcome["trained"]["gradient"])


def test_a_range_test_feeds_several_inputs() -> None:
    from pipeline.diagnostics.range_test import find_rate
    from pipeline.params.types.evaluation import RateRange

    y = RANDOM.normal(size=(TRAINED + TESTED, 2)).astype(np.float32)
    x = {name: RANDOM.normal(size=(len(y), 2)).astype(np.float32) for name in "pq"}
    model, run = model_of(made_up(y, "regression", 2, x), model={"build": "own_nets:joined"})
    assert find_rate(model, run, RateRange())["suggested"] > 0
