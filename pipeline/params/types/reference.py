"""Published values of a variant: what a paper or a book measured, for the report to compare with ours."""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.params.faults import Fault, FaultsError, fault_at, invalid, listing, read_as, show
from pipeline.params.numbers import is_number
from pipeline.params.spec import Spec

METRICS = ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "accuracy", "loss")
"""The metrics that a run records: on test, validation and training images, at the epoch of the weights it keeps."""


class Bound(Spec):
    """A value that was published as a limit: `above 98 %`."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise invalid("needs exactly one of above and below")
        return self


def _read_value(value: Any) -> Any:
    if value is None or isinstance(value, Bound):
        return value
    if isinstance(value, Mapping):
        return read_as(Bound, value)
    if is_number(value) and isfinite(value):
        return value
    raise invalid(f"must be a number, {{above: number}} or {{below: number}}; got {show(value)}")


PublishedValue = Annotated[float | Bound | None, BeforeValidator(_read_value)]


class Reference(Spec):
    """Published values by the metric of a run; accuracies are fractions.

    `decimals`: to how many the values were rounded (by default as many as each shows). `source` is where they were
    published, `note` what the study's author knows about why ours may differ.
    """

    test_accuracy: PublishedValue = None
    test_loss: PublishedValue = None
    val_accuracy: PublishedValue = None
    val_loss: PublishedValue = None
    accuracy: PublishedValue = None
    loss: PublishedValue = None
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        published = [name for name in METRICS if getattr(self, name) is not None]
        if not published:
            raise invalid(f"has no published value; give at least one of {listing(METRICS)}")
        faults = [fault for name in published if (fault := self._no_fraction(name)) is not None]
        if faults:
            raise FaultsError(*faults)
        return self

    def _no_fraction(self, name: str) -> Fault | None:
        value = _number(getattr(self, name))
        if "accuracy" not in name or 0 <= value <= 1:
            return None
        return fault_at(f"must be a fraction from 0 to 1 (97.3 % is 0.973); got {show(value)}", name)


def _number(value: float | Bound) -> float:
    if not isinstance(value, Bound):
        return value
    return next(limit for limit in (value.above, value.below) if limit is not None)
