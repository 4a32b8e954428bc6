"""Learning-rate schedules: ours, each a typed record, or any class of `keras.optimizers.schedules`."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from pipeline.params.faults import Fault, FaultsError, invalid, read_as
from pipeline.params.keras_names import catalogue
from pipeline.params.keras_names.catalogue import fold
from pipeline.params.keras_names.named import Named, read_named
from pipeline.params.keras_names.vocabulary import unknown_name
from pipeline.params.spec import Count, Index, NotNegative, Positive, Spec, defined_as

START = "initial_learning_rate"
Fraction = Annotated[float, Field(ge=0, le=1)]


class Constant(Spec):
    """The optimizer's rate throughout."""

    name: Literal["constant"] = "constant"


class Power(Spec):
    """rate / (1 + step / steps) ** exponent."""

    name: Literal["power"] = "power"
    steps: Positive = 10000.0
    exponent: NotNegative = 1.0


class Exponential(Spec):
    """rate * factor ** (epoch / epochs), held for an epoch or moving with each step."""

    name: Literal["exponential"] = "exponential"
    factor: Positive = 0.1
    epochs: Positive = 20.0
    per: Literal["epoch", "step"] = "epoch"


class Piecewise(Spec):
    """rate * factors[i], where i counts the boundaries (epochs, ascending) that have been reached."""

    name: Literal["piecewise"] = "piecewise"
    boundaries: Annotated[tuple[Count, ...], Field(strict=False, min_length=1)]
    factors: Annotated[tuple[Positive, ...], Field(strict=False)]

    @model_validator(mode="after")
    def _matches(self) -> Self:
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise invalid(f"must ascend; got {list(self.boundaries)}", "boundaries")
        if len(self.factors) != len(self.boundaries) + 1:
            needed = len(self.boundaries) + 1
            text = f"must be one more than the boundaries, {needed}; got {len(self.factors)}"
            raise FaultsError(Fault((("factors",), ("boundaries",)), text))
        return self


class Plateau(Spec):
    """rate * factor once `monitor` has not improved by `min_delta` for `patience` epochs.

    The defaults of `min_delta` and `min_learning_rate` are those of `keras.callbacks.ReduceLROnPlateau`.
    """

    name: Literal["plateau"] = "plateau"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Index = 5
    monitor: str = "val_loss"
    min_delta: NotNegative = 1e-4
    min_learning_rate: NotNegative = 0.0


class OneCycle(Spec):
    """Linear from rate * start_factor up to rate, back down, then to the start's final_factor part.

    `up` and `down` are fractions of the training; the rest is the final descent.
    """

    name: Literal["one_cycle"] = "one_cycle"
    start_factor: Positive = 0.1
    final_factor: Positive = 0.001
    up: Fraction = 0.45
    down: Fraction = 0.45

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.up + self.down > 1:
            text = f"up and down are fractions, at most 1 together; got {self.up:g} + {self.down:g}"
            raise FaultsError(Fault((("down",), ("up",)), text))
        return self


class Cosine(Spec):
    """Half a cosine from rate to rate * final_factor, after a linear warm-up over a part of training."""

    name: Literal["cosine"] = "cosine"
    final_factor: Fraction = 0.0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0


class KerasSchedule(Named):
    """A class of `keras.optimizers.schedules`, or the user's; `initial_learning_rate` defaults to the optimizer's rate."""

    @property
    def scales(self) -> bool:
        """Whether it starts from the optimizer's rate; of a user's own class this is assumed."""
        if START in self.arguments:
            return False
        symbol = catalogue.find("schedules", self.name)
        return symbol is None or START in catalogue.arguments(symbol)


AnySchedule = Constant | Power | Exponential | Piecewise | Plateau | OneCycle | Cosine | KerasSchedule
OURS: dict[str, type[Spec]] = {
    kind.model_fields["name"].default: kind for kind in get_args(AnySchedule) if issubclass(kind, Spec)
}
"""Our own schedules by name."""


def read_schedule(value: Any) -> Any:
    """Return the schedule in a name or a mapping; raises `FaultsError` with every fault."""
    if isinstance(value, AnySchedule):
        return value
    mapping = {"name": value} if isinstance(value, str) else value
    name = mapping.get("name") if isinstance(mapping, dict) else None
    ours = next((known for known in OURS if isinstance(name, str) and fold(name) == fold(known)), None)
    if ours is not None:
        return read_as(OURS[ours], {**mapping, "name": ours})
    if isinstance(name, str) and ":" not in name and not catalogue.find("schedules", name):
        raise invalid(unknown_name(name, "schedules", ours=tuple(OURS)), "name")
    return KerasSchedule(**read_named(mapping, "schedules", elsewhere=frozenset({START})))


Schedule = Annotated[AnySchedule, BeforeValidator(read_schedule), defined_as("schedule")]
