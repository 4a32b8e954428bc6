"""The studies in docs/examples, each from its data to its pages, with fewer epochs and seeds."""

import html
import json
import re
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.commands import main
from pipeline.params.yaml_file import parse as parse_text

from .kit import REPOSITORY, results, write_params

pytestmark = pytest.mark.slow

EXAMPLES = REPOSITORY / "docs" / "examples"
MOST_LINES = 40


@dataclass(frozen=True)
class Study:
    """A study that has been run: its ablations' results by name, and the text of their pages."""

    results: Mapping[str, Any]
    pages: Mapping[str, str]

    def variants(self, ablation: str) -> dict[str, Any]:
        return {variant["name"]: variant for variant in self.results[ablation]["variants"]}

    def mean(self, ablation: str, variant: str, metric: str) -> float:
        """Return the mean of a metric of the test data over a variant's replicates."""
        values = [
            each["metrics"][f"test_{metric}"] for each in self.variants(ablation)[variant]["replicates"]
        ]
        return float(sum(values) / len(values))

    def engines(self, ablation: str) -> set[str]:
        variants = self.variants(ablation).values()
        return {each["engine"]["name"] for variant in variants for each in variant["replicates"]}


Run = Callable[..., Study]


@pytest.fixture
def run(tmp_path: Path, model_cache: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:  # noqa: ARG001
    """Return a function that runs an example by name with changes to its params, from nothing to its pages."""
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    before = set(sys.modules)

    def run_example(name: str, only: tuple[str, ...] = (), seeds: int = 2, **training: Any) -> Study:
        shutil.copytree(EXAMPLES / name, tmp_path, dirs_exist_ok=True)
        if (tmp_path / "make_data.py").exists():
            runpy.run_path("make_data.py", run_name="__main__")
        params = read(name)
        params["seeds"] = seeds
        params["base"]["training"].update(training)
        if only:
            params["ablations"] = {key: params["ablations"][key] for key in only}
        write_params(tmp_path, params)
        first, *_ = names = list(params["ablations"])
        commands = [["check"], ["fetch"], ["prepare"], ["ablate", first, "--ahead"]]
        for command in [*commands, *(["ablate", other] for other in names[1:]), ["report"]]:
            assert main(command) == 0, command
        pages = {page.stem: visible(page) for page in (tmp_path / "reports").glob("*.html")}
        assert pages.keys() == {"index", *names}
        return Study({key: json.loads(text) for key, text in results(tmp_path).items()}, pages)

    yield run_example
    for module in set(sys.modules) - before:
        if Path(getattr(sys.modules[module], "__file__", None) or "").parent == tmp_path:
            del sys.modules[module]


def read(name: str) -> dict[str, Any]:
    found, faults = parse_text((EXAMPLES / name / "params.yaml").read_text(encoding="utf-8"))
    assert faults == []
    return dict(found)


def visible(page: Path) -> str:
    """Return what a reader sees of a page, figures' text included."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def test_a_table_is_measured_in_its_own_unit_and_says_nothing_of_images(run: Run) -> None:
    study = run("table", ("columns", "diagnoses"))
    columns, diagnoses = study.results["columns"], study.results["diagnoses"]
    assert (columns["task"], columns["metric"], columns["relative"]) == (
        "regression",
        "mean_absolute_error",
        True,
    )
    names = ["age", "sex", "bmi", "bp", *(f"s{number}" for number in range(1, 7)), "ward"]
    assert list(study.variants("columns")) == ["full", *(f"without_{name}" for name in names)]
    # The body mass index says most about the progress of diabetes, the ward nothing.
    without = {name: study.mean("columns", f"without_{name}", "mean_absolute_error") for name in names}
    assert max(without, key=lambda name: without[name]) == "bmi"
    assert study.mean("columns", "full", "r2_score") > 0.25
    assert not re.search("accurac|image|pixel|confus", study.pages["columns"], re.IGNORECASE)

    assert (diagnoses["task"], diagnoses["metric"]) == ("classes", "accuracy")
    assert list(study.variants("diagnoses")) == [
        "full",
        "without_mean_radius",
        "without_worst_concave_points",
    ]
    assert study.mean("diagnoses", "full", "accuracy") > 0.9
    assert not re.search("image|pixel", study.pages["diagnoses"], re.IGNORECASE)
    assert study.engines("columns") == study.engines("diagnoses") == {"fused"}


def test_layers_of_a_residual_net_are_left_out_by_name(run: Run) -> None:
    study = run("residual", ("parts",), epochs=3)
    full, *others = study.variants("parts").values()
    assert [each["name"] for each in others] == [
        "without_se",
        "without_norm",
        "without_relu",
        "without_conv__2",
    ]
    # Squeeze and excitation has a convolution 1 x 1 in each block; a normalisation has four numbers per channel.
    saved = [full["parameters"] - each["parameters"] for each in others]
    assert saved == [2 * (8 * 8 + 8), 4 * 4 * 8, 0, 2 * 9 * 8 * 8]
    assert study.engines("parts") == {"fused"}
    assert "without_se: without se1_squeeze, se1_excite, se1_scale" in study.pages["parts"]
    assert study.mean("parts", "full", "accuracy") > 0.5


def test_a_function_for_keras_tuner_is_tuned_and_says_how_it_compiles(run: Run) -> None:
    study = run("build_hp", epochs=2)
    switches, depth = study.variants("switches"), study.variants("depth")
    assert study.results["switches"]["metric"] == "accuracy"
    searched = ["model.units_0", "model.activation", "model.dropout", "model.lr"]
    for name, own in (("one_layer", []), ("two_layers", ["model.units_1"])):
        assert sorted(depth[name]["space"]) == sorted(depth[name]["chosen"]) == sorted(searched + own)
        assert {trial["values"]["model.units_0"] for trial in depth[name]["trials"]} <= {32, 64, 96, 128}
        assert len(depth[name]["trials"]) == 4
    assert depth["one_layer"]["space"]["model.lr"] == {"log": [1e-4, 1e-2]}
    units = depth["one_layer"]["chosen"]["model.units_0"]
    assert depth["one_layer"]["parameters"] == 65 * units + (units + 1) * 10
    assert switches["plain"]["parameters"] == switches["dropout"]["parameters"] == 65 * 32 + 33 * 10
    curves = [switches[name]["replicates"][0]["curves"]["loss"] for name in ("plain", "dropout", "tanh")]
    assert len({values[0] for values in curves}) == 3
    assert study.engines("switches") == {"fused"}
    assert study.mean("switches", "plain", "accuracy") > 0.7


def test_sequences_are_read_by_a_recurrent_net_and_by_attention(run: Run) -> None:
    study = run("sequences", epochs=3)
    readers, parts = study.variants("readers"), study.variants("parts")
    assert study.results["readers"]["baseline"] == "lstm"
    assert readers["lstm"]["parameters"] == 4 * 16 * (8 + 16 + 1) + (16 + 1) * 10
    # Queries, keys, values and what joins the heads: four dense layers from 16 numbers to 16.
    assert parts["full"]["parameters"] - parts["without_attention"]["parameters"] == 4 * (16 * 16 + 16)
    assert study.engines("readers") == study.engines("parts") == {"fused"}
    assert study.mean("readers", "lstm", "accuracy") > 0.3 and study.mean("parts", "full", "accuracy") > 0.6


def test_one_of_two_inputs_is_left_out(run: Run) -> None:
    study = run("two_inputs")
    inputs, joints = study.results["inputs"], study.results["joints"]
    assert (inputs["task"], inputs["metric"], joints["metric"]) == (
        "regression",
        "mean_absolute_error",
        "r2_score",
    )
    assert list(study.variants("inputs")) == ["full", "without_body", "without_blood"]
    error = {name: study.mean("inputs", name, "mean_absolute_error") for name in study.variants("inputs")}
    assert error["without_body"] > error["full"] + 5 and error["full"] < 60
    assert "Variants ranked by mean test mean absolute error" in study.pages["inputs"]
    assert study.engines("inputs") == {"fused"}
    assert not re.search("accurac|image|pixel|confus", "".join(study.pages.values()), re.IGNORECASE)


def test_several_labels_are_judged_by_areas_under_curves(run: Run) -> None:
    study = run("labels")
    widths, weighted = study.variants("widths"), study.variants("weighted")
    found = {name: (each["task"], each["metric"]) for name, each in study.results.items()}
    assert found == {
        "widths": ("labels", "pr_auc"),
        "weighted": ("labels", "auc"),
        "few_of_a_class": ("classes", "f1_score"),
    }
    assert study.mean("widths", "sixteen", "pr_auc") > study.mean("widths", "two", "pr_auc") + 0.1
    assert study.mean("weighted", "sixteen", "auc") > 0.85
    losses = [each["sixteen"]["replicates"][0]["curves"]["loss"][0] for each in (widths, weighted)]
    assert losses[1] > 1.1 * losses[0]  # a tenth of the rows counts five times
    few = study.variants("few_of_a_class")
    assert len({few[name]["replicates"][0]["curves"]["loss"][0] for name in few}) == 3
    assert study.engines("widths") == study.engines("weighted") == {"fused"}
    assert "test PR AUC (%)" in study.pages["widths"]
    assert not re.search("accurac|image|pixel|confus", study.pages["widths"], re.IGNORECASE)


def test_pictures_in_folders_are_augmented_and_an_application_is_tuned_in_phases(run: Run) -> None:
    study = run("images")
    augmentation, fine_tuning = study.variants("augmentation"), study.variants("fine_tuning")
    assert study.mean("augmentation", "none", "accuracy") > 0.5
    assert len({each["parameters"] for each in augmentation.values()}) == 1
    assert len({each["replicates"][0]["curves"]["loss"][1] for each in augmentation.values()}) == 3
    head, block = fine_tuning["head"], fine_tuning["block"]
    assert head["parameters"] == block["parameters"] > 400_000
    assert head["trainable_parameters"] == 3 * (576 + 1) < block["trainable_parameters"] < block["parameters"]
    assert [each["epochs"] for each in head["replicates"]] == [each["epochs"] for each in block["replicates"]]
    assert {"disc", "square", "triangle"} <= set(re.findall(r"\w+", study.pages["augmentation"]))


def test_maps_are_judged_by_intersection_over_union(run: Run) -> None:
    study = run("masks")
    assert {(each["task"], each["metric"]) for each in study.results.values()} == {("map", "mean_io_u")}
    assert study.mean("widths", "eight", "mean_io_u") > study.mean("widths", "two", "mean_io_u")
    assert study.mean("widths", "eight", "accuracy") > 0.8
    assert study.engines("widths") == {"fused"}


def test_an_array_that_is_too_large_is_read_while_it_trains(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.inputs.IN_MEMORY", 1000)
    study = run("large")
    engines = [each["engine"] for each in study.variants("kernels")["five"]["replicates"]]
    assert {each["name"] for each in engines} == {"fit"}
    assert all("memory" in each["reason"] for each in engines)
    assert study.mean("kernels", "five", "accuracy") > max(0.9, study.mean("kernels", "one", "accuracy"))
    assert not re.search("image|pixel", study.pages["kernels"], re.IGNORECASE)


@pytest.mark.parametrize("folder", sorted(EXAMPLES.iterdir()), ids=lambda folder: folder.name)
def test_an_example_is_params_and_a_little_python(folder: Path) -> None:
    code = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.py")}
    assert (folder / "params.yaml").is_file()
    assert {path.name: lines for path, lines in code.items() if lines > MOST_LINES} == {}
