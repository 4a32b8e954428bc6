"""Diagnostics of models, besides their scores. No part of a recipe: they change no run, and no run's key."""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.params.faults import Fault, FaultsError, invalid, show
from pipeline.params.spec import Positive, Spec, defined_as

FINDER = "finder"
"""In place of a learning rate: one that a range test finds."""


class Signals(Spec):
    """Activations and gradients by layer, over `samples` validation images or as many standard-normal inputs."""

    inputs: Literal["images", "normal"] = "images"
    samples: Annotated[int, Field(ge=2, le=10_000)] = 256


class Propagation(Spec):
    """`samples` standard-normal inputs through an untrained tower of `layers` dense layers of `units`."""

    layers: Annotated[int, Field(ge=1, le=10_000)] = 1000
    units: Annotated[int, Field(ge=1, le=10_000)] = 100
    samples: Annotated[int, Field(ge=2, le=10_000)] = 500


class RateRange(Spec):
    """Rates from `low` to `high`, growing by a constant factor each step over `epochs` (at least 100 steps)."""

    low: Positive = 1e-5
    high: Positive = 10.0
    epochs: Annotated[int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if not self.low < self.high:
            text = f"low must be below high; got {self.low:g} and {self.high:g}"
            raise FaultsError(Fault((("low",), ("high",)), text))
        return self


def _switch(kind: type[Spec]) -> Callable[[Any], Any]:
    """Return a validator that reads `true` as `kind` with its defaults, and `false` as nothing."""

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            return kind() if value else None
        if value is None or isinstance(value, dict | kind):
            return value
        raise invalid(f"must be true, false or a mapping of {', '.join(kind.keys())}; got {show(value)}")

    return read


SWITCHES: dict[str, type[Spec]] = {"signals": Signals, "propagation": Propagation, "rate_range": RateRange}
SignalsSwitch = Annotated[Signals | None, BeforeValidator(_switch(Signals)), defined_as("signals")]
PropagationSwitch = Annotated[
    Propagation | None, BeforeValidator(_switch(Propagation)), defined_as("propagation")
]
RateRangeSwitch = Annotated[RateRange | None, BeforeValidator(_switch(RateRange)), defined_as("rate_range")]


class Evaluation(Spec):
    """The diagnostics; all are off unless switched on. An ablation's keys override the study's."""

    signals: SignalsSwitch = None
    propagation: PropagationSwitch = None
    activation_functions: bool = False
    learning_rate_finder: RateRangeSwitch = None
    mc_samples: Annotated[int, Field(ge=2, le=10_000)] | None = None
    predictions: Annotated[int, Field(ge=1, le=200)] | None = None
    training_set: bool = False

    @property
    def switched_on(self) -> list[str]:
        """The keys of the diagnostics that are on."""
        return [key for key in self.keys() if getattr(self, key) not in (None, False)]

    def overridden(self, own: "Evaluation") -> "Evaluation":
        """Return these settings, replaced by those that were written in `own`."""
        return self.model_copy(update={key: getattr(own, key) for key in own.model_fields_set})

    @property
    def rate_range(self) -> RateRange:
        """The range of a learning-rate finder, which variants whose rate is `finder` use even where it is off."""
        return self.learning_rate_finder or RateRange()
