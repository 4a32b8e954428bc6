"""Published figures of a variant: what somebody else's run measured, for the report to set beside ours."""

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from pipeline.params.faults import Fault, fault, faults_of, listing, reject, show
from pipeline.params.spec import Spec

METRICS = ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "accuracy", "loss")
"""The figures that a run records: on test, validation and training images, at the epoch whose weights it keeps."""


class Bound(Spec):
    """A figure that was published as a limit: `above 98 %`."""

    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.above is None) == (self.below is None):
            raise reject(fault("needs exactly one of above and below"))
        return self


def _read_figure(value: Any) -> Any:
    if value is None or isinstance(value, Bound):
        return value
    if isinstance(value, Mapping):
        try:
            return Bound.model_validate(value)
        except ValidationError as error:
            raise reject(*faults_of(error)) from None
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return value
    raise reject(fault(f"must be a number, {{above: number}} or {{below: number}}; got {show(value)}"))


Figure = Annotated[float | Bound | None, BeforeValidator(_read_figure)]


class Reference(Spec):
    """Published figures by the name of what a run records; accuracies are fractions.

    `decimals`: to how many the figures were rounded (by default as many as each shows). `source` says where they stand,
    `note` what the study's author knows about why they may differ.
    """

    test_accuracy: Figure = None
    test_loss: Figure = None
    val_accuracy: Figure = None
    val_loss: Figure = None
    accuracy: Figure = None
    loss: Figure = None
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    source: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _figures(self) -> Self:
        given = [name for name in METRICS if getattr(self, name) is not None]
        if not given:
            raise reject(fault(f"holds no figure; give at least one of {listing(METRICS)}"))
        faults = [found for name in given if (found := self._no_fraction(name)) is not None]
        if faults:
            raise reject(*faults)
        return self

    def _no_fraction(self, name: str) -> Fault | None:
        value = _number(getattr(self, name))
        if "accuracy" not in name or 0 <= value <= 1:
            return None
        return fault(f"must be a fraction from 0 to 1 (97.3 % is 0.973); got {show(value)}", name)


def _number(figure: float | Bound) -> float:
    if not isinstance(figure, Bound):
        return figure
    return next(limit for limit in (figure.above, figure.below) if limit is not None)
