"""The layers of a model as a user writes them, and in their canonical form."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from pipeline.params.faults import invalid, read_as, show
from pipeline.params.keras_names.named import Activation, Initializer, Named, read_named
from pipeline.params.numbers import is_integer, is_number
from pipeline.params.spec import Spec, at_most, defined_as

PLACES = ("input", "before", "after")


def read_places(value: Any) -> Any:
    """Return the places of batch normalisation as a tuple, from a list, one word or `none`."""
    words = [] if value == "none" else [value] if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(
        isinstance(word, str) and word in PLACES for word in words
    ):
        raise invalid(f"must be none, or some of {', '.join(PLACES)}; got {show(value)}")
    if {"before", "after"} <= set(words):
        text = "before and after exclude each other (batch normalisation before or after the activation)"
        raise invalid(text)
    return tuple(place for place in PLACES if place in words)


def read_normalisation(value: Any) -> Any:
    """Return batch normalisation as a mapping of its places and the arguments of `BatchNormalization`."""
    if isinstance(value, Normalisation) or value is None:
        return value
    if not isinstance(value, Mapping):
        return {"where": read_places(value)}
    if "axis" in value:
        raise invalid("is always the last, that of units or channels; leave it out", "axis")
    read = read_named({**value, "name": "BatchNormalization"}, "layers", elsewhere=frozenset({"where"}))
    arguments = {key: item for key, item in read.items() if key not in ("name", "where")}
    where = read_places(value.get("where", "none"))
    if arguments and not where:
        raise invalid(
            f"is missing: some of {', '.join(PLACES)}, to normalise with {show(arguments)}", "where"
        )
    return {"where": where, **arguments}


def read_noise(value: Any) -> Any:
    """Return dropout as a mapping: a bare rate is `Dropout`'s, else a regularization layer."""
    if isinstance(value, Noise) or value is None:
        return value
    named = {"name": "Dropout", "rate": value} if is_number(value) else value
    noise = read_named(named, "noise", elsewhere=frozenset({"where"}))
    if "rate" not in noise:
        return noise
    rate = noise["rate"]
    if not is_number(rate) or not 0 <= rate < 1:
        raise invalid(f"must be a fraction of at least 0 and below 1; got {show(rate)}", "rate")
    return {**noise, "rate": float(rate)}


def read_pair(value: Any) -> Any:
    """Return a height and a width from one number for both, or from a list of two."""
    pair = value if isinstance(value, list | tuple) else [value, value]
    if len(pair) != 2 or not all(is_integer(side) and side > 0 for side in pair):
        raise invalid(f"must be a whole number above 0, or [height, width]; got {show(value)}")
    return tuple(pair)


class Noise(Named):
    """Dropout or another regularization layer, `before` each dense layer (the output too) or `after` each hidden one."""

    where: Literal["before", "after"] = "after"


class Normalisation(Spec):
    """Batch normalisation in the places `where`, with arguments of `keras.layers.BatchNormalization`: `{scale: false}`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)

    where: Annotated[tuple[Literal["input", "before", "after"], ...], Field(strict=False)] = ()

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments written, those of every place."""
        return dict(self.model_extra or {})

    @model_serializer
    def _plain(self) -> list[str] | dict[str, Any]:
        where: list[str] = list(self.where)
        return {"where": where, **self.arguments} if self.arguments else where


Places = Annotated[Normalisation, BeforeValidator(read_normalisation), defined_as("places")]
Dropout = Annotated[Noise, BeforeValidator(read_noise), defined_as("dropout")]
Pair = Annotated[tuple[int, int], BeforeValidator(read_pair), defined_as("pair")]
Width = Annotated[int, Field(ge=1, le=1_000_000)]


class Block(Spec):
    """The settings of dense and convolutional layers, `repeat` of them in a row; None: the model's own setting."""

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


def read_layer(value: Any) -> Any:
    """Return the layer in a number of units, a name or a mapping; raises `FaultsError` with every fault."""
    if isinstance(value, AnyLayer):
        return value
    if is_integer(value):
        return read_as(DenseLayer, {"units": value})
    if isinstance(value, str) or (isinstance(value, dict) and "name" in value):
        return KerasLayer(**read_named(value, "layers"))
    if isinstance(value, dict) and ("units" in value or "filters" in value):
        return read_as(ConvLayer if "filters" in value else DenseLayer, value)
    forms = "a number of units, {units: ...}, {filters: ..., kernel_size: ...} or {name: a layer of Keras}"
    raise invalid(f"must be {forms}; got {show(value)}")


Layer = Annotated[AnyLayer, BeforeValidator(read_layer), defined_as("layer")]
Layers = Annotated[tuple[Layer, ...], Field(strict=False, max_length=1000), at_most(1000)]
