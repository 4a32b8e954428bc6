"""The output shapes that `check` computes are those of Keras, and what it refuses Keras refuses too."""

import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.params.checks.layer_shapes import LAYERS, layer_shape
from pipeline.params.faults import FaultsError
from pipeline.params.types.layers import read_layer

from .drawn import calls

Shape = tuple[int, ...]
IMAGE = (8, 7, 4)

FIT: list[tuple[str, dict[str, Any], Shape]] = [
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, (8, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": [8, 7]}, IMAGE),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "padding": "SAME", "strides": [3, 2], "groups": 2}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": [1, 3]}, IMAGE),
    ("Conv2D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first"}, IMAGE),
    ("Conv3D", {"filters": 3, "kernel_size": 2, "strides": 2}, (4, 4, 3, 2)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, (8, 4)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": [1, 2], "padding": "same"}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "dilation_rate": 2}, IMAGE),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 1}, IMAGE),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": [1, 0], "padding": "same"},
        IMAGE,
    ),
    ("Conv3DTranspose", {"filters": 3, "kernel_size": 2, "strides": 2}, (4, 4, 3, 2)),
    ("DepthwiseConv1D", {"kernel_size": 3}, (8, 4)),
    ("DepthwiseConv2D", {"kernel_size": 3, "depth_multiplier": 2}, IMAGE),
    ("DepthwiseConv2D", {"kernel_size": 3, "dilation_rate": 2}, IMAGE),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "padding": "same"}, (8, 4)),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "depth_multiplier": 2}, IMAGE),
    ("MaxPooling1D", {}, (7, 4)),
    ("MaxPooling2D", {}, IMAGE),
    ("MaxPooling2D", {"pool_size": 3, "strides": [1, 2]}, IMAGE),
    ("MaxPooling2D", {"pool_size": 9, "padding": "same"}, IMAGE),
    ("MaxPooling2D", {"data_format": "channels_first"}, IMAGE),
    ("MaxPooling3D", {}, (4, 5, 3, 2)),
    ("AveragePooling2D", {"pool_size": [2, 3]}, IMAGE),
    ("AdaptiveAveragePooling2D", {"output_size": [3, 5]}, IMAGE),
    ("AdaptiveMaxPooling2D", {"output_size": 9}, IMAGE),
    ("GlobalMaxPooling1D", {}, (8, 4)),
    ("GlobalAveragePooling2D", {}, IMAGE),
    ("GlobalAveragePooling2D", {"keepdims": True, "data_format": "channels_first"}, IMAGE),
    ("GlobalMaxPooling3D", {}, (4, 5, 3, 2)),
    ("ZeroPadding1D", {"padding": [2, 1]}, (8, 4)),
    ("ZeroPadding2D", {}, IMAGE),
    ("ZeroPadding2D", {"padding": [[1, 2], 0]}, IMAGE),
    ("ZeroPadding3D", {"padding": [0, 1, [2, 3]]}, (4, 5, 3, 2)),
    ("Cropping1D", {}, (3, 4)),
    ("Cropping2D", {"cropping": [[0, 7], 3]}, IMAGE),
    ("Cropping3D", {"cropping": [1, 2, [1, 0]]}, (4, 5, 3, 2)),
    ("UpSampling1D", {"size": 3}, (8, 4)),
    ("UpSampling2D", {"size": [1, 3], "interpolation": "bilinear"}, IMAGE),
    ("UpSampling3D", {}, (4, 5, 3, 2)),
    ("SpatialDropout2D", {"rate": 0.5}, IMAGE),
    ("ELU", {}, IMAGE),
    ("LeakyReLU", {}, (5,)),
    ("ReLU", {}, IMAGE),
    ("GaussianDropout", {"rate": 0.5}, IMAGE),
    ("GaussianNoise", {"stddev": 0.5}, (5,)),
    ("Identity", {}, IMAGE),
    ("AlphaDropout", {"rate": 0.5}, IMAGE),
    ("Dropout", {"rate": 0.5, "noise_shape": [None, 1, 1, 4]}, IMAGE),
    ("Dropout", {"rate": 0.5, "noise_shape": [1, 4]}, IMAGE),
    ("PReLU", {}, IMAGE),
    ("PReLU", {"shared_axes": [1, 2]}, IMAGE),
    ("PReLU", {"shared_axes": 1}, (5,)),
    ("Softmax", {"axis": [1, -1]}, IMAGE),
    ("BatchNormalization", {"axis": 1}, IMAGE),
    ("LayerNormalization", {"axis": [1, 2, 3]}, IMAGE),
    ("UnitNormalization", {"axis": -4}, IMAGE),
    ("RMSNormalization", {}, IMAGE),
    ("RMSNormalization", {"axis": [2, 3]}, IMAGE),
    ("GroupNormalization", {"groups": 2}, IMAGE),
    ("GroupNormalization", {"groups": -1}, IMAGE),
    ("GroupNormalization", {"groups": 7, "axis": 2}, IMAGE),
    ("Dense", {"units": 3}, IMAGE),
    ("Flatten", {}, IMAGE),
    ("Flatten", {}, (5,)),
    ("Permute", {"dims": [3, 1, 2]}, IMAGE),
    ("RepeatVector", {"n": 3}, (5,)),
    ("Rescaling", {"scale": 0.5, "offset": 1}, IMAGE),
    ("Rescaling", {"scale": [1, 2, 3, 4], "offset": [1]}, IMAGE),
    ("Reshape", {"target_shape": [16, 14]}, IMAGE),
    ("Reshape", {"target_shape": [2, -1, 4]}, IMAGE),
]  # fmt: skip

UNFIT: list[tuple[str, dict[str, Any], Shape, str]] = [
    ("Conv2D", {"filters": 3, "kernel_size": [3, 8]}, IMAGE, "needs at least 3 x 8 without padding; got 8 x 7"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": 4}, IMAGE, "needs at least 9 x 9"),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, (8, 8), "needs [height, width, channels]; got [8, 8]"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "groups": 2}, IMAGE, "groups: must divide the 3 filters; got 2"),
    ("Conv2D", {"filters": 6, "kernel_size": 3, "groups": 3}, IMAGE, "must divide the 4 input channels; got 3"),
    ("Conv2D", {"filters": 3, "kernel_size": 0}, IMAGE, "at least 1, or a list of 2; got 0"),
    ("Conv2D", {"filters": 3, "kernel_size": [3]}, IMAGE, "at least 1, or a list of 2; got [3]"),
    ("Conv2D", {"filters": 0, "kernel_size": 3}, IMAGE, "filters: must be a whole number of at least 1; got 0"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "padding": "causal"}, IMAGE, "must be valid or same; got 'causal'"),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "data_format": "nhwc"}, IMAGE, "channels_last or channels_first"),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
        IMAGE,
        "dilation_rate: must be 1 where the strides are not",
    ),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "output_padding": 1}, IMAGE, "must be below the strides"),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": 2, "output_padding": 0, "padding": "same"},
        IMAGE,
        "output_padding: must be at least 1 with padding same and an even kernel; got 0 x 0",
    ),
    ("DepthwiseConv2D", {"kernel_size": 9}, IMAGE, "needs at least 9 x 9 without padding"),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 9}, IMAGE, "needs at least 9 x 9 without padding"),
    ("MaxPooling2D", {}, (8, 1, 4), "needs at least 2 x 2 without padding; got 8 x 1"),
    ("MaxPooling2D", {"strides": 0}, IMAGE, "strides: must be a whole number of at least 1"),
    ("MaxPooling2D", {"padding": "same "}, IMAGE, "padding: must be valid or same; got 'same '"),
    ("AveragePooling1D", {"pool_size": 9}, (8, 4), "needs at least 9 without padding; got 8"),
    ("AdaptiveAveragePooling2D", {"output_size": 0}, IMAGE, "output_size: must be a whole number of at least 1"),
    ("AdaptiveMaxPooling2D", {"output_size": 1}, IMAGE, "output_size: must be above 1, and so must the input; got 1 x 1"),
    ("AdaptiveMaxPooling2D", {"output_size": 2}, (8, 1, 4), "must be above 1, and so must the input"),
    ("GlobalMaxPooling2D", {}, (8, 4), "needs [height, width, channels]"),
    ("ZeroPadding2D", {"padding": -1}, IMAGE, "padding: must be a whole number of at least 0"),
    ("ZeroPadding2D", {"padding": [1, 2, 3]}, IMAGE, "padding: must be a whole number, or a list of 2"),
    ("Cropping2D", {"cropping": 4}, IMAGE, "cropping: must leave something; it cuts 8 x 8 from 8 x 7"),
    ("Cropping1D", {}, (2, 4), "cropping: must leave something; it cuts 2 from 2"),
    ("UpSampling2D", {"size": 0}, IMAGE, "size: must be a whole number of at least 1"),
    ("SpatialDropout2D", {"rate": 0.5}, (8, 4), "needs [height, width, channels]"),
    ("Dropout", {"rate": 0.5, "noise_shape": [None, 1, 4]}, IMAGE, "must broadcast to [null, 8, 7, 4]; got [None, 1, 4]"),
    ("Dropout", {"rate": 0.5, "noise_shape": [1, 1, 1, 1, 1]}, IMAGE, "noise_shape: must broadcast to"),
    ("PReLU", {"shared_axes": [1, 2]}, (5,), "shared_axes: must be among the axes 1 to 1 of the input; got [1, 2]"),
    ("Softmax", {"axis": 4}, IMAGE, "axis: must be an axis from 0 to 3, or counted from the end or a list"),
    ("BatchNormalization", {"axis": 0}, IMAGE, "axis: must be an axis from 1 to 3, or counted from the end; got 0"),
    ("BatchNormalization", {"axis": [1, 2]}, IMAGE, "axis: must be an axis from 1 to 3, or counted from the end;"),
    ("LayerNormalization", {"axis": -4}, IMAGE, "axis: must be an axis from 1 to 3"),
    ("UnitNormalization", {"axis": 2}, (5,), "axis: must be an axis from 0 to 1"),
    ("RMSNormalization", {"axis": 1}, IMAGE, "axis: must be the last, along which Keras scales; got 1"),
    ("GroupNormalization", {}, IMAGE, "groups: must divide the 4 input channels; got 32"),
    ("GroupNormalization", {"groups": 0}, IMAGE, "groups: must be a whole number of at least 1; got 0"),
    ("Dense", {"units": 0}, IMAGE, "units: must be a whole number of at least 1"),
    ("Flatten", {"data_format": "nhwc"}, IMAGE, "data_format: must be channels_last or channels_first"),
    ("Permute", {"dims": [2, 1]}, IMAGE, "dims: must be [1, 2, 3] in some order; got [2, 1]"),
    ("Rescaling", {"scale": [1, 2]}, IMAGE, "scale: must be a number, or one for each of the 4 channels; got [1, 2]"),
    ("RepeatVector", {"n": 3}, IMAGE, "needs [features]; got [8, 7, 4]"),
    ("Reshape", {"target_shape": [9, 8]}, IMAGE, "must hold the 224 input values; got [9, 8]"),
    ("Reshape", {"target_shape": [-1, 9]}, IMAGE, "target_shape: must hold the 224 input values"),
    ("Reshape", {"target_shape": [-1, 0]}, IMAGE, "target_shape: must hold the 224 input values"),
    ("Reshape", {"target_shape": [-1, -1]}, IMAGE, "target_shape: must be a list of whole numbers, one at most -1"),
    ("Reshape", {"target_shape": 224}, IMAGE, "target_shape: must be a list of whole numbers"),
]  # fmt: skip


def by_check(name: str, arguments: dict[str, Any], shape: Shape) -> Shape | str | None:
    """Return the output shape that `check` computes, or its fault."""
    try:
        return layer_shape(name, arguments, shape)
    except FaultsError as error:
        (fault,) = error.faults
        return fault.sentence()


def by_keras(name: str, arguments: dict[str, Any], shape: Shape) -> Shape | str:
    """Return Keras's output shape, the same when it builds the layer and when images go through, or what is wrong."""
    import keras
    import tensorflow as tf

    from pipeline.build.resolve import make_layer

    named = read_layer({"name": name, **arguments})
    try:
        with warnings.catch_warnings(action="ignore"):  # a warning refuses nothing
            layer = make_layer(named)
            symbolic = layer(keras.Input(shape))
            computed = tf.function(layer)(tf.zeros((2, *shape)), **_training(name))  # a graph, as in training
    except Exception as error:
        return str(error)
    promised, actual = tuple(symbolic.shape[1:]), tuple(computed.shape[1:])
    return actual if promised == actual and 0 not in actual else f"{promised} promised, {actual} computed"


def _training(name: str) -> dict[str, bool]:
    return {"training": True} if "Dropout" in name else {}


@pytest.mark.parametrize(("name", "arguments", "shape"), FIT)
def test_a_shape_is_the_one_that_keras_gives(name: str, arguments: dict[str, Any], shape: Shape) -> None:
    assert by_keras(name, arguments, shape) == by_check(name, arguments, shape)


@pytest.mark.parametrize(("name", "arguments", "shape", "expected"), UNFIT)
def test_what_is_refused_keras_refuses_too(
    name: str, arguments: dict[str, Any], shape: Shape, expected: str
) -> None:
    fault = by_check(name, arguments, shape)
    assert isinstance(fault, str) and expected in fault, fault
    assert isinstance(by_keras(name, arguments, shape), str)


def test_every_rule_is_held_against_keras() -> None:
    covered = {name.rstrip("D123") for name, _, _ in FIT}
    assert {name.rstrip("D123") for name in LAYERS} == covered


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(calls(0), st.one_of(st.just(IMAGE), st.tuples(*[st.integers(1, 6)] * 3), st.tuples(st.integers(1, 6))))
def test_any_layer_has_the_computed_shape(call: tuple[str, dict[str, Any]], shape: Shape) -> None:
    ours, theirs = by_check(*call, shape), by_keras(*call, shape)
    assert isinstance(theirs, str) if isinstance(ours, str) else theirs == ours, (ours, theirs)
