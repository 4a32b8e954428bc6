"""The data set of a study: files of one's own, their names, and what is wrong with how they are described."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.load import load, parse
from pipeline.params.types.study import Study

from .cases import only_fault, study


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "flowers").mkdir(parents=True)
    for name in ("train.csv", "series.npz"):
        (tmp_path / "data" / name).write_text("")
    return tmp_path


TABLE = {"csv": "data/train.csv", "target": "price"}


def parsed(shared: Any, **own: Any) -> Study:
    raw = {**study(), "dataset": shared}
    raw["ablations"]["one"] |= own
    return parse(raw)


def test_elsewhere_a_data_set_is_a_name() -> None:
    found = parsed(TABLE)
    name = found.dataset_of("one")
    assert name.startswith("train-") and len(name) == len("train-") + 8
    assert found.datasets == (name,) and list(found.dataset_specs) == [name] and found.known is None
    assert parsed({**TABLE, "test": 0.2, "target": ["price"]}).datasets == (name,), "defaults may be written"
    assert parsed({**TABLE, "test": 0.3}).datasets != (name,)
    own = parsed("digits", dataset={"npz": "data/series.npz"})
    assert own.datasets[0].startswith("series-") and own.known is not None
    json.dumps(own.ablations["one"].model_dump(mode="json"))


def test_a_path_is_relative_to_the_study(project: Path) -> None:
    folder = project / "studies" / "mine"
    folder.mkdir(parents=True)
    (folder / "table.csv").write_text("")
    text = json.dumps({**study(), "dataset": {"csv": "table.csv", "target": "y"}})
    (folder / "params.yaml").write_text(text)
    (spec,) = load(folder / "params.yaml").dataset_specs.values()
    assert spec.source().path == folder / "table.csv"
    absolute = parsed({"npz": str(folder.parent.parent / "data" / "series.npz")}).dataset_specs
    assert [spec.source().kind for spec in absolute.values()] == ["npz"]


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        ({}, "dataset: needs exactly one of csv, images, npz; got none"),
        ({**TABLE, "npz": "data/series.npz"}, "needs exactly one of csv, images, npz; got csv, npz"),
        ({"csv": "data/train.csv"}, "dataset.target: is missing: the column to predict"),
        (
            {"csv": "data/trian.csv", "target": "y"},
            "dataset.csv: there is no file 'data/trian.csv'. Did you mean 'train.csv'?",
        ),
        (
            {"images": "data/flower"},
            "dataset.images: there is no folder 'data/flower'. Did you mean 'flowers'?",
        ),
        ({"csv": "data/flowers", "target": "y"}, "dataset.csv: must be a file; got 'data/flowers'"),
        ({"npz": "../series.npz"}, "dataset.npz: must be a file in the project, or an absolute path; got"),
        (
            {"npz": "data/series.npz", "target": "y"},
            "dataset.target: has no use beside npz; allowed: npz, test",
        ),
        ({**TABLE, "tset": 0.2}, "dataset.tset: unknown key; allowed: csv, images"),
        ({**TABLE, "test": 1.0}, "dataset.test: must be less than 1; got 1.0"),
        ({**TABLE, "drop": ["id", "price"]}, "dataset.drop: 'price' is target already"),
        ({**TABLE, "groups": "p", "split": "time"}, "dataset.split: time and groups exclude each other"),
        ({**TABLE, "task": "clases"}, "dataset.task: must be one of classes, labels, regression, map"),
        ({"images": "data/flowers", "size": [0, 3]}, "dataset.size[0]: must be at least 1; got 0"),
    ],
)
def test_faults(dataset: dict[str, Any], words: str) -> None:
    assert words in only_fault({**study(), "dataset": dataset})
