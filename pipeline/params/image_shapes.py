"""The shapes that convolutions, pooling and their like give: layers that Keras has for one, two and three extents."""

from collections.abc import Callable

from pydantic_core import PydanticCustomError

from pipeline.params.faults import show
from pipeline.params.layer_settings import Settings, channels_first, each, edges, one, word, wrong

Shape = tuple[int, ...]
ImageRule = Callable[[int, Shape, Settings], Shape]  # the first argument counts the extents

WANTED = {1: "[steps, channels]", 2: "[height, width, channels]", 3: "[depth, height, width, channels]"}


def unfit(wanted: str, shape: Shape) -> PydanticCustomError:
    """Return the error for a layer that takes another number of axes than come."""
    return wrong(f"needs {wanted}; {show(list(shape))} came")


def _split(rank: int, shape: Shape, settings: Settings) -> tuple[Shape, int]:
    """Return the extents of what comes, and its channels."""
    if len(shape) != rank + 1:
        raise unfit(WANTED[rank], shape)
    return (shape[1:], shape[0]) if channels_first(settings) else (shape[:-1], shape[-1])


def _joined(extents: Shape, channels: int, settings: Settings) -> Shape:
    return (channels, *extents) if channels_first(settings) else (*extents, channels)


def _by(extents: Shape) -> str:
    """Return `4 x 4` for two extents."""
    return " x ".join(map(str, extents))


def _slid(extents: Shape, reach: Shape, strides: Shape, padding: str) -> Shape:
    """Return how often a window of `reach` fits into each extent, `strides` apart."""
    if padding != "valid":
        return tuple((extent - 1) // stride + 1 for extent, stride in zip(extents, strides, strict=True))
    sides = list(zip(extents, reach, strides, strict=True))
    if any(window > extent for extent, window, _ in sides):
        raise wrong(f"needs at least {_by(reach)} without padding; {_by(extents)} came")
    return tuple((extent - window) // stride + 1 for extent, window, stride in sides)


def _kernel(rank: int, settings: Settings) -> tuple[Shape, Shape]:
    """Return how far a kernel reaches along each extent, and its strides."""
    sizes, gaps = each(settings, "kernel_size", rank), each(settings, "dilation_rate", rank)
    reach = tuple((size - 1) * gap + 1 for size, gap in zip(sizes, gaps, strict=True))
    return reach, each(settings, "strides", rank)


def _gapless(rank: int, settings: Settings) -> None:
    if max(each(settings, "strides", rank)) > 1 and max(each(settings, "dilation_rate", rank)) > 1:
        raise wrong("must be 1 where the strides are not; one excludes the other", "dilation_rate")


def _convolved(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    _gapless(rank, settings)
    filters, groups = one(settings, "filters"), one(settings, "groups")
    for what, number in (("filters", filters), ("channels that come", channels)):
        if number % groups:
            raise wrong(f"must divide the {number} {what}; got {groups}", "groups")
    padding = word(settings, "padding", "valid", "same", *(["causal"] if rank == 1 else []), fold=True)
    return _joined(_slid(extents, *_kernel(rank, settings), padding), filters, settings)


def _depthwise(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    padding = word(settings, "padding", "valid", "same", fold=True)
    made = _slid(extents, *_kernel(rank, settings), padding)
    return _joined(made, channels * one(settings, "depth_multiplier"), settings)


def _separable(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, _ = _split(rank, _depthwise(rank, shape, settings), settings)
    return _joined(extents, one(settings, "filters"), settings)


def _transposed(rank: int, shape: Shape, settings: Settings) -> Shape:
    """After `compute_conv_transpose_output_shape` of `keras/src/backend/common/backend_utils.py`."""
    extents, _ = _split(rank, shape, settings)
    _gapless(rank, settings)
    reach, strides = _kernel(rank, settings)
    same = word(settings, "padding", "valid", "same", fold=True) == "same"
    ends = _ends(rank, settings, same, list(zip(reach, strides, strict=True)))
    made = tuple(
        (extent - 1) * stride + end for extent, stride, end in zip(extents, strides, ends, strict=True)
    )
    return _joined(made, one(settings, "filters"), settings)


def _ends(rank: int, settings: Settings, same: bool, sides: list[tuple[int, int]]) -> list[int]:
    """Return how far the last window of a transposed convolution reaches along each extent."""
    if settings["output_padding"] is None:
        return [stride if same else max(window, stride) for window, stride in sides]
    more = each(settings, "output_padding", rank, least=0)
    if any(extra >= stride for extra, (_, stride) in zip(more, sides, strict=True)):
        raise wrong(f"must be below the strides; got {_by(more)}", "output_padding")
    ends = [(window % 2 if same else window) + extra for extra, (window, _) in zip(more, sides, strict=True)]
    if min(ends) < 1:
        raise wrong(
            f"must be at least 1 with padding same and an even kernel; got {_by(more)}", "output_padding"
        )
    return ends


def _pooled(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    pool = each(settings, "pool_size", rank)
    strides = pool if settings["strides"] is None else each(settings, "strides", rank)
    return _joined(
        _slid(extents, pool, strides, word(settings, "padding", "valid", "same")), channels, settings
    )


def _pooled_to(rank: int, shape: Shape, settings: Settings) -> Shape:
    """Keras takes windows one wider than need be: to 1, or from 1, they are wider than what comes, and TensorFlow dies."""
    extents, channels = _split(rank, shape, settings)
    size = each(settings, "output_size", rank)
    if min(*size, *extents) < 2:
        raise wrong(
            f"must be above 1, and so must what comes; got {_by(size)} of {_by(extents)}", "output_size"
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
        raise wrong(f"must leave something; it takes {_by(cut)} from {_by(extents)}", "cropping")
    return _joined(left, channels, settings)


def _enlarged(rank: int, shape: Shape, settings: Settings) -> Shape:
    extents, channels = _split(rank, shape, settings)
    sides = zip(extents, each(settings, "size", rank), strict=True)
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
