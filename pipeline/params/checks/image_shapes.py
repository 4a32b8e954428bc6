"""The output shapes of convolutions, pooling and other layers that Keras has for one, two and three extents."""

from collections.abc import Callable

from pipeline.params.checks.layer_settings import (
    Settings,
    channels_first,
    edges,
    whole_number,
    whole_numbers,
    word,
)
from pipeline.params.faults import FaultsError, invalid, show

Shape = tuple[int, ...]
ImageRule = Callable[[int, Shape, Settings], Shape]
"""Returns the output shape for a number of extents, an input shape and a layer's settings."""

INPUT = {1: "[steps, channels]", 2: "[height, width, channels]", 3: "[depth, height, width, channels]"}


def unfit(expected: str, shape: Shape) -> FaultsError:
    """Return the error for an input with another number of axes than the layer takes."""
    return invalid(f"needs {expected}; got {show(list(shape))}")


def _split(rank: int, shape: Shape, settings: Settings) -> tuple[Shape, int]:
    """Return the extents of the input, and its channels."""
    if len(shape) != rank + 1:
        raise unfit(INPUT[rank], shape)
    return (shape[1:], shape[0]) if channels_first(settings) else (shape[:-1], shape[-1])


def _joined(extents: Shape, channels: int, settings: Settings) -> Shape:
    return (channels, *extents) if channels_first(settings) else (*extents, channels)


def _by(extents: Shape) -> str:
    """Return `4 x 4` for two extents."""
    return " x ".join(map(str, extents))


def _slid(extents: Shape, reach: Shape, strides: Shape, padding: str) -> Shape:
    """Return how many windows of `reach`, `strides` apart, fit into each extent."""
    if padding != "valid":
        return tuple((extent - 1) // stride + 1 for extent, stride in zip(extents, strides, strict=True))
    sides = list(zip(extents, reach, strides, strict=True))
    if any(window > extent for extent, window, _ in sides):
        raise invalid(f"needs at least {_by(reach)} without padding; got {_by(extents)}")
    return tuple((extent - window) // stride + 1 for extent, window, stride in sides)


def _kernel(rank: int, settings: Settings) -> tuple[Shape, Shape]:
    """Return how far a kernel reaches along each extent, and its strides."""
    sizes, gaps = whole_numbers(settings, "kernel_size", rank), whole_numbers(settings, "dilation_rate", rank)
    reach = tuple((size - 1) * gap + 1 for size, gap in zip(sizes, gaps, strict=True))
    return reach, whole_numbers(settings, "strides", rank)


def _gapless(rank: int, settings: Settings) -> None:
    if (
        max(whole_numbers(settings, "strides", rank)) > 1
        and max(whole_numbers(settings, "dilation_rate", rank)) > 1
    ):
        raise invalid("must be 1 where the strides are not; one excludes the other", "dilation_rate")


def _convolved(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    _gapless(rank, settings)
    filters, groups = whole_number(settings, "filters"), whole_number(settings, "groups")
    for what, number in (("filters", filters), ("input channels", channels)):
        if number % groups:
            raise invalid(f"must divide the {number} {what}; got {groups}", "groups")
    padding = word(settings, "padding", "valid", "same", *(["causal"] if rank == 1 else []), fold=True)
    return _joined(_slid(extents, *_kernel(rank, settings), padding), filters, settings)


def _depthwise(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    padding = word(settings, "padding", "valid", "same", fold=True)
    windows = _slid(extents, *_kernel(rank, settings), padding)
    return _joined(windows, channels * whole_number(settings, "depth_multiplier"), settings)


def _separable(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, _ = _split(rank, _depthwise(rank, shape, settings), settings)
    return _joined(extents, whole_number(settings, "filters"), settings)


def _transposed(rank: int, shape: Shape, settings: Settings) -> Shape:
    """After `compute_conv_transpose_output_shape` of `keras/src/backend/common/backend_utils.py`."""
    extents, _ = _split(rank, shape, settings)
    _gapless(rank, settings)
    reach, strides = _kernel(rank, settings)
    same = word(settings, "padding", "valid", "same", fold=True) == "same"
    ends = _ends(rank, settings, same, list(zip(reach, strides, strict=True)))
    outputs = tuple(
        (extent - 1) * stride + end for extent, stride, end in zip(extents, strides, ends, strict=True)
    )
    return _joined(outputs, whole_number(settings, "filters"), settings)


def _ends(rank: int, settings: Settings, same: bool, sides: list[tuple[int, int]]) -> list[int]:
    """Return how far the last window of a transposed convolution reaches along each extent."""
    if settings["output_padding"] is None:
        return [stride if same else max(window, stride) for window, stride in sides]
    extras = whole_numbers(settings, "output_padding", rank, least=0)
    if any(extra >= stride for extra, (_, stride) in zip(extras, sides, strict=True)):
        raise invalid(f"must be below the strides; got {_by(extras)}", "output_padding")
    ends = [
        (window % 2 if same else window) + extra for extra, (window, _) in zip(extras, sides, strict=True)
    ]
    if min(ends) < 1:
        raise invalid(
            f"must be at least 1 with padding same and an even kernel; got {_by(extras)}", "output_padding"
        )
    return ends


def _pooled(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    pool = whole_numbers(settings, "pool_size", rank)
    strides = pool if settings["strides"] is None else whole_numbers(settings, "strides", rank)
    return _joined(
        _slid(extents, pool, strides, word(settings, "padding", "valid", "same")), channels, settings
    )


def _pooled_to(rank: int, shape: Shape, settings: Settings) -> Shape:
    """Keras takes windows one wider than needed: to 1, or from 1, they are wider than the input, and TensorFlow crashes."""
    extents, channels = _split(rank, shape, settings)
    size = whole_numbers(settings, "output_size", rank)
    if min(*size, *extents) < 2:
        raise invalid(
            f"must be above 1, and so must the input; got {_by(size)} of {_by(extents)}", "output_size"
        )
    return _joined(size, channels, settings)


def _pooled_away(rank: int, shape: Shape, settings: Settings) -> Shape:
    _, channels = _split(rank, shape, settings)
    return _joined((1,) * rank, channels, settings) if settings["keepdims"] else (channels,)


def _padded(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    sides = zip(extents, edges(settings, "padding", rank), strict=True)
    return _joined(tuple(extent + sum(edge) for extent, edge in sides), channels, settings)


def _cropped(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    cut = tuple(sum(edge) for edge in edges(settings, "cropping", rank))
    left = tuple(extent - loss for extent, loss in zip(extents, cut, strict=True))
    if min(left) < 1:
        raise invalid(f"must leave something; it cuts {_by(cut)} from {_by(extents)}", "cropping")
    return _joined(left, channels, settings)


def _enlarged(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    sides = zip(extents, whole_numbers(settings, "size", rank), strict=True)
    return _joined(tuple(extent * factor for extent, factor in sides), channels, settings)


def _kept(rank: int, shape: Shape, settings: Settings) -> Shape:
    _split(rank, shape, settings)
    return shape


OF_RANK: dict[str, ImageRule] = {
    "Conv{}D": _convolved,
    "Conv{}DTranspose": _transposed,
    "DepthwiseConv{}D": _depthwise,
    "SeparableConv{}D": _separable,
    "MaxPooling{}D": _pooled,
    "AveragePooling{}D": _pooled,
    "AdaptiveMaxPooling{}D": _pooled_to,
    "AdaptiveAveragePooling{}D": _pooled_to,
    "GlobalMaxPooling{}D": _pooled_away,
    "GlobalAveragePooling{}D": _pooled_away,
    "ZeroPadding{}D": _padded,
    "Cropping{}D": _cropped,
    "UpSampling{}D": _enlarged,
    "SpatialDropout{}D": _kept,
}
