import json
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.result_files.read import read
from pipeline.result_files.schema import Published, Reference

from . import made_up


def write(folder: Path, raw: object) -> Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "ablation.json").write_text(json.dumps(raw), encoding="utf-8")
    return folder


def test_reads_what_the_stage_writes(tmp_path: Path) -> None:
    made_up.write(tmp_path, [made_up.activations()])
    ablation = read(tmp_path, "activations")
    assert [variant.name for variant in ablation.variants][:3] == ["relu", "sigmoid", "tanh"]
    assert ablation.tune is not None
    assert ablation.tune.trials == len(ablation.variants[0].trials) == 6
    assert ablation.variant("elu").replicates[3].outcome == "diverged"
    assert ablation.variant("gelu").reference is not None
    assert ablation.variants[0].replicates[0].engine.size == 50


def test_a_missing_result_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a.ablation\.json is missing or damaged.*keras-ablation ablate a"):
        read(tmp_path, "a")


def test_a_truncated_result_is_named(tmp_path: Path) -> None:
    write(tmp_path, {})
    (tmp_path / "a" / "ablation.json").write_text('{"name": "a", ')
    with pytest.raises(UserError, match=r"ablation\.json is missing or damaged"):
        read(tmp_path, "a")


@pytest.mark.parametrize("lacking", ["baseline", "variants", "metric", "margin"])
def test_a_result_without_a_needed_key_names_it(tmp_path: Path, lacking: str) -> None:
    raw = made_up.lone()
    del raw[lacking]
    with pytest.raises(UserError, match=lacking):
        read(write(tmp_path, raw), "a")


def test_a_baseline_that_is_no_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nobody"):
        read(write(tmp_path, {**made_up.lone(), "baseline": "nobody"}), "a")


def test_published_figures_are_read_by_metric_with_what_is_said_of_them(tmp_path: Path) -> None:
    raw = made_up.lone()
    given = {
        "test_accuracy": 0.98,
        "val_loss": {"below": 0.1},
        "decimals": 3,
        "source": "a paper",
        "note": None,
    }
    raw["variants"][0]["reference"] = given
    first, second = read(write(tmp_path, raw), "a").variants
    figures = {
        "test_accuracy": Published(0.98, decimals=3),
        "val_loss": Published(0.1, "below", decimals=3),
    }
    assert first.reference == Reference(figures, "a paper", "")
    assert second.reference is None


@pytest.mark.parametrize("raw", [[], "text", 3, {"variants": 3}, {**made_up.lone(), "variants": [None]}])
def test_malformed_results_are_user_errors(tmp_path: Path, raw: object) -> None:
    with pytest.raises(UserError):
        read(write(tmp_path, raw), "a")
