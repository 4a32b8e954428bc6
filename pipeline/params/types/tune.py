"""The search of an ablation: the oracle, its budget, and the range of each hyperparameter."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from pipeline.params.faults import invalid, listing, read_as, show
from pipeline.params.spec import Count, Positive, Spec, defined_as

Whole = Annotated[int, Field(ge=-(10**9), le=10**9)]


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] < ends[1]:
        raise invalid(f"must be [low, high] with low below high; got {show(ends)}")
    return ends


class LogRange(Spec):
    """A number between two positive ends, drawn uniformly on a logarithmic scale."""

    log: Annotated[tuple[Positive, Positive], Field(strict=False), AfterValidator(_ascending)]


class LinearRange(Spec):
    """A number between two ends, drawn uniformly."""

    linear: Annotated[tuple[float, float], Field(strict=False), AfterValidator(_ascending)]


class IntRange(Spec):
    """A whole number between two ends, both included, in steps from the lower one."""

    int: Annotated[tuple[Whole, Whole], Field(strict=False), AfterValidator(_ascending)]
    step: Count = 1


class Choice(Spec):
    """One of several values, of any kind."""

    choice: Annotated[tuple[Any, ...], Field(strict=False, min_length=1, max_length=1000)]


AnyRange = LogRange | LinearRange | IntRange | Choice
KINDS: dict[str, type[Spec]] = {"log": LogRange, "linear": LinearRange, "int": IntRange, "choice": Choice}


def read_range(value: Any) -> Any:
    """Return the range in a mapping such as `{log: [1e-4, 1e-1]}`; raises `FaultsError` with every fault."""
    if isinstance(value, AnyRange):
        return value
    kinds = [key for key in KINDS if key in value] if isinstance(value, dict) else []
    if len(kinds) != 1:
        raise invalid(f"must be a mapping with one of {listing(KINDS)}; got {show(value)}")
    return read_as(KINDS[kinds[0]], value)


def values_to_check(choice: AnyRange) -> tuple[Any, ...]:
    """Return the values that decide whether a range is valid: its two ends, or every choice."""
    if isinstance(choice, Choice):
        return choice.choice
    if isinstance(choice, LogRange):
        return choice.log
    return choice.linear if isinstance(choice, LinearRange) else choice.int


Range = Annotated[AnyRange, BeforeValidator(read_range), defined_as("range")]


HP = "hp"
"""The space of all hyperparameters that a model's `build(hp)` declares."""


def _plain_space(space: Any) -> Any:
    return space if space == HP else {path: choice.model_dump(mode="json") for path, choice in space.items()}


def _read_space(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    return value if value == HP else read(_flat(value) if isinstance(value, dict) else value)


def _flat(space: dict[Any, Any], path: str = "") -> dict[Any, Any]:
    """Return a space whose paths may be written as nested mappings, which command lines can change, with dotted ones."""
    flat: dict[Any, Any] = {}
    for key, item in space.items():
        where = f"{path}{key}" if isinstance(key, str) else key
        if isinstance(item, dict) and item and KINDS.keys().isdisjoint(item):
            flat |= _flat(item, f"{where}.")
        else:
            flat[where] = item
    return flat


OracleName = Literal["random", "grid", "bayesian", "hyperband"]
ALL_AT_ONCE = ("random", "grid")
"""The oracles whose trials do not depend on the scores of others."""
FEWEST_TO_STOP = 6
"""Searches of fewer trials are trained to their end: half the cost would leave one, chosen far worse (docs/method.md)."""


Space = Annotated[
    dict[str, Range],
    Field(min_length=1),
    WrapValidator(_read_space),
    PlainSerializer(_plain_space),
    defined_as("space"),
]


class TuneDefaults(Spec):
    """What the `tune` of ablations leaves out; see `Tune`."""

    oracle: OracleName | None = None
    trials: Count | None = None
    stop: Literal["halving"] | None = None
    seeds: Count | None = None
    folds: Annotated[int, Field(ge=2, le=1000)] | None = None
    space: Space | None = None


class Tune(TuneDefaults):
    """A search: `trials` per variant, each scored on validation data over tuning seeds or folds.

    `space` maps dotted recipe paths to ranges, or is `hp`, which only a function that builds the model can say: see
    `build.declared`.
    """

    oracle: OracleName = "random"
    trials: Count
    seeds: Count = 1
    space: Space

    @model_validator(mode="after")
    def _knows_all_trials(self) -> Self:
        if self.stop is not None and self.oracle not in ALL_AT_ONCE:
            raise invalid(
                f"needs trials that are known from the start: oracle: {listing(ALL_AT_ONCE)}", "stop"
            )
        if self.stop is not None and self.trials < FEWEST_TO_STOP:
            raise invalid(f"needs {FEWEST_TO_STOP} trials or more; got {self.trials}", "stop")
        return self

    @property
    def is_declared(self) -> bool:
        """Whether the ranges are those that the model's function declares, and so not known here."""
        return isinstance(self.space, str)
