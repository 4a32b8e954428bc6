"""What is tuned: the oracle, its budget, and the range of each hyperparameter."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from pipeline.params.faults import fault, faults_of, listing, reject, show
from pipeline.params.spec import Count, Positive, Spec, shape

Whole = Annotated[int, Field(ge=-(10**9), le=10**9)]


def _ascending(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] < ends[1]:
        raise reject(fault(f"must be [low, high] with low below high; got {show(ends)}"))
    return ends


class LogRange(Spec):
    """A number between two positive ends, drawn evenly on a logarithmic scale."""

    log: Annotated[tuple[Positive, Positive], Field(strict=False), AfterValidator(_ascending)]


class LinearRange(Spec):
    """A number between two ends, drawn evenly."""

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
    """Return the range that a mapping such as `{log: [1e-4, 1e-1]}` describes; rejects with every fault."""
    if isinstance(value, AnyRange):
        return value
    kinds = [key for key in KINDS if key in value] if isinstance(value, dict) else []
    if len(kinds) != 1:
        raise reject(fault(f"must be a mapping with one of {listing(KINDS)}; got {show(value)}"))
    try:
        return KINDS[kinds[0]].model_validate(value)
    except ValidationError as error:
        raise reject(*faults_of(error)) from None


def members(space: AnyRange) -> tuple[Any, ...]:
    """Return the values that decide whether a range is valid: its two ends, or every choice."""
    if isinstance(space, Choice):
        return space.choice
    if isinstance(space, LogRange):
        return space.log
    return space.linear if isinstance(space, LinearRange) else space.int


Range = Annotated[AnyRange, BeforeValidator(read_range), shape("range")]
Space = dict[str, Range]


class Tune(Spec):
    """A search: `trials` per variant, each scored on validation data over tuning seeds or folds.

    `space` maps dotted recipe paths to ranges.
    """

    oracle: Literal["random", "grid", "bayesian", "hyperband"] = "random"
    trials: Count
    seeds: Count = 1
    folds: Annotated[int, Field(ge=2, le=1000)] | None = None
    space: Annotated[Space, Field(min_length=1)]
