"""What DVC's stages depend on: settings with defaults filled in, and a user's own code."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.load import parse
from pipeline.runs.fingerprint import package_digest
from pipeline.stages.check import DATA_CODE, write_settings

BASE = {"model": {"layers": [4]}, "optimizer": {"name": "sgd"}, "training": {"epochs": 1}}


def settings(folder: Path, **changes: Any) -> dict[str, Any]:
    variants = {"relu": {}, "own": {"model": {"activation": "mine:squashed"}}}
    study = parse({"base": BASE, "ablations": {"one": {"question": "?", "variants": variants}}, **changes})
    write_settings(study, folder)
    return dict(json.loads((folder / "study.json").read_text(encoding="utf-8")))


@pytest.fixture
def own_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    file = tmp_path / "mine.py"
    file.write_text("def squashed(x):\n    return x / 2\n")
    return file


@pytest.mark.usefixtures("own_class")
def test_what_params_leave_out_has_its_default(tmp_path: Path) -> None:
    written = settings(tmp_path)
    assert (written["dataset"], written["seed"], written["seeds"]) == ("digits", 0, 5)
    dataset = json.loads((tmp_path / "dataset.json").read_text())
    assert dataset == {
        "datasets": ["digits"],
        "mirror": None,
        "files": {},
        "own": {},
        "code": package_digest(DATA_CODE),
    }
    assert settings(tmp_path, engine="fit") == written, "the engine changes no number"
    assert settings(tmp_path, seeds=3) != written


def test_editing_a_class_of_ones_own_counts_and_its_comments_do_not(tmp_path: Path, own_class: Path) -> None:
    before = settings(tmp_path)
    own_class.write_text("# halves\ndef squashed(x):\n    return x / 2\n")
    assert settings(tmp_path) == before
    own_class.write_text("def squashed(x):\n    return x / 3\n")
    assert settings(tmp_path) != before


def test_data_is_fetched_again_only_if_other_sets_are_used_or_the_mirror_changes(tmp_path: Path) -> None:
    def of(*datasets: str | None, **shared: Any) -> str:
        entry = {"question": "?", "variants": {"a": {}}}
        named = {f"n{at}": {**entry, "dataset": dataset} for at, dataset in enumerate(datasets)}
        write_settings(parse({"base": BASE, "ablations": named, **shared}), tmp_path)
        return (tmp_path / "dataset.json").read_text(encoding="utf-8")

    digits_and_mnist = of(None, "mnist")
    assert json.loads(digits_and_mnist)["datasets"] == ["digits", "mnist"]
    assert of("mnist", None, "digits") == digits_and_mnist, "their order does not matter"
    assert of("mnist", "digits", dataset="fashion_mnist") == digits_and_mnist, "the study's own is not used"
    assert of("mnist") != digits_and_mnist
    assert of(None, "mnist", data={"mirror": "files"}) != digits_and_mnist


def test_each_ablation_has_its_own_entry_and_no_other_remains(tmp_path: Path) -> None:
    def write(**ablations: Any) -> dict[str, str]:
        write_settings(parse({"base": BASE, "ablations": ablations}), tmp_path)
        return {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "ablations").iterdir()}

    entry = {"question": "?", "variants": {"a": {}, "b": {"training": {"epochs": 2}}}}
    before = write(one=entry, two=entry)
    assert set(before) == {"one", "two"}
    after = write(one=entry, two={**entry, "seeds": 4})
    assert after["one"] == before["one"] and after["two"] != before["two"]
    assert (
        write(one={**entry, "variants": {"b": {"training": {"epochs": 2}}, "a": {}}})["one"] != before["one"]
    )  # another order
    assert set(write(two=entry)) == {"two"}


def test_an_edited_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    table = tmp_path / "train.csv"

    def written(text: str) -> dict[str, Any]:
        table.write_text(text, encoding="utf-8")
        settings(tmp_path / "data" / "settings", dataset={"csv": str(table), "target": "y"})
        return dict(json.loads((tmp_path / "data" / "settings" / "dataset.json").read_text(encoding="utf-8")))

    (tmp_path / "mine.py").write_text("def squashed(x):\n    return x\n")
    before = written("x,y\n1,2\n")
    assert written("x,y\n1,2\n") == before and written("x,y\n1,3\n") != before
    assert (tmp_path / "data" / ".hashes.json").is_file()
