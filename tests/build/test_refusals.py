"""What Keras does not build, or could not train, is refused before anything trains: with its place, in Keras's words."""

from typing import Any

import pytest
from kit import recipe

SHAPE, CLASSES = (8, 8, 1), 10
CONV = {"filters": 4, "kernel_size": 3, "padding": "valid"}
POOL = "GlobalAveragePooling2D"
SHARED = {"name": "PReLU", "shared_axes": [1, 2]}
CUBE = {"name": "Reshape", "target_shape": [4, 4, 2, 2]}


def built(layers: list[Any], patch: dict[str, Any] | None = None, **model: Any) -> Any:
    from pipeline.build.model import build_model

    shape = (2, *SHAPE) if model.get("towers") == 2 else SHAPE
    return build_model(recipe({"model": {"layers": layers, **model}, **(patch or {})}), shape, CLASSES)


def layer(name: str, **arguments: Any) -> list[Any]:
    return [{"name": name, **arguments}]


def penalty(**regularisation: Any) -> dict[str, Any]:
    return {"regularisation": regularisation}


REFUSED: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "a kernel larger than its input": ([CONV] * 4, {}, "model.layers[3]: Computed output size would be zero"),
    "the fourth of a repeated one": ([{**CONV, "repeat": 4}], {}, "model.layers[0]: Computed output size"),
    "a window larger than its input": (
        [{**CONV, "padding": "same", "strides": 2, "repeat": 4}, "MaxPooling2D"],
        {},
        "model.layers[1]: Computed output size would be zero",
    ),
    "groups": ([CONV, "GroupNormalization"], {}, "model.layers[1]: Number of groups (32) cannot be more"),
    "groups of filters": (layer("Conv2D", filters=3, kernel_size=3, groups=2), {}, "evenly divisible by"),
    "a shape that holds other values": ([64, *layer("Reshape", target_shape=[8, 9])], {}, "model.layers[1]: "),
    "an axis that an activation lacks": ([CONV, 8], {"activation": SHARED}, "model.layers[1]: list assignment"),
    "an axis of softmax": ([{**CONV, "activation": {"name": "softmax", "axis": 4}}], {}, "the layer block0_act"),
    "an output's activation": ([8], {"output": {"activation": SHARED}}, "model.output: "),
    "what joins towers": ([CONV], {"towers": 2, "joint": [4], "activation": SHARED}, "model.joint[0]: "),
    "a kernel after a flat layer": (["flatten", CONV], {}, "model.layers[1]: Input 0"),
    "pooling after a dense layer": ([8, "MaxPooling2D"], {}, "expected ndim=4, found ndim=2"),
    "sequences of images": (layer("LSTM", units=3), {}, "expected ndim=3, found ndim=4"),
    "volumes of images": (layer("MaxPooling3D"), {}, "expected ndim=5, found ndim=4"),
    "no filters": (layer("Conv2D", filters=0, kernel_size=3), {}, "Expected a strictly positive value"),
    "a word": (layer("MaxPooling2D", padding="same "), {}, "model.layers[0]: "),
    "strides of nothing": (layer("MaxPooling2D", strides=0), {}, "model.layers[0]: "),
    "a negative padding": (layer("ZeroPadding2D", padding=-1), {}, "the layer block0_layer: "),
    "cropped to nothing": (layer("Cropping2D", cropping=4), {}, "model.layers[0]: "),
    "pooled to one": (layer("AdaptiveMaxPooling2D", output_size=1), {}, "the layer block0_layer: "),
    "noise of another shape": (
        layer("Dropout", rate=0.5, noise_shape=[None, 2, 1, 1]), {}, "the layer block0_layer: "
    ),
    "noise of the batch's shape": (
        [4, *layer("Dropout", rate=0.5, noise_shape=[3, 4])], {}, "the layer block1_layer: "
    ),
    "the batch's axis": (layer("BatchNormalization", axis=0), {}, "must be fully-defined"),
    "axes along which nothing scales": (layer("RMSNormalization", axis=1), {}, "the layer block0_layer: Keras expects"),
    "factors for other channels": (layer("Rescaling", scale=[1, 2, 3]), {}, "the layer block0_layer: Keras"),
    "a rate": (layer("Dropout", rate=1.5), {}, "model.layers[0]: Invalid value received for argument `rate`"),
    "a negative slope": (layer("LeakyReLU", negative_slope=-0.1), {}, "model.layers[0]: The negative_slope"),
    "a negative penalty": (layer("Dense", units=3, kernel_regularizer={"name": "l2", "l2": -1}), {}, "l2"),
    "a word of an initializer": (
        [{"units": 3, "initializer": {"name": "VarianceScaling", "mode": "fan"}}], {}, "Invalid `mode` argument"
    ),
    "an identity of four axes": ([CONV, 4], {"initializer": "identity"}, "model.layers[0]: Identity matrix"),
    "an orthogonal bias": (
        layer("Conv2D", filters=2, kernel_size=3, bias_initializer="orthogonal"), {}, "must be at least two-dimen"
    ),
    "a penalty of four axes": (
        [CONV, 4], penalty(kernel_regularizer="orthogonal_regularizer"), "the kernel of the layer block0_conv: Inputs"
    ),
    "a constraint along an axis": (
        [CONV, 4],
        penalty(kernel_constraint={"name": "max_norm", "axis": [0, 1, 2]}),
        "the kernel of the layer block1_dense: Invalid reduction dimension 2",
    ),
    "fewer numbers than classes": ([64, 9], {"output": "none"}, "must give 10 numbers, one for each of the targ"),
    "more numbers than classes": ([CONV], {"output": "none"}, "it gives 144"),
    "an augmentation": (
        [8], {"data": {"augment": [{"name": "RandomCrop", "height": 0, "width": 4}]}}, "data.augment[0]: list"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_keras_refuses_has_a_place_and_its_words(name: str) -> None:
    from pipeline.build.built import BuildError

    layers, more, expected = REFUSED[name]
    patch = {key: more[key] for key in ("regularisation", "data") if key in more}
    with pytest.raises(BuildError) as caught:
        built(layers, patch, **{key: value for key, value in more.items() if key not in patch})
    text = str(caught.value)
    assert expected in text and "\n" not in text and "\x1b" not in text, text
    assert text.startswith(("model.", "the ", "data.")), text


FIT: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "causal": ([*layer("Reshape", target_shape=[8, 8]), *layer("Conv1D", filters=3, kernel_size=3, padding="causal")], {}),
    "grouped": ([CONV, *layer("Conv2D", filters=4, kernel_size=3, padding="SAME", strides=[3, 2], groups=2)], {}),
    "dilated": (layer("Conv2D", filters=3, kernel_size=3, dilation_rate=[1, 3]), {}),
    "volumes": ([CUBE, *layer("Conv3D", filters=3, kernel_size=2), *layer("UpSampling3D")], {}),
    "transposed": (layer("Conv2DTranspose", filters=3, kernel_size=3, strides=2, output_padding=1), {}),
    "depthwise and separable": (
        [*layer("DepthwiseConv2D", kernel_size=3), *layer("SeparableConv2D", filters=3, kernel_size=2)], {}
    ),
    "pooled": ([*layer("AdaptiveMaxPooling2D", output_size=3), *layer("AveragePooling2D", pool_size=[2, 3])], {}),
    "padded and cropped": ([*layer("ZeroPadding2D", padding=[[1, 2], 0]), *layer("Cropping2D", cropping=1)], {}),
    "normalised": (
        [*layer("UnitNormalization", axis=-4), *layer("RMSNormalization", axis=[2, 3]), *layer("BatchNormalization", axis=1),
         *layer("GroupNormalization", groups=-1), *layer("LayerNormalization", axis=[1, 2, 3])],
        {},
    ),
    "shared": ([CONV], {"activation": SHARED}),
    "repeated": ([5, *layer("RepeatVector", n=3), *layer("Permute", dims=[2, 1]), *layer("LSTM", units=2)], {}),
    "noise": ([*layer("Dropout", rate=0.5, noise_shape=[None, 1, 1, 1]), *layer("GaussianNoise", stddev=0.5)], {}),
    "no weights": ([10], {"output": "none"}),
    "pooled classes": ([{**CONV, "filters": 10}, POOL], {"output": "none"}),
    "towers": ([CONV] * 3, {"towers": 2, "joint": [4]}),
    "penalised": ([CONV], penalty(kernel_constraint={"name": "max_norm", "axis": [0, 1, 2]}, kernel_regularizer="l2")),
    "identity": ([4, {"units": 4, "initializer": "identity"}], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FIT)
def test_what_fits_is_built(name: str) -> None:
    layers, more = FIT[name]
    patch = {"regularisation": more["regularisation"]} if "regularisation" in more else {}
    assert built(layers, patch, **{} if patch else more).built


def test_what_would_not_fit_into_memory_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.build.built import BuildError

    monkeypatch.setattr("pipeline.build.initializers.memory", lambda: 1_000_000)
    assert built([500])
    with pytest.raises(BuildError) as caught:
        built([500, 500])
    assert str(caught.value).startswith(
        "model.layers[1]: the model's weights would take 0.0 GB or more, with block1_dense/kernel, (500, 500)"
    )
    monkeypatch.undo()
    with pytest.raises(BuildError, match=r"would take [\d,.]+ GB"):
        built([10**6, 10**6])
