from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import ParamsError
from pipeline.core.metrics import ACCURACY
from pipeline.params.load import load, parse
from pipeline.params.types.study import Margin

from .cases import BASE, faults, only_fault, study

GOOD = """\
dataset: digits
base:
  model: {layers: [64, 32]}
  optimizer: {name: nadam, learning_rate: 1e-3}
  training: {epochs: 20}
ablations:
  activations:
    question: Which?
    variants:
      relu:
      selu: {model: {activation: selu}}
"""


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "params.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ParamsError) as caught:
        load(path)
    assert caught.value.source == str(path)
    assert len(caught.value.faults) == 1, caught.value.faults
    return caught.value.faults[0]


def test_loads_yaml_1_2(tmp_path: Path) -> None:
    study = load(write(tmp_path, GOOD))
    assert study.base.optimizer.learning_rate == 0.001
    assert list(study.ablations) == ["activations"]
    assert study.seeds == study.seeds_of("activations") == 5
    assert study.margin_of("activations", ACCURACY) == Margin(0.2)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    text = GOOD.replace("\n", "\r\n")
    assert load(write(tmp_path, b"\xef\xbb\xbf" + text.encode())) == load(write(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "must be a mapping with dataset, seed"),
        ("- 1\n", "must be a mapping"),
        ("just text", "must be a mapping"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        ("base:\n\tmodel: 1\n", "line 2, column 1: is not YAML"),
        ("base: {model: [}", "is not YAML"),
        ("seed: 1\nseed: 2\n", "each key may be used only once"),
        ("seed: .nan\n", "seed: must be a finite number; got nan"),
        ("seed: 1e999\n", "seed: must be a finite number; got inf"),
        (f"seed: {'9' * 400}\n", "seed: is a whole number beyond 64 bits"),
        (f"seed: {'9' * 5000}\n", ""),
        ("seed: 2024-01-01\n", "seed: must be text, a number, true, false, a list or a mapping; got a date"),
        ("1: 2\n", "keys must be text; got 1; a name begins with a letter, such as n1;"),
        ("true: 2\n", "keys must be text; got true; put it in quotes"),
        ("? [a, b]\n: 2\n", ""),
        ("seed: !!python/object:os.system x\n", ""),
        ("seed: !!binary aGVsbG8=\n", "got a bytes"),
        ('seed: "\\ud800"\n', ""),
        ("seed: *nowhere\n", "is not YAML"),
        ("a: &a [*a]\n", "is nested deeper than 40 levels"),
        ("a: " + "[" * 3000, ""),
        ("a: " + "[" * 100 + "]" * 100, "is nested deeper than 40 levels"),
        ("\x00", ""),
        ("--- 1\n--- 2\n", ""),
        ("%YAML 9.9\n---\na: 1\n", ""),
    ],
)
def test_no_file_is_a_traceback(tmp_path: Path, content: str | bytes, expected: str) -> None:
    assert expected in refusal(write(tmp_path, content))


def test_aliases_within_aliases_are_counted(tmp_path: Path) -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = "\n".join(["l0: &l0 [1, 1]", *levels])
    assert "holds more than 200000 values" in refusal(write(tmp_path, bomb))


def test_what_is_no_file(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "params.yaml")
    assert "cannot be read: Is a directory" in refusal(tmp_path)


def test_faults_of_the_base_are_named_once_and_do_not_hide_others() -> None:
    raw = study(
        {**BASE, "model": {"layers": [64], "activation": "rlu"}, "training": {"epoch": 3}},
        variants={
            "a": {},
            "b": {"optimizer": {"name": "sgdd"}},
            "c": {"model": {"activation": "selu", "x": 1}},
        },
        baseline="d",
        seeds=0,
    )
    sentences = faults(raw)
    starts = [
        "base.model.activation: 'rlu' is not an activation",
        "base.training.epoch: unknown key",
        "base.training.epochs: is missing",
        "ablations.one.seeds: must be at least 1; got 0",
        "ablations.one.baseline: 'd' is not among the variants: a, b, c.",
        "ablations.one.variants.b.optimizer.name: 'sgdd' is not an optimizer",
        "ablations.one.variants.c.model.x: unknown key",
    ]
    assert len(sentences) == len(starts), sentences
    assert all(text.startswith(start) for text, start in zip(sentences, starts, strict=True)), sentences


def test_placeholders_in_a_faulty_base_add_no_faults_to_variants() -> None:
    raw = study(
        {**BASE, "training": {"epochs": "many"}},
        variants={"steps": {"schedule": {"name": "piecewise", "boundaries": [5], "factors": [1, 0.1]}}},
    )
    assert only_fault(raw) == "base.training.epochs: must be a whole number; got 'many'"


def test_a_fault_is_at_the_variant_that_breaks_the_base() -> None:
    base = {**BASE, "schedule": {"name": "piecewise", "boundaries": [5], "factors": [1, 0.1]}}
    raw = study(base, variants={"short": {"training": {"epochs": 3}}})
    assert only_fault(raw).startswith(
        "ablations.one.variants.short.training.epochs: boundaries must be below the 3"
    )


def test_a_shorthand_is_named_as_it_was_written() -> None:
    raw = study(variants={"selu": {"model": {"activation": "sleu"}}})
    assert only_fault(raw).startswith(
        "ablations.one.variants.selu.model.activation: 'sleu' is not an activation of Keras"
    )


def test_an_ablations_own_base_is_named_once() -> None:
    raw = study(base=BASE)
    raw["ablations"]["one"] |= {"base": {"model": {"activation": "rlu"}}, "variants": {"a": {}, "b": {}}}
    assert only_fault(raw).startswith("ablations.one.base.model.activation: 'rlu'")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"dataset": "digit"},
            "dataset: must be one of digits, mnist, fashion_mnist, module:Name, or a mapping with csv, images or npz; "
            "got 'digit'. Did you",
        ),
        ({"dataset": "mine:Data"}, "there is no mine.py in the project"),
        ({"seed": -1}, "seed: must be at least 0; got -1"),
        ({"seeds": 1001}, "seeds: must be at most 1000; got 1001"),
        ({"margin": 0}, "margin: must be greater than 0; got 0"),
        ({"engine": "fused_"}, "Did you mean 'fused'?"),
        ({"precision": "float16"}, "precision: must be one of float32, mixed_bfloat16; got 'float16'"),
        ({"data": {"mirror": 3}}, "data.mirror: must be text; got 3"),
        ({"executor": "ray"}, "executor: must be a mapping of kind, threads, workers"),
        (
            {"executor": {"kind": "rey"}},
            "executor.kind: must be one of local, processes, ray; got 'rey'. Did you mean 'ray'?",
        ),
        (
            {"executor": {"workers": 2}},
            "executor.workers: goes with executor.kind: processes, ray; the kind is local",
        ),
        (
            {"executor": {"kind": "processes", "address": "auto"}},
            "executor.address: goes with executor.kind: ray",
        ),
        ({"executor": {"kind": "processes", "workers": 0}}, "executor.workers: must be at least 1; got 0"),
        ({"executor": {"kind": "processes", "memory": 0}}, "executor.memory: must be greater than 0; got 0"),
        ({"ablation": {}}, "ablation: unknown key; allowed: dataset, seed"),
        ({"ablations": {}}, "ablations: must be at least 1 long"),
        ({"ablations": None}, "ablations: must be a mapping; got nothing"),
    ],
)
def test_study_keys(keys: dict[str, Any], expected: str) -> None:
    assert expected in only_fault({**study(), **keys})


def test_ray_is_asked_for_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.params.types.executor.find_spec", lambda _: None)
    fault = only_fault({**study(), "executor": {"kind": "ray"}})
    assert fault.startswith("executor.kind: ray needs Ray, which is not installed") and "[ray]" in fault
    assert faults({**study(), "executor": {"kind": "processes"}}) == []


def test_the_address_of_rays_client_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.params.types.executor.find_spec", lambda _: object())
    fault = only_fault({**study(), "executor": {"kind": "ray", "address": "ray://host:10001"}})
    assert fault.startswith("executor.address: must be auto, local or host:port")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1st", "is not a name"),
        ("a b", "is not a name"),
        ("a" * 65, "is not a name"),
        ("é", "is not a name"),
        ("a/b", "is not a name"),
        ("", "is not a name"),
        ("CON", "is reserved by Windows"),
        ("lpt1", "is reserved by Windows"),
        ("ONE", "differs from 'one' only by case"),
    ],
)
def test_names_of_ablations_and_variants(name: str, expected: str) -> None:
    raw = study()
    raw["ablations"][name] = raw["ablations"]["one"]
    assert expected in only_fault(raw)
    variants = {"one": {}, name: {}}
    assert expected in only_fault(study(variants=variants))


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"variants": {"a": {}}, "ladder": {"b": {}}},
            "needs exactly one of variants, grid, ladder, leave_one_out; got variants, ladder",
        ),
        ({"metric": "loss"}, "needs exactly one of variants, grid, ladder, leave_one_out; got none"),
        ({"variants": {}}, "variants: must be at least 1 long"),
        ({"variants": {"a": 3}}, "variants.a: must be a mapping; got 3"),
        ({"variants": {"a": {}}, "metric": "acuracy"}, "Did you mean 'accuracy'?"),
        ({"variants": {"a": {}}, "question": 3}, "question: must be text; got 3"),
        ({"variants": {"a": {"modell": {}}}}, "variants.a.modell: unknown key"),
        ({"variants": {"a": {"reference": 3}}}, "variants.a.reference: must be a mapping of test_accuracy,"),
        (
            {"variants": {"a": {"tune": {"space": {}, "trials": 3}}}},
            "variants.a.tune.trials: unknown key; allowed: space.",
        ),
        (
            {"variants": {"a": {"tune": {"space": {"training.epochs": {"int": [1, 2]}}}}}},
            "the ablation tunes nothing",
        ),
        ({"grid": {"a": {}}}, "grid.a: must be {level: patch, ...}, or a list of values"),
        (
            {"grid": {"training.batch_size": [8, 8]}},
            "grid.training.batch_size: has two levels with one name: 8, 8",
        ),
        ({"grid": {"training.epochs": [8, 0]}}, "grid.training.epochs[1]: must be at least 1; got 0"),
        ({"grid": {"a": {"x": {"tune": {}}}}}, "grid.a.x.tune: unknown key"),
        (
            {"grid": {"a": {"x-y": {}, "x": {}}, "b": {"z": {}, "y-z": {}}}},
            "two combinations have the name 'x-y-z'",
        ),
        (
            {"grid": {name: {f"l{n}": {} for n in range(11)} for name in "abc"}},
            "makes 1331 variants; at most 1000 are allowed",
        ),
        (
            {"ladder": {"a": {}, "b": {"training": {"epochs": 0}}, "c": {}}},
            "ladder.b.training.epochs: must be at least 1",
        ),
        (
            {"leave_one_out": {"a": {"training": {"epochs": 0}}, "b": {}}},
            "leave_one_out.a.training.epochs: must be at least 1",
        ),
        (
            {
                "variants": {
                    "a": {
                        "model": {"output": {"units": 1, "activation": "sigmoid"}},
                        "training": {"loss": "binary_crossentropy"},
                    }
                }
            },
            "variants.a.model.output.units: one output needs exactly 2 classes (data.classes); there are 10",
        ),
        (
            {"variants": {"a": {"data": {"classes": [3, 10]}}}},
            "variants.a.data.classes: must be below 10, the number of classes; got 10",
        ),
        (
            {"variants": {"a": {"model": {"output": {"units": 3}}}}},
            "must be at least 10, the number of classes; got 3",
        ),
        (
            {"variants": {"a": {"phases": [{"data": {"classes": [3, 10]}}]}}},
            "variants.a.phases[0].data.classes: must be below 10",
        ),
    ],
)
def test_ablation_rules(entry: dict[str, Any], expected: str) -> None:
    fault = only_fault(study(**entry))
    assert fault.startswith("ablations.one")
    assert expected in fault


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"optimizer.learning_rte": {"log": [0.1, 1]}}, "0.1 does not fit: is not an argument of Nadam"),
        (
            {"optimizer.learning_rate": {"linear": [-1, 1]}},
            "-1.0 does not fit: must be greater than 0; got -1.0",
        ),
        ({"optimizer.learning_rate": {"log": [0, 1]}}, "log[0]: must be greater than 0; got 0"),
        (
            {"optimizer.learning_rate": {"log": [1, 0.1]}},
            "must be [low, high] with low below high; got [1.0, 0.1]",
        ),
        ({"optimizer.learning_rate": {"log": [0.1]}}, "learning_rate.log"),
        (
            {"optimizer.learning_rate": {"loog": [0.1, 1]}},
            "must be a mapping with one of log, linear, int, choice",
        ),
        ({"optimizer.learning_rate": {"log": [0.1, 1], "choice": [1]}}, "must be a mapping with one of"),
        (
            {"model.layers.0.units": {"int": [0, 64]}},
            "0 does not fit: model.layers[0].units must be at least 1",
        ),
        ({"model.layers.2.units": {"int": [8, 64]}}, "there is no item 2 in this list"),
        (
            {"model.activation": {"choice": ["relu", "sleu"]}},
            "'sleu' does not fit: 'sleu' is not an activation",
        ),
        ({"epochs": {"int": [1, 2]}}, "1 does not fit: unknown key"),
        ({}, "tune.space: must be at least 1 long"),
    ],
)
def test_ranges_must_fit_the_recipe(space: dict[str, Any], expected: str) -> None:
    fault = only_fault(study(tune={"trials": 3, "space": space}, variants={"a": {}, "b": {}}))
    assert fault.startswith("ablations.one.tune.space")
    assert expected in fault


def test_a_range_that_fits_some_variants_names_the_others() -> None:
    tune = {"trials": 3, "space": {"optimizer.momentum": {"linear": [0, 0.9]}}}
    variants = {"sgd": {"optimizer": {"name": "sgd"}}, "nadam": {}, "adam": {"optimizer": {"name": "adam"}}}
    sentences = faults(study(tune=tune, variants=variants))
    assert len(sentences) == 2
    assert all(
        "ablations.one.tune.space.optimizer.momentum: 0.0 does not fit" in fault for fault in sentences
    )
    assert "(in nadam;" in sentences[0]


def test_a_range_that_every_phase_overrules_is_named() -> None:
    tune = {"trials": 3, "space": {"training.epochs": {"int": [2, 9]}}}
    fixed = {"phases": [{"training": {"epochs": 4}}, {"training": {"epochs": 5}}]}
    free = {"phases": [{"training": {"epochs": 4}}, {}]}
    fault = only_fault(study(tune=tune, variants={"fixed": fixed, "free": free}))
    assert fault.startswith(
        "ablations.one.tune.space.training.epochs: changes nothing: every phase sets it itself"
    )
    assert "(in fixed;" in fault


def test_params_errors_from_plain_data_name_their_source() -> None:
    with pytest.raises(ParamsError, match="somewhere: 1 fault"):
        parse({**study(), "seeds": 0}, "somewhere")


def test_the_classes_of_an_ablation_are_those_of_its_own_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("def Shapes():\n    pass\n", encoding="utf-8")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    variants = {"variants": {"a": {"data": {"classes": [0, 12]}}}}
    assert "must be below 10" in only_fault(study(**variants))
    assert faults(study(**variants, dataset="mine:Shapes")) == []
    built_in = {**study(**variants, dataset="mnist"), "dataset": "mine:Shapes"}
    assert only_fault(built_in) == (
        "ablations.one.variants.a.data.classes: must be below 10, the number of classes; got 12"
    )
    assert only_fault(study(variants={"a": {}}, dataset="mnits")).startswith("ablations.one.dataset: must be")
