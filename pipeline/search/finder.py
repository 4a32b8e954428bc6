"""The search for a learning rate by a range test: one short training whose rate grows, in place of trials."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pipeline.params.evaluation import RateRange
from pipeline.params.expand import Variant, apply, canonical
from pipeline.params.recipe import Recipe
from pipeline.runs import Context, Run, code_digest, digest

RATE = "optimizer.learning_rate"


@dataclass
class RateSearch:
    """The search for the rate of a variant that says `learning_rate: finder`."""

    variant: Variant
    context: Context
    rates: RateRange

    @cached_property
    def key(self) -> str:
        """Name the search by everything that can change its outcome."""
        parts = [canonical(self.variant.recipe), vars(self.context), self.rates.model_dump(mode="json")]
        return digest(["finder", *parts, code_digest()])

    @property
    def run(self) -> Run:
        """The run that the range test is a part of."""
        return tested_run(self.variant.recipe, self.context)

    def choice(self, rate: float) -> dict[str, Any]:
        """Return the outcome to freeze."""
        return {"values": {RATE: rate}, "trials": []}


def tested_run(recipe: Recipe, context: Context) -> Run:
    """Return a run of `recipe` to test rates with, on a seed that no replicate uses; its own rate plays no part."""
    return Run(apply(recipe, {RATE: 1.0}), context, "trial", 0)
