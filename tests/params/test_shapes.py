"""Models whose layers do not fit their images, or each other, are refused, at the place that causes it."""

from pathlib import Path
from typing import Any

import pytest

from .cases import BASE, faults, study

CONV = {"filters": 4, "kernel_size": 3, "padding": "valid"}
SHARED = {"name": "PReLU", "shared_axes": [1, 2]}


def of(layers: list[Any], **model: Any) -> dict[str, Any]:
    return {**BASE, "model": {"layers": layers, **model}}


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    (of([CONV] * 4), ["base.model.layers[3]: a convolution needs at least 3 x 3 without padding; got 2 x 2"]),
    (of([{**CONV, "repeat": 4}]), ["base.model.layers[0]: a convolution needs at least 3 x 3"]),
    (
        of([{**CONV, "padding": "same", "strides": 2, "repeat": 10_000}, "max_pooling2d"]),
        ["base.model.layers[1]: MaxPooling2D needs at least 2 x 2 without padding; got 1 x 1"],
    ),
    (
        of([CONV, "GroupNormalization"]),
        ["base.model.layers[1]: GroupNormalization's groups must divide the 4 input channels; got 32"],
    ),
    (
        of([CONV, {"name": "GroupNormalization", "groups": 3}, 64, {"name": "Reshape", "target_shape": [8, 9]}]),
        [
            "base.model.layers[1].groups: must divide the 4 input channels; got 3",
            "base.model.layers[3].target_shape: must hold the 64 input values; got [8, 9]",
        ],
    ),
    (of([CONV, CONV, 8, 8], activation=SHARED), ["base.model.activation.shared_axes: must be among the axes 1 to 1"]),
    (
        of([{**CONV, "activation": {"name": "softmax", "axis": 4}}]),
        ["base.model.layers[0].activation.axis: must be an axis from 0 to 3"],
    ),
    (of([8], output={"activation": SHARED}), ["base.model.output.activation.shared_axes: must be among the axes 1 to 1"]),
    (
        {**of([CONV] * 4, towers=2, joint=[4]), "data": {"pairs": 40}},
        ["base.model.layers[3]: a convolution needs at least 3 x 3 without padding; got 2 x 2"],
    ),
    (
        {**of([CONV], towers=2, joint=[4], activation=SHARED), "data": {"pairs": 40}},
        ["base.model.activation.shared_axes: must be among the axes 1 to 1 of the input; got [1, 2]"],
    ),
    ({**of([CONV] * 4), "phases": [{}, {}]}, ["base.model.layers[3]: a convolution needs at least 3 x 3"]),
    (
        {**of([CONV] * 3), "phases": [{}, {"model": {"layers": [CONV] * 5}}]},
        ["base.phases[1].model.layers[3]: a convolution needs at least 3 x 3 without padding; got 2 x 2"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("base", "expected"), WRONG)
def test_what_does_not_fit_is_named_once(base: dict[str, Any], expected: list[str]) -> None:
    sentences = faults(study(base))
    assert len(sentences) == len(expected), sentences
    assert all(text in sentence for text, sentence in zip(expected, sentences, strict=True)), sentences


@pytest.mark.parametrize(
    "base",
    [
        of([CONV] * 3),
        of([{**CONV, "repeat": 3}, 8]),
        of([{"filters": 4, "kernel_size": 3, "repeat": 10_000}, "max_pooling2d"]),
        of([CONV], activation=SHARED),
        of([{**CONV, "filters": 32}, "GroupNormalization", "GlobalMaxPooling2D", 8]),
        of([64, {"name": "Reshape", "target_shape": [4, 4, -1]}, {"name": "Conv2D", "filters": 2, "kernel_size": 4}]),
        {**of([CONV] * 3, towers=2, joint=[4]), "data": {"pairs": 40}},
    ],
)  # fmt: skip
def test_what_fits_is_accepted(base: dict[str, Any]) -> None:
    assert faults(study(base)) == []


def test_the_data_set_decides_what_fits() -> None:
    raw = {**study(of([CONV] * 4)), "dataset": "mnist"}
    assert faults(raw) == []
    raw["ablations"]["one"]["dataset"] = "digits"
    assert faults(raw) == [
        "ablations.one.variants.plain: model.layers[3] a convolution needs at least 3 x 3 without padding; got 2 x 2"
    ]


def test_the_fault_is_at_the_variant_that_breaks_a_model() -> None:
    sentences = faults(study(of([CONV] * 3), variants={"a": {}, "b": {"model": {"layers": [CONV] * 4}}}))
    assert sentences == [
        "ablations.one.variants.b.model.layers[3]: a convolution needs at least 3 x 3 without padding; got 2 x 2"
    ]


def test_a_range_that_would_break_it_is_refused() -> None:
    tune = {"trials": 2, "space": {"model.layers.2.kernel_size": {"int": [1, 5]}}}
    (fault,) = faults(study(of([CONV] * 3), variants={"a": {}}, tune=tune))
    assert fault.startswith(
        "ablations.one.tune.space.model.layers.2.kernel_size: 5 does not fit: model.layers[2] a con"
    )


def test_ranges_that_break_it_only_together_are_refused() -> None:
    kernels = {f"model.layers.{index}.kernel_size": {"choice": [2, 5]} for index in (0, 1)}
    (fault,) = faults(study(of([CONV] * 2), variants={"a": {}}, tune={"trials": 2, "space": kernels}))
    assert fault == (
        "ablations.one.tune.space: model.layers.0.kernel_size: 5, model.layers.1.kernel_size: 5 do not fit together: "
        "model.layers[1] a convolution needs at least 5 x 5 without padding; got 4 x 4"
    )


def test_what_an_own_layer_or_activation_gives_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "mine.py").write_text(
        "def gate(x): ...\nclass Layer: ...\nclass Data: ...\n", encoding="utf-8"
    )
    pooled = {"name": "MaxPooling2D", "pool_size": 9}
    for first in ({"name": "mine:Layer"}, {**CONV, "activation": "mine:gate"}):
        assert faults(study(of([first, pooled]))) == []
        assert len(faults(study(of([first, 8, {"name": "Reshape", "target_shape": [9]}])))) == 1
    assert faults({**study(of([CONV] * 4)), "dataset": "mine:Data"}) == []
