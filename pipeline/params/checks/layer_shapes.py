"""The output shape of a layer of Keras, from its input shape and its arguments, without Keras.

Shapes are those of one image, without the batch: `[height, width, channels]`, or `[features]`. A rule returns None for a
shape that it does not know, and raises `FaultsError` for what Keras would not build, or could not run.
"""

from collections.abc import Callable
from functools import partial
from math import prod

from pipeline.params.checks.image_shapes import INPUT, OF_RANK, Shape, unfit
from pipeline.params.checks.layer_settings import (
    Settings,
    as_list,
    axes,
    channels_first,
    complete,
    is_whole,
    whole_number,
)
from pipeline.params.faults import invalid, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import Namespace

Rule = Callable[[Shape, Settings], Shape | None]


def layer_shape(name: str, written: Settings, shape: Shape) -> Shape | None:
    """Return the output shape of the layer `name`, or None where there is no rule for it.

    Raises `FaultsError` for what does not fit, its place relative to the layer.
    """
    rule = LAYERS.get(name)
    return rule(shape, complete("layers", name, written)) if rule else None


def activation_shape(name: str, written: Settings, shape: Shape) -> Shape | None:
    """Return the output shape of an activation, equal to its input's; None for a user's own. Raises as `layer_shape`."""
    if ":" in name:
        return None
    space: Namespace = "activations" if catalogue.find("activations", name) else "activation_layers"
    return ACTIVATIONS.get(name, _kept)(shape, complete(space, name, written))


def flat(shape: Shape) -> Shape:
    """Return the shape of the same values as one vector."""
    return (prod(shape),)


def _kept(shape: Shape, _: Settings) -> Shape:
    return shape


def _along(shape: Shape, settings: Settings, lists: bool, batch: bool) -> Shape:
    axes(settings, len(shape), lists, batch)
    return shape


def _grouped(shape: Shape, settings: Settings) -> Shape:
    (axis,) = axes(settings, len(shape), lists=False, batch=False)
    channels, groups = shape[axis - 1], settings["groups"]
    if groups != -1 and channels % whole_number(settings, "groups"):
        raise invalid(f"must divide the {channels} input channels; got {groups}", "groups")
    return shape


def _scaled_by_rms(shape: Shape, settings: Settings) -> Shape:
    """Keras multiplies by a scale of the shape of these axes, which broadcasts only along the last."""
    scaled = sorted(axes(settings, len(shape), lists=True, batch=False))
    if tuple(shape[axis - 1] for axis in scaled) != shape[-len(scaled) :]:
        raise invalid(f"must be the last, along which Keras scales; got {show(settings['axis'])}", "axis")
    return shape


def _shared(shape: Shape, settings: Settings) -> Shape:
    value, rank = settings["shared_axes"], len(shape)
    shared = [] if value is None else as_list(value)
    if not all(is_whole(axis, 1 - rank) and axis <= rank for axis in shared):
        raise invalid(f"must be among the axes 1 to {rank} of the input; got {show(value)}", "shared_axes")
    return shape


def _dropped(shape: Shape, settings: Settings) -> Shape:
    """A noise shape must broadcast to the input; None means the extent of the input."""
    value, batched = settings["noise_shape"], (None, *shape)
    if value is None:
        return shape
    sides = as_list(value)
    mask = [end if side is None else side for side, end in zip(sides, batched, strict=False)]
    if len(sides) > len(batched) or any(
        side not in (1, end) for side, end in zip(mask[::-1], batched[::-1], strict=False)
    ):
        raise invalid(f"must broadcast to {show(['null', *shape])}; got {show(value)}", "noise_shape")
    return shape


def _rescaled(shape: Shape, settings: Settings) -> Shape:
    for name in ("scale", "offset"):
        factors = as_list(settings[name])
        if len(factors) not in (1, shape[-1]) or not all(
            isinstance(factor, int | float) for factor in factors
        ):
            text = (
                f"must be a number, or one for each of the {shape[-1]} channels; got {show(settings[name])}"
            )
            raise invalid(text, name)
    return shape


def _dense(shape: Shape, settings: Settings) -> Shape:
    return (*shape[:-1], whole_number(settings, "units"))


def _flattened(shape: Shape, settings: Settings) -> Shape:
    channels_first(settings)
    return flat(shape)


def _reshaped(shape: Shape, settings: Settings) -> Shape:
    value, size = settings["target_shape"], prod(shape)
    sides = list(value) if isinstance(value, list | tuple) else []
    if not sides or not all(is_whole(side, -1) for side in sides) or sides.count(-1) > 1:
        raise invalid(f"must be a list of whole numbers, one at most -1; got {show(value)}", "target_shape")
    known, free = prod(side for side in sides if side != -1), -1 in sides
    if not known or size % known or (size != known and not free):
        raise invalid(f"must hold the {size} input values; got {show(value)}", "target_shape")
    return tuple(size // known if side == -1 else side for side in sides)


def _permuted(shape: Shape, settings: Settings) -> Shape:
    order, dims = settings["dims"], list(range(1, len(shape) + 1))
    if (
        not isinstance(order, list | tuple)
        or not all(is_whole(axis, 1) for axis in order)
        or sorted(order) != dims
    ):
        raise invalid(f"must be {show(dims)} in some order; got {show(order)}", "dims")
    return tuple(shape[axis - 1] for axis in order)


def _repeated(shape: Shape, settings: Settings) -> Shape:
    if len(shape) != 1:
        raise unfit("[features]", shape)
    return (whole_number(settings, "n"), *shape)


ACTIVATIONS: dict[str, Rule] = {
    **dict.fromkeys(("softmax", "log_softmax", "sparsemax"), partial(_along, lists=False, batch=True)),
    "Softmax": partial(_along, lists=True, batch=True),
    "PReLU": _shared,
}
LAYERS: dict[str, Rule] = {
    **{name.format(rank): partial(rule, rank) for name, rule in OF_RANK.items() for rank in INPUT},
    **dict.fromkeys(("ELU", "GaussianDropout", "GaussianNoise", "Identity", "LeakyReLU", "ReLU"), _kept),
    **{name: ACTIVATIONS[name] for name in ("PReLU", "Softmax")},
    **dict.fromkeys(("AlphaDropout", "Dropout"), _dropped),
    "BatchNormalization": partial(_along, lists=False, batch=False),
    "LayerNormalization": partial(_along, lists=True, batch=False),
    "UnitNormalization": partial(_along, lists=True, batch=True),
    "RMSNormalization": _scaled_by_rms,
    "GroupNormalization": _grouped,
    "Dense": _dense,
    "Flatten": _flattened,
    "Permute": _permuted,
    "RepeatVector": _repeated,
    "Rescaling": _rescaled,
    "Reshape": _reshaped,
}
