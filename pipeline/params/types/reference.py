"""Published values of a variant: what a paper or a book measured, for the report to compare with ours.

Each is named by what it is a value of: a metric (`val_loss`), or a path to something else that results hold
(`training_set.accuracy`, `phases.head only.val_loss`).
"""

import re
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from pipeline.core.errors import nearest
from pipeline.params.faults import Fault, FaultsError, fault_at, invalid, listing, read_as, show, unknown_key
from pipeline.params.numbers import is_number
from pipeline.params.spec import Spec, defined_as

METRICS = ("test_accuracy", "test_loss", "val_accuracy", "val_loss", "accuracy", "loss")
"""Metrics that a run records: on test, validation and training data, at the epoch of the weights it keeps."""
CURVES = ("val_accuracy", "val_loss", "accuracy", "loss")
"""Metrics of every epoch."""
METRIC = r"[A-Za-z]\w*"
"""Any other metric that a recipe may measure."""
RATIO = "error_ratio"
COUNTS = ("parameters", "trainable_parameters", "non_trainable_parameters")
DIAGNOSED = {
    "training_set": ("training_set.accuracy", "training_set.loss"),
    "propagation": ("propagation.mean", "propagation.lowest_deviation", "propagation.highest_deviation"),
    "learning_rate_finder": ("learning_rate_finder.nan_rate",),
}
"""The values that diagnostics measure, by the key of `evaluation` that turns them on."""
NAMES = (
    *METRICS,
    RATIO,
    *COUNTS,
    *(f"{which}.{metric}" for which in ("best", "best_epoch") for metric in CURVES),
    *(name for names in DIAGNOSED.values() for name in names),
)
PHASE = re.compile(rf"phases\.(?P<phase>.+)\.(?P<metric>(?!test_){METRIC})")
OF_A_METRIC = re.compile(rf"(?:best\.|best_epoch\.)?(?P<metric>{METRIC})")
"""The value of a metric at the last epoch of a phase, which is named or numbered (`phase 2`)."""


class PublishedNumber(Spec):
    """A published value, a limit (`above 98 %`), or both limits of a range.

    `decimals`: to how many it was rounded. `against`: the variant that an error ratio is relative to (the baseline).
    """

    value: float | None = None
    above: float | None = None
    below: float | None = None
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    against: str | None = None

    @model_validator(mode="after")
    def _one_value_or_range(self) -> Self:
        limits = [limit for limit in (self.above, self.below) if limit is not None]
        if (self.value is None) == (not limits):
            raise invalid("needs either value, or above or below, or both of these")
        if len(limits) == 2 and limits[0] >= limits[1]:
            raise invalid(f"must be below the upper limit, {limits[1]:g}; got {limits[0]:g}", "above")
        return self

    @property
    def numbers(self) -> list[float]:
        """The value, or the limits."""
        return [number for number in (self.value, self.above, self.below) if number is not None]


def _read_value(value: Any) -> Any:
    if value is None or isinstance(value, PublishedNumber):
        return value
    if isinstance(value, Mapping):
        return read_as(PublishedNumber, value)
    if is_number(value) and isfinite(value):
        return value
    raise invalid(f"must be a number, {{above: number}}, {{below: number}} or both limits; got {show(value)}")


PublishedValue = Annotated[
    float | PublishedNumber | None, BeforeValidator(_read_value), defined_as("published")
]


def _name_schema(schema: dict[str, Any]) -> None:
    """Complete the JSON schema with the names of values."""
    value = {"$ref": "#/$defs/published"}
    schema["properties"] |= dict.fromkeys(NAMES, value)
    schema["patternProperties"] = {
        f"^{PHASE.pattern.replace('?P<phase>', '').replace('?P<metric>', '')}$": value
    }
    schema["additionalProperties"] = False


class Reference(Spec):
    """Published values by name; accuracies are fractions.

    `decimals`: to how many the values were rounded (by default as many as each shows). `source` is where they were
    published, `note` what the study's author knows about why ours may differ, or how the comparison came about.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="allow", allow_inf_nan=False, json_schema_extra=_name_schema
    )
    __pydantic_extra__: dict[str, PublishedValue]

    decimals: Annotated[int, Field(ge=0, le=12)] | None = None
    source: str | None = None
    note: str | None = None

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys a user may write."""
        return [*NAMES, "phases.<name>.<metric>", *cls.model_fields]

    @property
    def values(self) -> dict[str, float | PublishedNumber]:
        """The published values by name."""
        return {name: value for name, value in (self.model_extra or {}).items() if value is not None}

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        allowed = self.keys()
        unknown = [fault_at(unknown_key(name, allowed), name) for name in self.values if not is_name(name)]
        if unknown:
            raise FaultsError(*unknown)
        if not self.values:
            raise invalid(f"has no published value; give at least one of {listing(METRICS)}")
        faults = [fault for name, value in self.values.items() for fault in _value_faults(name, value)]
        if faults:
            raise FaultsError(*faults)
        return self


def is_name(name: str) -> bool:
    """Return whether `name` is one of a value that results hold."""
    return name in NAMES or PHASE.fullmatch(name) is not None or OF_A_METRIC.fullmatch(name) is not None


def reference_faults(
    reference: Reference,
    phases: Iterable[str],
    variants: Iterable[str],
    diagnostics: Iterable[str],
    metrics: Iterable[str],
) -> list[Fault]:
    """Return the faults of values that the variant's results will not hold.

    `phases` are the names of its phases, `variants` those of the ablation's variants, `diagnostics` those turned on,
    `metrics` those that its recipe measures.
    """
    phases, variants, on = list(phases), list(variants), set(diagnostics)
    known = {*NAMES, *(f"{part}{metric}" for part in ("", "val_", "test_") for metric in metrics)}
    faults = []
    for name, value in reference.values.items():
        match, part = PHASE.fullmatch(name), name.partition(".")[0]
        if match and match["phase"] not in phases:
            near = nearest(match["phase"], phases)
            faults.append(fault_at(f"there is no such phase; there are {listing(phases)}.{near}", name))
        named = OF_A_METRIC.fullmatch(name)
        if name not in known and named and named["metric"] not in known:
            faults.append(fault_at(unknown_key(name, reference.keys()), name))
        against = value.against if isinstance(value, PublishedNumber) else None
        if against is not None and against not in variants:
            near = nearest(against, variants)
            faults.append(
                fault_at(f"must be one of {listing(variants)}; got {against!r}.{near}", name, "against")
            )
        if part in DIAGNOSED and part not in on:
            faults.append(fault_at(f"is measured by evaluation.{part}, which is off", name))
    return faults


def _value_faults(name: str, value: float | PublishedNumber) -> list[Fault]:
    faults = []
    numbers = value.numbers if isinstance(value, PublishedNumber) else [value]
    if name.endswith("accuracy") and not name.startswith("best_epoch"):
        outside = [number for number in numbers if not 0 <= number <= 1]
        text = "must be a fraction from 0 to 1 (97.3 % is 0.973); got {}"
        faults += [fault_at(text.format(show(number)), name) for number in outside]
    if name == RATIO and any(number <= 0 for number in numbers):
        faults.append(fault_at("must be above 0: how many times smaller the error is", name))
    if name != RATIO and isinstance(value, PublishedNumber) and value.against is not None:
        faults.append(fault_at(f"belongs to {RATIO} alone", name, "against"))
    return faults
