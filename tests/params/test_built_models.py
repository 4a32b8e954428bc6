"""Models that functions build, and parts left out of them, as a params file writes them: checked without importing."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.params.expansion.expand import expand
from pipeline.params.expansion.resolve import canonical
from pipeline.params.load import parse
from pipeline.params.types.built_model import BuiltModel

from .cases import BASE, faults, study

CODE = """
raise RuntimeError("imported")

def net(input_shape, outputs, width, blocks=3, gate=True): ...

def tuned(hp): ...
"""
NET = {"build": "my_models:net", "width": 8}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_models.py").write_text(CODE)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))


def of(model: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a study whose base has this model, with `more` keys of the base or of the ablation."""
    own = {key: more.pop(key) for key in ("regularisation", "phases") if key in more}
    return study({**BASE, "model": model, **own}, **{"variants": {"a": {}}, **more})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"build": "my_models:net"}, "model.width: is missing; my_models:net requires it"),
        (
            {**NET, "wdth": 3},
            "model.wdth: is not an argument of my_models:net; it takes width, blocks, gate.",
        ),
        ({**NET, "outputs": 3}, "model.outputs: is not an argument of my_models:net"),
        ({**NET, "gate": 1}, "model.gate: must be true or false; got 1"),
        ({**NET, "blocks": "three"}, "model.blocks: must be a number; got 'three'"),
        ({"build": "my_models:nett"}, "has no top-level 'nett'. Did you mean 'net'?"),
        ({"build": "net"}, "model.build: must be a function of yours, as module:name; got 'net'"),
        ({"application": "MobileNetV3Smal"}, "Did you mean 'MobileNetV3Small'?"),
        ({"application": "VGG16", "classes": 3}, "model.classes: is not an argument of VGG16"),
        (
            {**NET, "replace": {"layers": {}}},
            "model.replace.layers: must be one of activation, layer, initializer",
        ),
        ({**NET, "replace": {"layer": {}}}, "model.replace.layer: must be a mapping of what is replaced"),
        ({**NET, "application": "VGG16"}, "build and application exclude each other"),
    ],
)
def test_what_is_wrong_is_named_without_running_the_module(model: dict[str, Any], expected: str) -> None:
    assert any(expected in fault for fault in faults(of(model))), faults(of(model))


def test_a_patch_with_another_function_drops_the_arguments_and_keeps_them_with_the_same() -> None:
    variants = {
        "wide": {"model": {"width": 9}},
        "tuned": {"model": {"build": "my_models:tuned", "any": 1, "layers": 3}},
        "chain": {"model": {"layers": [4]}},
        "taken": {"model": {"without": ["se_*"]}},
    }
    expanded = expand(parse(of(NET, variants=variants)), "one")
    models = {variant.name: variant.recipe.model for variant in expanded.variants}
    assert isinstance(models["wide"], BuiltModel) and models["wide"].arguments == {"width": 9}
    assert isinstance(models["tuned"], BuiltModel) and models["tuned"].arguments == {"any": 1, "layers": 3}
    assert models["chain"].__class__.__name__ == "ModelSpec"
    assert canonical(expanded.variant("taken").recipe)["model"]["without"] == ["se_*"]
    assert expanded.variant("wide").changes == {}
    assert expanded.variant("tuned").changes.keys() == {"model"}


def test_what_only_chains_use_and_an_optimizer_that_nobody_gives_are_faults() -> None:
    dropped = of(NET, regularisation={"dropout": 0.1})
    assert any("regularisation.dropout: is for model.layers" in fault for fault in faults(dropped))
    bare = {key: value for key, value in BASE.items() if key != "optimizer"}
    assert faults(study(bare)) == ["base.optimizer: is missing"]
    assert faults(study({**bare, "model": {"build": "my_models:tuned"}})) == []
    blocks = of(NET, phases=[{"trainable": {"top": 1}}])
    assert any("has no blocks; name layers" in fault for fault in faults(blocks))


def names(leave_one_out: Any, **more: Any) -> list[str]:
    raw = {**study({**BASE, "model": NET}, leave_one_out=leave_one_out), **more}
    return [variant.name for variant in expand(parse(raw), "one").variants]


def test_layers_and_columns_are_left_out_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,age,city,price\n1,2,x,3\n")
    table = {"csv": "t.csv", "target": "price", "drop": ["id"]}
    assert names({"layers": ["se_*", "attend"]}) == ["full", "without_se", "without_attend"]
    assert names({"layers": ["*_norm", "conv?_2", "*"]}) == [
        "full",
        "without_norm",
        "without_conv__2",
        "without__",
    ]
    assert names({"features": "all"}, dataset=table) == ["full", "without_age", "without_city"]
    assert names({"features": ["city"]}, dataset=table) == ["full", "without_city"]
    part = {"layers": {"model": {"gate": False}}}
    assert names(part) == ["full", "without_layers"]
    with pytest.raises(Exception, match="two variants would be called 'without_se'"):
        names({"layers": ["se_*", "se_?"]})
    with pytest.raises(Exception, match="the data set has no columns"):
        names({"features": "all"}, dataset="digits")
