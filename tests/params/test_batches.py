"""A batch is at most what there is to train on."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import ParamsError
from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.params.expansion.expand import check_against
from pipeline.params.load import parse

from .cases import BASE, faults, only_fault, study


def with_data(data: dict[str, Any], size: int) -> dict[str, Any]:
    return {**BASE, "data": data, "training": {"epochs": 1, "batch_size": size}}


@pytest.mark.parametrize(
    ("data", "most"),
    [
        ({}, 1097),
        ({"limit": 90}, 90),
        ({"validation": 0}, 1397),
        ({"validation": 0.5, "skip": 100}, 599),
        ({"per_class": 3}, 30),
        ({"per_class": 3, "classes": [1, 7]}, 6),
        ({"pairs": 8}, 8),
    ],
)
def test_a_batch_larger_than_the_training_images_is_a_fault(data: dict[str, Any], most: int) -> None:
    what = "pairs" if "pairs" in data else "training images"
    assert faults(study(with_data(data, most))) == []
    message = only_fault(study(with_data(data, most + 1)))
    assert f"training.batch_size: must be 1 to {most}, the number of {what}; got {most + 1}" in message
    assert only_fault(study(with_data(data, 1_000_000_000)))


def test_in_a_phase_and_in_a_range_too() -> None:
    phases = [{"data": {"per_class": 1}}, {}]
    assert "must be 1 to 10" in only_fault(study({**BASE, "phases": phases}))
    tune = {"trials": 2, "space": {"training.batch_size": {"choice": [16, 4096]}}}
    assert "4096 does not fit: must be 1 to 1097" in only_fault(study(tune=tune, variants={"plain": {}}))


def own(classes: int, count: int) -> Dataset:
    names = tuple(map(str, range(classes)))
    return Dataset("mine:data", (8, 8), names, count, 10, CATALOGUE["digits"].sha256, validation=count // 10)


@pytest.mark.parametrize(
    ("base", "dataset", "expected"),
    [
        ({}, own(3, 20), "training.batch_size must be 1 to 18"),
        (
            {
                "model": {"layers": [4], "output": {"units": 1, "activation": "sigmoid"}},
                "training": {"epochs": 1, "loss": "binary_crossentropy"},
            },
            own(3, 200),
            "one output needs exactly 2 classes",
        ),
        (
            {"model": {"layers": [4], "output": {"units": 2}}},
            own(3, 200),
            "must be at least 3, the number of classes",
        ),
    ],
)
def test_data_of_ones_own_is_judged_once_it_is_fetched(
    base: dict[str, Any], dataset: Dataset, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "mine.py").write_text("def data(): ...")
    raw = {**study({**BASE, **base}), "dataset": "mine:data"}
    loaded = parse(raw)
    (name,) = loaded.ablations
    with pytest.raises(ParamsError, match=expected):
        check_against(loaded, name, dataset)
    check_against(loaded, name, own(2, 2000))
