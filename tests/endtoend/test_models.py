"""Models that functions build, from the params file to results: judged before anything trains."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.commands import main
from pipeline.core.errors import ParamsError
from pipeline.store import Store

from .kit import PARAMS, ablate, project_at, write_params

pytestmark = pytest.mark.slow

NETS = """
import keras
from keras import layers

def net(input_shape, outputs, width=4, unused=1):
    if width > 8:
        raise ValueError("too wide")
    inputs = keras.Input(input_shape)
    hidden = layers.Dense(width, name="first")(layers.Flatten()(inputs))
    hidden = layers.Multiply()([hidden, layers.Dense(width, activation="sigmoid", name="gate")(hidden)])
    return keras.Model(inputs, layers.Dense(outputs if width != 7 else 3, activation="softmax")(hidden))
"""
BASE = {**PARAMS["base"], "model": {"build": "nets:net"}, "training": {"epochs": 1}}


@pytest.fixture
def root(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, model_cache: object) -> Path:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    folder = project_at(tmp_path / "project", project)
    (folder / "nets.py").write_text(NETS)
    (folder / ".dvc").mkdir(exist_ok=True)
    for module in ("nets", "parts"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.chdir(folder)
    return folder


def written(root: Path, **ablation: Any) -> None:
    write_params(
        root, {**PARAMS, "seeds": 2, "base": BASE, "ablations": {"one": {"question": "?", **ablation}}}
    )


def result(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "results" / "one" / "ablation.json").read_text()))


def test_faults_come_in_keras_words_at_the_variant_and_nothing_trains(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(root, variants={"good": {}, "wide": {"model": {"width": 9}}, "other": {"model": {"width": 7}}})
    with pytest.raises(ParamsError) as caught:
        ablate(root, "one")
    assert caught.value.faults == [
        "ablations.one.wide: nets:net raised ValueError: too wide",
        "ablations.one.other: nets:net: the output of its model has the shape (None, 3); "
        "these targets, classes, need (None, 10)",
    ]
    assert Store(root / ".runs").runs.keys() == set()
    assert main(["check"]) == 0 and main(["check", "--models"]) == 2
    assert "too wide" in capsys.readouterr().err


def test_a_dead_switch_is_named_and_pages_know_layers_and_what_was_taken_out(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(
        root,
        variants={"a": {}, "b": {"model": {"unused": 2}}, "c": {"model": {"without": ["gate"]}}},
    )
    assert main(["check", "--models"]) == 0
    assert "one: a and b are the same model: what they differ in changes nothing" in capsys.readouterr().out
    ablate(root, "one")
    ablation = result(root)
    assert ablation["same_models"] == [["a", "b"]]
    models = {model["variants"][0]: model for model in ablation["models"]}
    assert [layer["name"] for layer in models["a"]["layers"]][2:5] == ["first", "gate", "multiply"]
    assert (models["c"]["removed"], models["c"]["merged"], models["c"]["saved"]) == (
        ["gate"],
        ["multiply"],
        20,
    )
    assert main(["plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["ablations"][0]["parameters"]["a"] - plan["ablations"][0]["parameters"]["c"] == 20


def test_a_trial_that_cannot_be_built_has_failed_and_the_search_goes_on(root: Path) -> None:
    space = {"model.width": {"choice": [3, 7, 9]}}
    written(root, tune={"oracle": "grid", "trials": 3, "space": space}, variants={"a": {}})
    ablate(root, "one")
    (variant,) = result(root)["variants"]
    outcomes = {trial["values"]["model.width"]: trial["outcome"] for trial in variant["trials"]}
    assert outcomes == {3: "finished", 7: "diverged", 9: "diverged"}
    assert variant["chosen"] == {"model.width": 3}


def test_an_edit_of_a_module_that_the_function_imports_trains_again(root: Path) -> None:
    (root / "nets.py").write_text("from parts import net\n")
    (root / "parts.py").write_text(NETS)
    written(root, variants={"a": {}})
    ablate(root, "one")
    (root / "parts.py").write_text(NETS + "\n# a comment changes nothing\n")
    before = Store(root / ".runs").runs.keys()
    ablate(root, "one")
    assert Store(root / ".runs").runs.keys() == before
    (root / "parts.py").write_text(NETS.replace('name="first"', 'name="first", use_bias=False'))
    from pipeline.params.load import load
    from pipeline.planning.plan import plan

    assert plan(load(root / "params.yaml"), Store(root / ".runs"), root).to_train == 2


DECLARED = """
import keras

def net(hp):
    net = keras.Sequential([keras.layers.Flatten()])
    net.add(keras.layers.Dense(hp.Int("units", 4, 6), activation="relu"))
    net.add(keras.layers.Dense(10, activation="softmax"))
    net.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "categorical_crossentropy")
    return net
"""
SEARCH = {"tune": {"trials": 3, "space": "hp"}, "variants": {"a": {}, "b": {"model": {"units": 5}}}}


def test_what_a_function_declares_is_searched_and_again_when_it_is_edited(root: Path) -> None:
    (root / "nets.py").write_text(DECLARED)
    params = {**PARAMS, "seeds": 2, "base": {"model": {"build": "nets:net"}, "training": {"epochs": 1}}}
    write_params(root, {**params, "ablations": {"one": {"question": "?", **SEARCH}}})
    ablate(root, "one")
    a, b = result(root)["variants"]
    assert a["space"] == {
        "model.units": {"int": [4, 6], "step": 1}, "model.rate": {"log": [1e-3, 1e-1]}
    }  # fmt: skip
    assert list(a["chosen"]) == ["model.units", "model.rate"] and list(b["chosen"]) == ["model.rate"]
    assert [len(variant["trials"]) for variant in (a, b)] == [3, 3]
    # Edits of what is searched, and of the code alone, are searched again.
    for edit in (("1e-1", "1e-2"), ('activation="relu"', 'activation="tanh"')):
        before = [trial["run_key"] for trial in a["trials"]]
        source = (root / "nets.py").read_text()
        (root / "nets.py").write_text(source.replace(*edit))
        sys.modules.pop("nets", None)
        ablate(root, "one")
        a = result(root)["variants"][0]
        assert not set(before) & {trial["run_key"] for trial in a["trials"]}
    assert a["space"]["model.rate"] == {"log": [1e-3, 1e-2]}


def test_a_model_that_declares_nothing_is_a_fault(root: Path) -> None:
    written(root, tune={"trials": 2, "space": "hp"}, variants={"a": {}})
    with pytest.raises(ParamsError) as caught:
        ablate(root, "one")
    assert caught.value.faults == ["ablations.one.tune.space: hp needs a model.build whose function takes hp"]
    (root / "parts.py").write_text("def net(hp): raise ValueError('no luck')\n")
    written(root, tune={"trials": 2, "space": "hp"}, variants={"a": {"model": {"build": "parts:net"}}})
    with pytest.raises(ParamsError) as caught:
        ablate(root, "one")
    assert caught.value.faults == ["ablations.one.a: parts:net raised ValueError: no luck"]
