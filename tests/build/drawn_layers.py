"""Layers of Keras with arguments of any size, drawn by hypothesis."""

from typing import Any

from hypothesis import strategies as st

Call = tuple[str, dict[str, Any]]
Drawn = dict[str, tuple[dict[str, Any], dict[str, Any]]]

FORMAT = {"data_format": st.sampled_from(["channels_last", "channels_first"])}
AXIS = {"axis": st.integers(-5, 5)}


def calls(least: int) -> st.SearchStrategy[Call]:
    """Draw a layer's name and its arguments; those that count something are `least` or more."""
    drawn = _drawn(least)
    return st.sampled_from(sorted(drawn)).flatmap(
        lambda name: st.tuples(st.just(name), st.fixed_dictionaries(drawn[name][0], optional=drawn[name][1]))
    )


def _drawn(least: int) -> Drawn:
    """Return the arguments that must be given, and those that may be, by layer."""
    count = st.integers(least, 6)
    pair = st.lists(st.integers(1, 4), min_size=2, max_size=2)
    sides = st.one_of(st.integers(least, 5), pair)
    edges = st.one_of(st.integers(0, 4), pair, st.lists(st.one_of(pair, st.just(0)), min_size=2, max_size=2))
    window = {**FORMAT, "strides": sides, "padding": st.sampled_from(["same", "valid"])}
    kernel = {**window, "dilation_rate": st.sampled_from([1, 2, [1, 3]])}
    filters = {"filters": count, "kernel_size": sides}
    return {
        "Conv2D": (filters, {**kernel, "groups": count}),
        "Conv2DTranspose": (filters, {**kernel, "output_padding": st.integers(0, 2)}),
        "SeparableConv2D": (filters, {**kernel, "depth_multiplier": count}),
        "DepthwiseConv2D": ({"kernel_size": sides}, {**kernel, "depth_multiplier": count}),
        "MaxPooling2D": ({}, {**window, "pool_size": sides}),
        "AveragePooling2D": ({"pool_size": sides}, window),
        "AdaptiveMaxPooling2D": ({"output_size": sides}, FORMAT),
        "AdaptiveAveragePooling2D": ({"output_size": sides}, FORMAT),
        "GlobalMaxPooling2D": ({}, {**FORMAT, "keepdims": st.booleans()}),
        "ZeroPadding2D": ({}, {**FORMAT, "padding": edges}),
        "Cropping2D": ({}, {**FORMAT, "cropping": edges}),
        "UpSampling2D": ({}, {**FORMAT, "size": sides}),
        "GroupNormalization": ({}, {**AXIS, "groups": st.integers(-1, 4)}),
        "BatchNormalization": ({}, AXIS),
        "LayerNormalization": ({}, AXIS),
        "UnitNormalization": ({}, AXIS),
        "RMSNormalization": ({}, AXIS),
        "Softmax": ({}, AXIS),
        "PReLU": ({}, {"shared_axes": st.lists(st.integers(-3, 5), max_size=2)}),
        "Reshape": (
            {"target_shape": st.lists(st.sampled_from([-1, 1, 2, 4, 7, 8, 9, 32]), min_size=1, max_size=3)},
            {},
        ),
        "Permute": ({"dims": st.permutations([1, 2, 3])}, {}),
        "Dense": ({"units": count}, {}),
        "Dropout": ({"rate": st.sampled_from([0, 0.5, 1])}, {}),
        "RepeatVector": ({"n": count}, {}),
    }
