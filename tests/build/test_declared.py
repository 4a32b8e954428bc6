"""What a `build(hp)` declares is what is searched, in the ranges that Keras Tuner would search."""

from pathlib import Path
from typing import Any

import pytest
from kit import recipe

from pipeline.params.types.built_model import BuiltModel

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(HERE))


def declared(name: str, **fixed: Any) -> dict[str, Any]:
    from pipeline.build.declared import declared_ranges

    model = recipe({"model": {"build": f"own_models:{name}", **fixed}}).model
    assert isinstance(model, BuiltModel) and model.takes_hyperparameters
    ranges = declared_ranges(model, (8, 8, 1), 10)
    return {path: domain.model_dump(mode="json") for path, domain in ranges.items()}


def test_every_kind_has_its_range_and_constants_have_none() -> None:
    assert declared("of_all_kinds") == {
        "model.width": {"int": [4, 16], "step": 4},
        "model.doubled": {"choice": [2, 4, 8]},
        "model.rate": {"log": [1e-4, 1e-1]},
        "model.momentum": {"linear": [0.0, 0.9]},
        "model.dropped": {"choice": [0.0, 0.25, 0.5]},
        "model.gated": {"choice": [False, True]},
        "model.gate": {"choice": ["sigmoid", "tanh"]},
    }


def test_what_the_recipe_fixes_is_not_searched() -> None:
    assert set(declared("of_all_kinds", width=4, rate=0.1, gated=False, doubled=2)) == {
        "model.momentum",
        "model.dropped",
    }


def test_what_only_more_layers_declare_is_found_as_keras_tuner_finds_it() -> None:
    import keras_tuner
    from own_models import compiled  # type: ignore[import-not-found]

    ranges = declared("compiled")
    assert set(ranges) == {"model.layers", "model.rate", *(f"model.units_{index}" for index in range(3))}
    tuner = keras_tuner.RandomSearch(compiled, "val_accuracy", max_trials=20, seed=0, directory="/nowhere")
    for _ in range(20):  # which discovers more with every trial
        tuner.oracle.populate_space("trial")
        tuner.hypermodel.build(tuner.oracle.get_space())
    names = {parameter.name for parameter in tuner.oracle.get_space().space}
    assert names <= {path.removeprefix("model.") for path in ranges}


@pytest.mark.parametrize(
    ("name", "fixed", "expected"),
    [
        ("dotted", {}, "'a.b' has a dot"),
        (
            "compiled",
            {"layers": 1, "units_0": 4, "rate": 0.1},
            "declares no hyperparameter that the recipe does",
        ),
        ("raising_hp", {}, "own_models:raising_hp raised ValueError: no luck"),
    ],
)
def test_what_cannot_be_searched_is_refused(name: str, fixed: dict[str, Any], expected: str) -> None:
    from pipeline.build.built import BuildError

    with pytest.raises(BuildError) as caught:
        declared(name, **fixed)
    assert expected in str(caught.value)
