"""Names in the arguments of a layer or an activation: read so that Keras, or else the build, can take them."""

from typing import Any

import pytest

from pipeline.params.faults import FaultsError
from pipeline.params.keras_names.named import read_named
from pipeline.params.types.layers import read_layer

from .cases import BASE, faults, study


def arguments(**written: Any) -> dict[str, Any]:
    return {key: read_layer({"name": "Dense", "units": 3, **written}).arguments[key] for key in written}


@pytest.mark.parametrize("written", ["relu", "swish", "hard_swish", "leaky_relu"])
def test_a_name_that_keras_reads_stays_as_it_is_written(written: str) -> None:
    assert arguments(activation=written) == {"activation": written}


@pytest.mark.parametrize(
    ("argument", "written", "name"),
    [
        ("activation", "RELU", "relu"),
        ("activation", "LeakyReLU", "leaky_relu"),
        ("activation", "hardswish", "hard_silu"),
        ("kernel_initializer", "henormal", "HeNormal"),
        ("bias_initializer", "Constant", "Constant"),
        ("kernel_regularizer", "l1_l2", "L1L2"),
        ("kernel_constraint", "maxnorm", "MaxNorm"),
    ],
)
def test_a_name_that_only_we_read_is_spelt_out(argument: str, written: str, name: str) -> None:
    read = arguments(**{argument: written})
    assert read == {argument: {"name": name}}
    assert arguments(**read) == read


def complaints(value: dict[str, Any], *spaces: Any) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        read_named(value, *spaces)
    return [fault.sentence() for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ({"name": "Dense", "units": 3, "activation": "threshold"}, "activation.threshold: is missing; threshold"),
        ({"name": "Dense", "units": 3, "activation": "nowhere:f"}, "activation.name: "),
        ({"name": "Dropout", "rate": 1.5}, "rate: must be a fraction of at least 0 and at most 1; got 1.5"),
        ({"name": "AlphaDropout", "rate": 1}, "rate: must be a fraction of at least 0 and below 1; got 1"),
        ({"name": "GaussianNoise", "stddev": -1}, "stddev: must be a fraction of at least 0 and at most 1; got -1"),
        ({"name": "ReLU", "max_value": -1}, "max_value: must be a number of at least 0; got -1"),
        ({"name": "LeakyReLU", "negative_slope": -0.1}, "negative_slope: must be a number of at least 0; got -0.1"),
        ({"name": "UpSampling2D", "interpolation": "bilinar"}, "lanczos5; got 'bilinar'. Did you mean 'bilinear'?"),
        (
            {"name": "Dense", "units": 3, "kernel_regularizer": {"name": "l2", "l2": -1}},
            "kernel_regularizer.l2: must be a number of at least 0; got -1",
        ),
    ],
)  # fmt: skip
def test_what_keras_would_not_take_is_refused(layer: dict[str, Any], expected: str) -> None:
    sentences = complaints(layer, "layers")
    assert any(expected in sentence for sentence in sentences), sentences


def test_an_activations_arguments_must_be_names_as_keras_spells_them() -> None:
    assert read_named({"name": "prelu", "alpha_initializer": "he_normal"}, "activations", "activation_layers")
    for value in ("henormal", {"name": "HeNormal"}):
        (sentence,) = complaints(
            {"name": "prelu", "alpha_initializer": value}, "activations", "activation_layers"
        )
        assert sentence.startswith(
            "alpha_initializer: must be a name as Keras spells it, such as zeros or he_normal; got"
        )


CONV = {"filters": 2, "kernel_size": 3}


@pytest.mark.parametrize(
    ("model", "regularisation", "expected"),
    [
        (
            {"layers": [CONV, 4], "initializer": "identity"},
            {},
            "model.initializer: Identity needs 2 axes, and does not fit the 4 of a convolution",
        ),
        ({"layers": [4, {"units": 4, "initializer": "identity"}]}, {}, None),
        (
            {"layers": [CONV, 4]},
            {"kernel_regularizer": "orthogonal_regularizer"},
            "regularisation.kernel_regularizer: OrthogonalRegularizer needs 2 axes, and does not fit the 4 of a conv",
        ),
        ({"layers": [CONV]}, {"kernel_constraint": {"name": "max_norm", "axis": [0, 1, 2]}}, None),
        (
            {"layers": [CONV, 4]},
            {"kernel_constraint": {"name": "max_norm", "axis": [0, 1, 2]}},
            "regularisation.kernel_constraint: MaxNorm along axis [0, 1, 2] does not fit the 2 axes of a dense layer",
        ),
        (
            {"layers": [{"name": "Conv2D", **CONV, "bias_initializer": "orthogonal"}]},
            {},
            "model.layers[0].bias_initializer: Orthogonal needs 2 axes or more, and does not fit the 1 of Conv2D",
        ),
        (
            {"layers": [{"name": "Dense", "units": 2, "kernel_constraint": {"name": "unit_norm", "axis": 2}}]},
            {},
            "model.layers[0].kernel_constraint: UnitNorm along axis 2 does not fit the 2 axes of Dense",
        ),
        ({"layers": [{"name": "Dense", "units": 2, "kernel_initializer": "identity"}]}, {}, None),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_kernels_axes_is_refused(
    model: dict[str, Any], regularisation: dict[str, Any], expected: str | None
) -> None:
    sentences = faults(study({**BASE, "model": model, "regularisation": regularisation}))
    assert len(sentences) == (expected is not None), sentences
    assert expected is None or sentences[0].startswith(f"base.{expected}"), sentences
