"""The search for a learning rate by a range test: one short training with an increasing rate, instead of trials."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.core.digests import digest
from pipeline.params.expansion.expand import apply
from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.evaluation import RateRange
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.variants import Variant
from pipeline.runs.fingerprint import code_digest, own_code
from pipeline.runs.run import Context, Run

RATE = "optimizer.learning_rate"
"""The dotted path of the learning rate in a recipe."""


@dataclass
class RateSearch:
    """The search for the learning rate of a variant with `learning_rate: finder`, in the range `rates`."""

    variant: Variant
    context: Context
    rates: RateRange

    @cached_property
    def key(self) -> str:
        """A digest of everything that can change the outcome of the search."""
        recipe = canonical(self.variant.recipe)
        parts = [recipe, own_code(recipe), vars(self.context), self.rates.model_dump(mode="json")]
        return digest(["finder", *parts, code_digest()])

    @property
    def run(self) -> Run:
        """The run that the range test is a part of."""
        return tested_run(self.variant.recipe, self.context)

    def choice(self, rate: float) -> dict[str, Any]:
        """Return the outcome to store: the chosen values, and no trials."""
        return {"values": {RATE: rate}, "trials": []}


def tested_run(recipe: Recipe, context: Context) -> Run:
    """Return a run of `recipe` for testing rates, on a seed that no replicate uses; its own rate does not matter."""
    return Run(apply(recipe, {RATE: 1.0}), context, "trial", 0)
