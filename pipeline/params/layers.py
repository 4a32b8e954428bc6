"""The layers of a model as a user writes them, and in their canonical form."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from pipeline.params.faults import fault, faults_of, reject, show
from pipeline.params.names import Activation, Initializer, Named, read_named
from pipeline.params.spec import Spec, at_most, shape

PLACES = ("input", "before", "after")


def read_places(value: Any) -> Any:
    """Return where batch normalisation goes as a tuple, from a list, one word or `none`."""
    words = [] if value == "none" else [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(
        isinstance(word, str) and word in PLACES for word in words
    ):
        raise reject(fault(f"must be none, or some of {', '.join(PLACES)}; got {show(value)}"))
    if {"before", "after"} <= set(words):
        raise reject(
            fault("before and after exclude each other (batch normalisation before or after the activation)")
        )
    return tuple(place for place in PLACES if place in words)


def read_noise(value: Any) -> Any:
    """Return dropout as a mapping: a bare rate is `Dropout`'s, else a regularization layer."""
    if isinstance(value, Noise) or value is None:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = {"name": "Dropout", "rate": value}
    found = read_named(value, "noise", given=frozenset({"where"}))
    rate = found.get("rate")
    if isinstance(rate, int | float) and not isinstance(rate, bool):
        if not 0 <= rate < 1:
            raise reject(fault(f"must be a fraction of at least 0 and below 1; got {show(rate)}", "rate"))
        return {**found, "rate": float(rate)}
    if "rate" in found:
        raise reject(fault(f"must be a fraction of at least 0 and below 1; got {show(rate)}", "rate"))
    return found


def read_pair(value: Any) -> Any:
    """Return a height and a width from one number for both, or from a list of two."""
    pair = value if isinstance(value, list | tuple) else [value, value]
    if len(pair) != 2 or not all(
        isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in pair
    ):
        raise reject(fault(f"must be a whole number above 0, or [height, width]; got {show(value)}"))
    return tuple(pair)


class Noise(Named):
    """Dropout or the like, `before` each dense layer (the output too) or `after` each hidden one."""

    where: Literal["before", "after"] = "after"


Places = Annotated[
    tuple[Literal["input", "before", "after"], ...], BeforeValidator(read_places), shape("places")
]
Dropout = Annotated[Noise, BeforeValidator(read_noise), shape("dropout")]
Pair = Annotated[tuple[int, int], BeforeValidator(read_pair), shape("pair")]


Width = Annotated[int, Field(ge=1, le=1_000_000)]


class Block(Spec):
    """What dense and convolutional layers share, `repeat` of them in a row; None: the model's own setting."""

    repeat: Annotated[int, Field(ge=1, le=10_000)] = 1
    activation: Activation | None = None
    initializer: Initializer | None = None
    dropout: Dropout | None = None
    normalisation: Places | None = None
    use_bias: bool | None = None

    @model_serializer(mode="wrap")
    def _without_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}


class DenseLayer(Block):
    """A dense hidden layer of `units`."""

    units: Width


class ConvLayer(Block):
    """A two-dimensional convolution with `filters`; kernel size and strides are (height, width) in pixels."""

    filters: Width
    kernel_size: Pair
    strides: Pair = (1, 1)
    padding: Literal["same", "valid"] = "same"


class KerasLayer(Named):
    """Any other layer of Keras, or the user's, with its own arguments."""


AnyLayer = DenseLayer | ConvLayer | KerasLayer


def title(layer: object) -> str:
    """Return how a message speaks of a layer."""
    if isinstance(layer, KerasLayer):
        return layer.name
    return "a convolution" if isinstance(layer, ConvLayer) else "a dense layer"


def read_layer(value: Any) -> Any:
    """Return the layer that a number of units, a name or a mapping describes; rejects with every fault."""
    if isinstance(value, AnyLayer):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return _typed(DenseLayer, {"units": value})
    if isinstance(value, dict) and "name" not in value and ("units" in value or "filters" in value):
        return _typed(ConvLayer if "filters" in value else DenseLayer, value)
    if isinstance(value, str) or (isinstance(value, dict) and "name" in value):
        return KerasLayer(**read_named(value, "layers"))
    forms = "a number of units, {units: ...}, {filters: ..., kernel_size: ...} or {name: a layer of Keras}"
    raise reject(fault(f"must be {forms}; got {show(value)}"))


def _typed(kind: Callable[..., Any], value: dict[str, Any]) -> Any:
    try:
        return kind(**value)
    except ValidationError as error:
        raise reject(*faults_of(error)) from None


Layer = Annotated[AnyLayer, BeforeValidator(read_layer), shape("layer")]
Layers = Annotated[tuple[Layer, ...], Field(strict=False, max_length=1000), at_most(1000)]
