"""Learning-rate schedules: ours, each a typed record, or any class of `keras.optimizers.schedules`."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pipeline.params import catalogue
from pipeline.params.catalogue import fold
from pipeline.params.faults import Fault, fault, faults_of, reject
from pipeline.params.names import Named, read_named
from pipeline.params.spec import Count, Index, NotNegative, Positive, Spec, shape
from pipeline.params.vocabulary import unknown_name

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
            raise reject(fault(f"must ascend; got {list(self.boundaries)}", "boundaries"))
        if len(self.factors) != len(self.boundaries) + 1:
            text = (
                f"must be one more than the boundaries, {len(self.boundaries) + 1}; got {len(self.factors)}"
            )
            raise reject(Fault((("factors",), ("boundaries",)), text))
        return self


class Plateau(Spec):
    """rate * factor once the validation loss has not fallen by `min_delta` for `patience` epochs."""

    name: Literal["plateau"] = "plateau"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    patience: Index = 5
    min_delta: NotNegative = 0.0
    min_learning_rate: NotNegative = 0.0


class OneCycle(Spec):
    """Linear from rate * start_factor up to rate, back down, then to the start's final_factor part.

    `up` and `down` are fractions of the training; what they leave is the final stretch.
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
            raise reject(Fault((("down",), ("up",)), text))
        return self


class Cosine(Spec):
    """Half a cosine from rate to rate * final_factor, after a linear warm-up over a part of training."""

    name: Literal["cosine"] = "cosine"
    final_factor: Fraction = 0.0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0


class KerasSchedule(Named):
    """A class of `keras.optimizers.schedules`, or the user's; `initial_learning_rate` defaults to the
    optimizer's rate."""

    @property
    def scales(self) -> bool:
        """Whether it starts from the optimizer's rate; of the user's own classes it is believed."""
        if START in self.arguments:
            return False
        symbol = catalogue.find("schedules", self.name)
        return symbol is None or START in catalogue.arguments(symbol)


AnySchedule = Constant | Power | Exponential | Piecewise | Plateau | OneCycle | Cosine | KerasSchedule
OURS: dict[str, type[Spec]] = {
    fold(kind.model_fields["name"].default): kind for kind in get_args(AnySchedule) if issubclass(kind, Spec)
}


def read_schedule(value: Any) -> Any:
    """Return the schedule that a name or a mapping describes; raises a pydantic error with every fault."""
    if isinstance(value, AnySchedule):
        return value
    mapping = {"name": value} if isinstance(value, str) else value
    name = mapping.get("name") if isinstance(mapping, dict) else None
    if isinstance(name, str) and fold(name) in OURS:
        return _ours(OURS[fold(name)], mapping)
    if isinstance(name, str) and ":" not in name and not catalogue.find("schedules", name):
        raise reject(fault(unknown_name(name, "schedules", ours=our_names()), "name"))
    return KerasSchedule(**read_named(mapping, "schedules", given=frozenset({START})))


def our_names() -> tuple[str, ...]:
    """Return the names of our own schedules."""
    return tuple(kind.model_fields["name"].default for kind in OURS.values())


def _ours(kind: type[Spec], mapping: dict[str, Any]) -> Spec:
    try:
        return kind.model_validate({**mapping, "name": kind.model_fields["name"].default})
    except ValidationError as error:
        raise reject(*faults_of(error)) from None


Schedule = Annotated[AnySchedule, BeforeValidator(read_schedule), shape("schedule")]
