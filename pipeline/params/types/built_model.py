"""A model that a function builds: one of the user's own, or one of `keras.applications`."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from pipeline.core.errors import UserError, nearest
from pipeline.core.plugins import is_plugin, locate
from pipeline.core.project import root
from pipeline.params.faults import FaultsError, fault_at, invalid, listing, show
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.arguments import missing_arguments, unknown_arguments
from pipeline.params.keras_names.signatures import Argument, parameters
from pipeline.params.keras_names.vocabulary import unknown_name
from pipeline.params.numbers import is_integer
from pipeline.params.spec import Spec, at_most

GIVEN = ("input_shape", "outputs", "hp")
"""The arguments that a function of the user's own gets where its signature names them."""
NOT_OF_APPLICATIONS = (
    "input_tensor",
    "input_shape",
    "include_top",
    "classes",
    "classifier_activation",
    "name",
)
"""The arguments of `keras.applications` that the data and the task decide."""
REPLACEABLE = ("activation", "layer", "initializer", "regularizer")

Patterns = Annotated[tuple[str, ...], Field(strict=False, max_length=100), at_most(100)]
"""Names of layers, in which `*` stands for any characters and `?` for one."""


def _read_replace(value: Any) -> Any:
    if not isinstance(value, Mapping):
        raise invalid(f"must be a mapping of {listing(REPLACEABLE)}; got {show(value)}")
    faults = [
        fault_at(f"must be one of {listing(REPLACEABLE)}.{nearest(str(kind), REPLACEABLE)}", str(kind))
        for kind in value
        if kind not in REPLACEABLE
    ]
    faults += [
        fault_at(f"must be a mapping of what is replaced to its replacement; got {show(swaps)}", kind)
        for kind, swaps in value.items()
        if kind in REPLACEABLE and not (isinstance(swaps, Mapping) and swaps)
    ]
    if faults:
        raise FaultsError(*faults)
    return value


Replacements = Annotated[dict[str, dict[str, Any]], BeforeValidator(_read_replace)]


class BuiltModel(Spec):
    """A model that a function returns; every other key is one of the function's arguments.

    `build`: a function of the user's own, or a class derived from `keras.Model`, as `module:name`. Where its signature
    names them it gets `input_shape` (without the batch; a mapping for several inputs), `outputs` (the number of classes,
    labels or targets) and `hp`, Keras Tuner's hyperparameters. `application`: one of `keras.applications`.
    `without`: patterns of layers to take out. `replace`: what to exchange everywhere but in the head.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", allow_inf_nan=False)

    build: str | None = None
    application: str | None = None
    without: Patterns = ()
    replace: Replacements = Field(default_factory=dict)

    @model_serializer(mode="wrap")
    def _of_one_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = "application" if self.build is not None else "build"
        return {key: value for key, value in handler(self).items() if key != unused}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments written for the function."""
        return dict(self.model_extra or {})

    @property
    def takes_hyperparameters(self) -> bool:
        """Whether the function's signature names `hp`, so that it is a `build(hp)` of Keras Tuner's."""
        return self.build is not None and "hp" in (_parameters(self.build) or ())

    @model_validator(mode="after")
    def _is_callable(self) -> Self:
        if self.build is not None:
            _check_build(self.build, self.arguments)
        elif self.application is not None:
            return self._of_keras(self.application)
        return self

    def _of_keras(self, name: str) -> Self:
        """Return this model with the application's name as Keras spells it; raises `FaultsError`."""
        symbol = catalogue.find("applications", name)
        if symbol is None:
            raise invalid(unknown_name(name, "applications").replace(", or module:Name", ""), "application")
        offered = {
            key: argument
            for key, argument in catalogue.arguments(symbol).items()
            if key not in NOT_OF_APPLICATIONS
        }
        _check_arguments(symbol.name, offered, self.arguments)
        return self if symbol.name == name else self.model_copy(update={"application": symbol.name})


def _parameters(name: str) -> Mapping[str, Argument] | None:
    """Return the parameters of a function, read from its source; None where it takes any."""
    return parameters(locate(name, root()), name.partition(":")[2])


def _check_build(name: str, written: Mapping[str, Any]) -> None:
    if not is_plugin(name):
        raise invalid(f"must be a function of yours, as module:name; got {show(name)}", "build")
    try:
        offered = _parameters(name)
    except UserError as error:
        raise invalid(str(error), "build") from None
    if offered is None or "hp" in offered:  # takes any argument, or declares what it takes as it runs
        return
    _check_arguments(name, {key: item for key, item in offered.items() if key not in GIVEN}, written)


def _check_arguments(name: str, offered: Mapping[str, Argument], written: Mapping[str, Any]) -> None:
    faults = [*unknown_arguments(name, offered, written), *missing_arguments(name, offered, written)]
    faults += [
        fault_at(
            f"must be {'true or false' if isinstance(default, bool) else 'a number'}; got {show(value)}", key
        )
        for key, value in written.items()
        if key in offered and value is not None and not _fits(value, default := offered[key].default)
    ]
    if faults:
        raise FaultsError(*faults)


def _fits(value: object, default: object) -> bool:
    """Return whether an argument has the kind of value that its default has, where that says something."""
    if isinstance(default, bool):
        return isinstance(value, bool)
    if is_integer(default) or isinstance(default, float):
        return not isinstance(value, str | bool | Mapping)
    return True
