"""Which rows a replicate tests, where replicates differ by more than their seed."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Resample:
    """Part `number` of a data set's rows to test: `over` random splits, or those of whole groups, each with about a part
    `test` of all; or folds, of which there are `k`, divided again after each k.
    """

    over: Literal["splits", "groups", "folds"]
    number: int
    test: float = 0.0
    k: int = 0
