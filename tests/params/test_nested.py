"""Names in the arguments of a layer or an activation: read so that Keras, or else the build, can take them."""

from typing import Any

import pytest

from pipeline.params.faults import FaultsError
from pipeline.params.keras_names.named import read_named
from pipeline.params.types.layers import read_layer


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
