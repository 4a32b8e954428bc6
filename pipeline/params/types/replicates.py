"""What differs between the replicates of an ablation: seeds alone, or also the search, or which rows train and test."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.params.faults import invalid, read_as, show
from pipeline.params.spec import Spec, defined_as

Count = Annotated[int, Field(ge=2, le=1000)]
PerReplicate = Annotated[int, Field(ge=1, le=100)]
"""Trainings, with a seed each, of which the value of a replicate is the mean."""


class OverSeeds(Spec):
    """Replicates differ by their seed: one split, and one search whose choice all of them share."""

    over: Literal["seeds"] = "seeds"


class OverSearches(Spec):
    """Each of `count` replicates has a search of its own, on one split."""

    over: Literal["searches"]
    count: Count = 5
    seeds: PerReplicate = 1


class OverSplits(Spec):
    """Each of `count` replicates tests a random part of all rows, or groups, and searches and trains on the others."""

    over: Literal["splits", "groups"]
    count: Count = 10
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seeds: PerReplicate = 1


class OverFolds(Spec):
    """Each replicate tests one of `k` folds of all rows, `repeats` times in another division."""

    over: Literal["folds"]
    k: Annotated[int, Field(ge=2, le=100)] = 5
    repeats: Annotated[int, Field(ge=1, le=100)] = 2
    seeds: PerReplicate = 1

    @property
    def count(self) -> int:
        """How many replicates that makes."""
        return self.k * self.repeats


KINDS: dict[str, type[Spec]] = {
    "seeds": OverSeeds,
    "searches": OverSearches,
    "splits": OverSplits,
    "groups": OverSplits,
    "folds": OverFolds,
}


def _read(value: Any) -> Any:
    if isinstance(value, Spec):
        return value
    over = value.get("over") if isinstance(value, Mapping) else None
    if over not in KINDS:
        raise invalid(f"must be a mapping with over: one of {', '.join(KINDS)}; got {show(value)}")
    return read_as(KINDS[over], value)


AnyReplicates = OverSeeds | OverSearches | OverSplits | OverFolds
Replicates = Annotated[AnyReplicates, BeforeValidator(_read), defined_as("replicates")]


def overlap(replicates: AnyReplicates) -> float:
    """Return how far replicates depend on each other since they share rows that train: rows tested over rows trained.

    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52 (2003).

    Example:
        >>> overlap(OverFolds(over="folds", k=5))
        0.25
    """
    if isinstance(replicates, OverFolds):
        return 1 / (replicates.k - 1)
    if isinstance(replicates, OverSplits):
        return replicates.test / (1 - replicates.test)
    return 0.0
