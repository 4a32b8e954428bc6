"""How many seeds replicate every variant: a number, or a plan of looks after which settled variants stop."""

from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.params.faults import invalid
from pipeline.params.spec import Spec, defined_as

MOST = 1000
FEWEST_TO_START = 4
"""On a small test set accuracies change in steps, and with three seeds a t test is wrong too often."""


class SeedPlan(Spec):
    """Looks after `start` seeds, twice as many, and so on up to `max`; `fresh`: on seeds that nobody has looked at yet."""

    start: Annotated[int, Field(ge=FEWEST_TO_START, le=MOST)]
    max: Annotated[int, Field(ge=FEWEST_TO_START, le=MOST)]
    fresh: bool = False

    @model_validator(mode="after")
    def _ascends(self) -> Self:
        if self.start > self.max:
            raise invalid(f"start must be at most max; got {self.start} and {self.max}")
        return self

    @property
    def looks(self) -> tuple[int, ...]:
        """The numbers of seeds after which is looked."""
        looks = [self.start]
        while looks[-1] < self.max:
            looks.append(min(2 * looks[-1], self.max))
        return tuple(looks)


def _form(value: Any) -> str:
    return "plan" if isinstance(value, dict | SeedPlan) else "number"


Number = Annotated[int, Field(ge=1, le=MOST)]
Seeds = Annotated[
    Annotated[Number, Tag("number")] | Annotated[SeedPlan, Tag("plan")],
    Discriminator(_form),
    defined_as("seeds"),
]


def looks_of(seeds: int | SeedPlan) -> tuple[int, ...]:
    """Return the numbers of seeds after which is looked: once where they are a number."""
    return seeds.looks if isinstance(seeds, SeedPlan) else (seeds,)
