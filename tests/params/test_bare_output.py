"""An output without weights: the last hidden layer must have one number per class, and something must train."""

from typing import Any

import pytest

from .cases import BASE, faults, only_fault, study

CONVOLUTION = {"filters": 10, "kernel_size": 3}
POOLED: list[Any] = [CONVOLUTION, "GlobalAveragePooling2D"]


def bare(layers: list[Any], **more: Any) -> dict[str, Any]:
    model = {"layers": layers, "output": "none", **more.pop("model", {})}
    return study({**BASE, **more, "model": model})


@pytest.mark.parametrize(
    "raw",
    [
        bare([64, 10]),
        bare(POOLED),
        bare([64, 3], data={"classes": [1, 2, 3]}),
        bare([{"filters": 10, "kernel_size": 8, "padding": "valid"}]),
        bare([10], phases=[{}, {"trainable": {"top": 1}}]),
    ],
)
def test_one_number_per_class_is_accepted(raw: dict[str, Any]) -> None:
    assert faults(raw) == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (bare(["GlobalAveragePooling2D"]), "neither the output nor a hidden layer has weights to train"),
        (bare([]), "neither the output nor a hidden layer has weights"),
        (bare([10], phases=[{}, {"trainable": "head"}]), "phases[1].trainable: the output has no weights"),
        (
            bare([10], model={"output": {"weights": False, "units": 10}}),
            "output.units: an output without weights",
        ),
    ],
)
def test_what_cannot_train_is_a_fault(raw: dict[str, Any], expected: str) -> None:
    assert expected in only_fault(raw)
