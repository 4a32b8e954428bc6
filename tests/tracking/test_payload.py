from typing import Any

import pytest

from pipeline.tracking.payload import (
    LONGEST_VALUE,
    batches,
    curve_points,
    params,
    points,
    tags,
)
from pipeline.tracking.required import RequiredRun

from .conftest import CURVES, record


def run(**values: Any) -> RequiredRun:
    return RequiredRun("act", "relu", "replicate", 3, "k", "relu · seed 3", values, model=False)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ({"a": {"b": {"c": 1}}}, {"a.b.c": "1"}),
        ({"layers": [64, {"name": "Dropout"}]}, {"layers": '[64, {"name": "Dropout"}]'}),
        (
            {"rate": 1e-05, "on": True, "off": None, "word": "ré"},
            {"rate": "1e-05", "on": "true", "word": "ré"},
        ),
        ({"my layer(x)": 1}, {"my layer_x_": "1"}),
        ({"a": {}}, {}),
    ],
)
def test_recipes_are_flattened(recipe: dict[str, object], expected: dict[str, str]) -> None:
    assert params(run(), record("k", recipe=recipe)) == {"dataset": "digits", **expected}


def test_tuned_values_win_and_are_all_that_is_known_without_a_record() -> None:
    tuned = run(**{"optimizer.learning_rate": 0.5})
    assert params(tuned, record("k"))["optimizer.learning_rate"] == "0.5"
    assert params(tuned) == {"optimizer.learning_rate": "0.5"}


def test_long_values_are_cut() -> None:
    (value,) = params(run(words="x" * 1000)).values()
    assert len(value) == LONGEST_VALUE
    assert value.endswith("x…")


def test_curves_start_at_step_one_and_spread_over_the_time() -> None:
    losses = [point for point in curve_points(CURVES, started=1000, ended=4000) if point.key == "loss"]
    assert [(point.step, point.value, point.milliseconds) for point in losses] == [
        (1, 0.9, 2000),
        (2, 0.5, 3000),
        (3, 0.4, 4000),
    ]
    assert {point.step for point in curve_points(CURVES, 0, 1, after=2)} == {3}
    assert curve_points({}, 0, 1) == []


def test_final_metrics_do_not_hide_the_curves() -> None:
    all_points = points(record("k"), started=0, ended=2500)
    assert len({(point.key, point.step) for point in all_points}) == len(all_points)
    final = {point.key: point.value for point in all_points if point.key not in CURVES}
    assert {point.step for point in all_points if point.key in final} == {
        0
    }  # bars in MLflow, not single points
    assert final == {
        "final_loss": 0.5,
        "final_val_accuracy": 0.75,
        "test_accuracy": 0.7,
        "seconds": 2.5,
        "parameters": 100,
        "best_epoch": 2,
    }


def test_divergence_is_a_tag() -> None:
    assert tags(run(), record("k", outcome="diverged"))["outcome"] == "diverged"
    assert tags(run())["outcome"] == "in training"


def test_a_run_names_its_source_and_the_commit_where_it_is_known() -> None:
    known, unknown = tags(run(), record("k"), "626cefe1a2b3-dirty"), tags(run(), record("k"))
    assert known["mlflow.source.git.commit"] == "626cefe1a2b3-dirty"
    assert known["mlflow.source.name"] == unknown["mlflow.source.name"] == "keras-ablation"
    assert "mlflow.source.git.commit" not in unknown


@pytest.mark.parametrize(
    ("values", "names", "count"), [(0, 0, 0), (140, 30, 1), (900, 100, 1), (901, 0, 2), (1, 250, 3)]
)
def test_batches_respect_mlflows_limits_and_lose_nothing(values: int, names: int, count: int) -> None:
    all_points = curve_points({"loss": [0.5] * values}, 0, 1)
    all_params = {f"p{number}": "x" for number in range(names)}
    cut = list(batches(all_points, all_params))
    assert len(cut) == count
    assert all(len(batch.points) + len(batch.params) <= 1000 and len(batch.params) <= 100 for batch in cut)
    assert [point for batch in cut for point in batch.points] == all_points
    assert {name: value for batch in cut for name, value in batch.params.items()} == all_params
