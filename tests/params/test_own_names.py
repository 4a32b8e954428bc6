"""A user's own `module:Name` in place of a name of Keras."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.params.expansion.resolve import canonical
from pipeline.params.faults import FaultsError, read_as
from pipeline.params.types.recipe import Recipe

from .cases import BASE, faults, study

MINE = """\
raise RuntimeError("checking must not import")

def bent(x, knee=0.5):
    return x

class Noisy:
    def __init__(self, rate, **kwargs):
        pass

class Scaled:
    def __init__(self, factor, *, power=2.0):
        pass

Other = Scaled
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


def complaint(**model: Any) -> str:
    with pytest.raises(FaultsError) as caught:
        read_as(Recipe, {**BASE, "model": {"layers": [4], **model}})
    (fault,) = caught.value.faults
    return fault.sentence()


def test_own_names_stand_in_for_keras_ones() -> None:
    raw = {
        "model": {
            "layers": [4, {"name": "mine:Noisy", "rate": 0.1, "whatever": 3}],
            "activation": {"name": "mine:bent", "knee": 1},
        },
        "optimizer": {"name": "mine:Other", "learning_rate": 0.1, "anything": 1},
        "training": {"epochs": 1, "loss": "mine:Other"},
        "schedule": {"name": "mine:Scaled", "factor": 3},
    }
    plain = canonical(Recipe.model_validate(raw))
    assert plain["model"]["activation"] == {"name": "mine:bent", "knee": 1.0}
    assert plain["model"]["layers"][1] == {"name": "mine:Noisy", "rate": 0.1, "whatever": 3}
    assert plain["optimizer"]["name"] == "mine:Other"
    assert plain["schedule"] == {"name": "mine:Scaled", "factor": 3}


def test_own_arguments_are_checked_where_the_file_shows_them() -> None:
    assert (
        "model.activation.kne: is not an argument of mine:bent; it takes knee. Did you mean 'knee'?"
        in complaint(activation={"name": "mine:bent", "kne": 1})
    )
    assert "model.initializer.factor: is missing; mine:Scaled requires it" in complaint(
        initializer="mine:Scaled"
    )
    assert "must be a number; got 'two'" in complaint(
        initializer={"name": "mine:Scaled", "factor": 1, "power": "two"}
    )


def test_what_the_file_lacks_is_named() -> None:
    assert complaint(activation="mine:bend") == (
        "model.activation.name: 'mine:bend': mine.py has no top-level 'bend'. Did you mean 'bent'?"
    )


def test_an_own_data_set_says_nothing_of_its_classes() -> None:
    variants = {"a": {"data": {"classes": [50, 60]}, "model": {"output": {"units": 3}}}}
    assert faults({**study(variants=variants), "dataset": "mine:Other"}) == []
