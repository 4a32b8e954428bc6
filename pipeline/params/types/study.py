"""The types of a params file: a study and its ablations. Frozen and strict; unknown keys are refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from pipeline.core.metrics import Metric
from pipeline.core.project import name_in_file
from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.params.faults import Fault, FaultsError, fault_at, invalid, read_as, show
from pipeline.params.numbers import is_number
from pipeline.params.spec import Index, Positive, Spec, defined_as, only_one
from pipeline.params.types.budget import Budget
from pipeline.params.types.dataset import AnyDataset, DatasetSpec, name_of
from pipeline.params.types.evaluation import Evaluation
from pipeline.params.types.executor import ExecutorSpec
from pipeline.params.types.kinds import KINDS, AblationKind
from pipeline.params.types.phase_spec import Patch
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.reference import Reference
from pipeline.params.types.replicates import AnyReplicates, OverSeeds, Replicates
from pipeline.params.types.seeds import SeedPlan, Seeds, looks_of
from pipeline.params.types.tune import Range, Tune, TuneDefaults
from pipeline.params.types.variants import Expanded

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
RESERVED_NAMES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}


def name_faults(names: Mapping[str, object]) -> list[Fault]:
    """Return what is wrong with the names of ablations or variants, which are also those of files and stages."""
    seen: dict[str, str] = {}
    faults = []
    for name in names:
        if not NAME.fullmatch(name):
            text = "is not a name: a letter or _ first, then letters, digits, _ or -, at most 64 in all"
            faults.append(fault_at(text, name))
        elif name.lower() in RESERVED_NAMES:
            faults.append(fault_at("is reserved by Windows, where no file may have this name", name))
        elif name.lower() in seen:
            faults.append(fault_at(f"differs from {seen[name.lower()]!r} only by case", name))
        seen.setdefault(name.lower(), name)
    return faults


def _read_named(value: Any) -> Any:
    faults = name_faults(value) if isinstance(value, Mapping) else []
    if faults:
        raise FaultsError(*faults)
    return value


def _read_ablations(value: Any) -> Any:
    """Return ablations by name; those on several data sets are written out by now."""
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        _read_named({name_in_file(name): None for name in value})
        return value
    return _read_named(value)


def _read_patches(value: Any) -> Any:
    """Return patches by name; an empty entry (`relu:`) is an empty patch."""
    named = _read_named(value)
    return _filled(named) if isinstance(named, Mapping) else named


def _filled(patches: Mapping[str, Any]) -> dict[str, Any]:
    return {name: patch or {} for name, patch in patches.items()}


RecipePatch = Annotated[Patch, defined_as("RecipePatch")]
Patches = Annotated[
    dict[str, Patch], Field(min_length=1), BeforeValidator(_read_patches), defined_as("patches")
]
ALL = "all"
LEFT_OUT = {
    "layers": "names of layers, in which * stands for any characters",
    "features": "columns, or all of them",
}
"""What `leave_one_out` may list instead of parts with patches."""


def _read_leave_one_out(value: Any) -> Any:
    """Return the parts of a study by name, or the one list of layers or features, each to be left out."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, items),) = value.items()
        if kind in LEFT_OUT and (isinstance(items, list) or items == ALL):
            return _left_out(kind, items)
    patches = _read_patches(value)
    if isinstance(patches, Mapping):
        faults = [
            fault_at(f"must be a mapping; got {show(patch)}", name)
            for name, patch in patches.items()
            if not isinstance(patch, Mapping)
        ]
        if faults:
            raise FaultsError(*faults)
    return patches


def _left_out(kind: str, items: Any) -> Any:
    if items == ALL and kind == "features":
        return {kind: ALL}
    if isinstance(items, list) and items and all(isinstance(item, str) and item for item in items):
        return {kind: items}
    raise invalid(f"must be a list of {LEFT_OUT[kind]}; got {show(items)}", kind)


def _read_grid(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    faults = [fault.under(factor) for factor, levels in value.items() for fault in _factor_faults(levels)]
    if faults:
        raise FaultsError(*faults)
    return {
        factor: levels if isinstance(levels, list) else _filled(levels) for factor, levels in value.items()
    }


def _factor_faults(levels: object) -> list[Fault]:
    if isinstance(levels, Mapping) and levels:
        no_patches = {name: level for name, level in levels.items() if not isinstance(level, Mapping | None)}
        faults = [fault_at(f"must be a patch; got {show(level)}", name) for name, level in no_patches.items()]
        return [*name_faults(levels), *faults]
    if isinstance(levels, list) and levels and all(isinstance(level, str | int | float) for level in levels):
        return []
    forms = "{level: patch, ...}, or a list of values under a dotted recipe path"
    return [fault_at(f"must be {forms}; got {show(levels)}")]


Grid = Annotated[
    dict[str, dict[str, Patch] | list[Any]],
    Field(min_length=1),
    BeforeValidator(_read_grid),
    defined_as("grid"),
]


def _read_target(value: Any) -> Any:
    if not isinstance(value, Mapping) or len(value) != 1:
        raise invalid(f"needs exactly one metric with a value, such as val_accuracy: 0.95; got {show(value)}")
    for name, wanted in value.items():
        if not is_number(wanted) or not isfinite(wanted):
            raise invalid(f"must be a number; got {show(wanted)}", name)
        if name.endswith("accuracy") and not 0 < wanted <= 1:
            raise invalid(f"must be a fraction, above 0 and at most 1; got {show(wanted)}", name)
    return {name: float(wanted) for name, wanted in value.items()}


class Relative(Spec):
    """A margin as a part of the baseline's mean."""

    relative: Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class Margin:
    """How large a difference may be that counts as practically equal; `relative`: as a part of the baseline's mean."""

    size: float
    relative: bool = False


def _read_margin(value: Any) -> Any:
    if isinstance(value, Mapping):
        part = value.get("relative")
        if isinstance(part, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", part.strip())):
            value = {**value, "relative": float(match[1]) / 100}
        return read_as(Relative, value)
    return value


MarginSize = Annotated[Positive | Relative, BeforeValidator(_read_margin), defined_as("margin")]


Target = Annotated[dict[str, float], BeforeValidator(_read_target), defined_as("target")]
"""A value of one metric that training is to reach; the report compares in how many epochs each variant does."""


LeaveOneOut = Annotated[
    dict[str, Patch | list[str] | Literal["all"]],
    Field(min_length=1),
    BeforeValidator(_read_leave_one_out),
    defined_as("leave_one_out"),
]


class Ablation(Spec):
    """A question, and the variants that answer it, written in one of four ways."""

    question: str
    dataset: AnyDataset | None = None
    datasets: Annotated[None, defined_as("datasets")] = None
    """Two or more, on each of which the ablation is repeated: written out before it is read as this type."""
    baseline: str | None = None
    base: RecipePatch = Field(default_factory=dict)
    tune: Tune | None = None
    seeds: Seeds | None = None
    replicates: Replicates = OverSeeds()
    margin: MarginSize | None = None
    metric: str | None = None
    target: Target | None = None
    evaluation: Evaluation = Evaluation()
    variants: Patches | None = None
    grid: Grid | None = None
    ladder: Patches | None = None
    leave_one_out: LeaveOneOut | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        only_one(self, KINDS)
        return self

    @model_validator(mode="after")
    def _counts_replicates_once(self) -> Self:
        over = self.replicates.over
        if over != "seeds" and self.seeds is not None:
            places = (("seeds",), ("replicates",))
            text = f"how many replicates over {over} there are is said in replicates; leave out seeds"
            raise FaultsError(Fault(places, text))
        return self

    @property
    def kind(self) -> AblationKind:
        """Which of the four ways was used."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class VariantTune(Spec):
    """A variant's own ranges; a null drops one of the ablation's. The budget stays the same for all."""

    space: dict[str, Range | None]


class Extras(Spec):
    """The keys of a variant that are not a patch: its own ranges, and published values to compare with."""

    tune: VariantTune | None = None
    reference: Reference | None = None


class DataSource(Spec):
    """A folder or a base URL from which data sets are fetched first."""

    mirror: str | None = None


class Study(Spec):
    """A params file."""

    dataset: AnyDataset = "digits"
    seed: Index = 0
    seeds: Seeds = 5
    margin: Positive = 0.2
    budget: Budget | None = None
    engine: Literal["auto", "fit", "fused"] = "auto"
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    executor: ExecutorSpec = ExecutorSpec()
    data: DataSource = DataSource()
    evaluation: Evaluation = Evaluation()
    tune: TuneDefaults = TuneDefaults()
    base: Recipe
    ablations: Annotated[dict[str, Ablation], Field(min_length=1), BeforeValidator(_read_ablations)]

    _expanded: dict[str, Expanded] = PrivateAttr(default_factory=dict)

    @property
    def known(self) -> Dataset | None:
        """The record of the study's data set; None for a user's own, which is not read here."""
        return CATALOGUE.get(name_of(self.dataset))

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets that the ablations use, each once, in the order of first use."""
        return tuple(dict.fromkeys(self.dataset_of(name) for name in self.ablations))

    @property
    def dataset_specs(self) -> dict[str, DatasetSpec]:
        """The data sets in files that the ablations use, by name."""
        used = [ablation.dataset or self.dataset for ablation in self.ablations.values()]
        return {spec.name: spec for spec in used if isinstance(spec, DatasetSpec)}

    @property
    def groups(self) -> dict[str, list[str]]:
        """The names in the params file, each with those of its ablations: one, or one for each of its data sets."""
        groups: dict[str, list[str]] = {}
        for name in self.ablations:
            groups.setdefault(name_in_file(name), []).append(name)
        return groups

    def dataset_of(self, ablation: str) -> str:
        """Return the name of an ablation's data set: its own, or the study's."""
        return name_of(self.ablations[ablation].dataset or self.dataset)

    def seeds_of(self, ablation: str) -> int:
        """Return how many replicates each variant of an ablation has at most."""
        return self.looks_of(ablation)[-1]

    def looks_of(self, ablation: str) -> tuple[int, ...]:
        """Return the numbers of replicates after which an ablation is looked at: once where more than seeds differ."""
        replicates = self.replicates_of(ablation)
        if isinstance(replicates, OverSeeds):
            return looks_of(self._seeds(ablation))
        return (replicates.count * replicates.seeds,)

    def replicates_of(self, ablation: str) -> AnyReplicates:
        """Return what differs between the replicates of an ablation."""
        return self.ablations[ablation].replicates

    def is_fresh(self, ablation: str) -> bool:
        """Return whether an ablation is to be judged on seeds that nobody has looked at yet."""
        seeds = self._seeds(ablation)
        return isinstance(seeds, SeedPlan) and seeds.fresh

    def _seeds(self, ablation: str) -> int | SeedPlan:
        return self.ablations[ablation].seeds or self.seeds

    def margin_of(self, ablation: str, metric: Metric) -> Margin:
        """Return an ablation's margin of practical equality: the study's is for fractions, in percentage points."""
        own = self.ablations[ablation].margin
        if isinstance(own, Relative):
            return Margin(own.relative, relative=True)
        return Margin(own if own is not None else self.margin if metric.is_fraction else 0.0)

    def evaluation_of(self, ablation: str) -> Evaluation:
        """Return the diagnostics of an ablation's models."""
        return self.evaluation.overridden(self.ablations[ablation].evaluation)
