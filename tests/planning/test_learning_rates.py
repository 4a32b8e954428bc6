"""Planned learning rates: those that training will use, known without training."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.fetch import fetch
from pipeline.data.prepare import load, prepare
from pipeline.engine.datasets import views_of
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import DataSpec, Recipe
from pipeline.planning.learning_rates import POINTS, planned_rates, training_rows
from pipeline.runs.run import Context, Run

BASE = {
    "model": {"layers": [4]},
    "optimizer": {"name": "sgd", "learning_rate": 0.1},
    "training": {"epochs": 20},
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits")
    fetch("digits", folder)
    prepare("digits", folder)
    return folder


def run(**patch: Any) -> Run:
    return Run(
        Recipe.model_validate({**BASE, **patch}), Context("digits", "any", 0, "float32"), "replicate", 0
    )


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"validation": 100},
        {"validation": 0.25, "split": "random"},
        {"classes": [1, 4, 7]},
        {"classes": [5, 6], "limit": 90},
        {"per_class": 7, "split": "random"},
        {"skip": 300, "limit": 40},
        {"pairs": 60, "limit": 200},
    ],
)
def test_as_many_images_train_as_the_engine_sees(root: Path, data: dict[str, Any]) -> None:
    spec, seed = DataSpec.model_validate(data), 5
    images = load("digits", root)
    views = views_of("digits", root)
    seen = views.view(spec, True, seed)
    assert training_rows(spec, images, seed) == len(seen.training)


def test_rates_are_those_of_the_closed_form_at_the_steps_shown(root: Path) -> None:
    (planned,) = planned_rates(run(schedule={"name": "power", "steps": 100}), root)
    assert (planned.phase, planned.kind) == ("training", "power")
    steps = np.array(planned.epochs) * planned.steps_per_epoch
    assert planned.rates == pytest.approx(0.1 / (1 + steps / 100), rel=1e-4)
    assert planned.epochs[0] == 0 and len(planned.epochs) == POINTS
    assert planned.epochs[-1] == pytest.approx(20 - 1 / planned.steps_per_epoch, rel=1e-5)


def test_steps_keep_their_edges(root: Path) -> None:
    (planned,) = planned_rates(
        run(schedule={"name": "piecewise", "boundaries": [5], "factors": [1, 0.5]}), root
    )
    assert planned.rates == pytest.approx([0.1, 0.1, 0.05, 0.05])
    assert planned.epochs == pytest.approx(
        [0, 5 - 1 / planned.steps_per_epoch, 5, 20 - 1 / planned.steps_per_epoch], rel=1e-5
    )


def test_schedules_of_keras_are_evaluated_by_keras(root: Path) -> None:
    decay = {"name": "ExponentialDecay", "decay_steps": 50, "decay_rate": 0.5}
    (planned,) = planned_rates(run(schedule=decay), root)
    steps = np.array(planned.epochs) * planned.steps_per_epoch
    assert planned.rates == pytest.approx(0.1 * 0.5 ** (steps / 50), rel=1e-3)


def test_each_phase_has_its_own(root: Path) -> None:
    phased = run(phases=[{"data": {"limit": 64}, "training": {"epochs": 2}}, {"schedule": "cosine"}])
    first, second = planned_rates(phased, root)
    assert [phase.name for phase in phases_of(phased.recipe)] == [first.phase, second.phase]
    assert (first.kind, second.kind) == ("constant", "cosine")
    assert first.steps_per_epoch == 2 < second.steps_per_epoch


def test_without_data_nothing_is_known(tmp_path: Path) -> None:
    assert planned_rates(run(), tmp_path) == []
