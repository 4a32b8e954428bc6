"""The types of a params file: a study and its ablations. Frozen and strict; unknown keys are refused."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.errors import UserError, nearest
from pipeline.params import rules
from pipeline.params.evaluation import Evaluation
from pipeline.params.executor import ExecutorSpec
from pipeline.params.faults import Fault, fault, listing, reject, show
from pipeline.params.recipe import (
    DataSpec,
    EarlyStopping,
    ModelSpec,
    Only,
    OptimizerSpec,
    Output,
    Patch,
    PhaseSpec,
    Recipe,
    RegularisationSpec,
    Top,
    TrainingSpec,
)
from pipeline.params.reference import Reference
from pipeline.params.spaces import Choice, IntRange, LinearRange, LogRange, Range, Tune
from pipeline.params.spec import Index, Positive, Spec, shape
from pipeline.plugins import is_plugin, locate
from pipeline.store import root

if TYPE_CHECKING:
    from pipeline.params.expand import Expanded

__all__ = [
    "Ablation",
    "Choice",
    "DataSource",
    "DataSpec",
    "EarlyStopping",
    "Extras",
    "IntRange",
    "LinearRange",
    "LogRange",
    "ModelSpec",
    "Only",
    "OptimizerSpec",
    "Output",
    "PhaseSpec",
    "Recipe",
    "Reference",
    "RegularisationSpec",
    "Study",
    "Top",
    "TrainingSpec",
    "Tune",
]  # fmt: skip

KINDS = ("variants", "grid", "ladder", "leave_one_out")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
RESERVED_NAMES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}


def _read_dataset(value: Any) -> Any:
    if not isinstance(value, str) or (value not in CATALOGUE and not is_plugin(value)):
        near = nearest(value, CATALOGUE) if isinstance(value, str) else ""
        raise reject(fault(f"must be one of {listing(CATALOGUE)}, or module:Name; got {show(value)}.{near}"))
    if is_plugin(value):
        try:
            locate(value, root())
        except UserError as error:
            raise reject(fault(str(error))) from None
    return value


def name_faults(names: Mapping[str, object]) -> list[Fault]:
    """Return what is wrong with names of ablations or variants, which name files and stages too."""
    seen: dict[str, str] = {}
    faults = []
    for name in names:
        if not NAME.fullmatch(name):
            text = "is not a name: a letter or _ first, then letters, digits, _ or -, at most 64 in all"
            faults.append(fault(text, name))
        elif name.lower() in RESERVED_NAMES:
            faults.append(fault("is reserved by Windows, where no file may be called so", name))
        elif name.lower() in seen:
            faults.append(fault(f"differs from {seen[name.lower()]!r} only by case", name))
        seen.setdefault(name.lower(), name)
    return faults


def _read_named(value: Any) -> Any:
    faults = name_faults(value) if isinstance(value, Mapping) else []
    if faults:
        raise reject(*faults)
    return value


def _read_patches(value: Any) -> Any:
    """An empty entry (`relu:`) is an empty patch."""
    named = _read_named(value)
    return {name: patch or {} for name, patch in named.items()} if isinstance(named, Mapping) else named


RecipePatch = Annotated[Patch, shape("RecipePatch")]
Patches = Annotated[dict[str, Patch], Field(min_length=1), BeforeValidator(_read_patches), shape("patches")]


def _read_grid(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    faults = [found.under(factor) for factor, levels in value.items() for found in _factor_faults(levels)]
    if faults:
        raise reject(*faults)
    return {factor: _levels(levels) for factor, levels in value.items()}


def _factor_faults(levels: object) -> list[Fault]:
    if isinstance(levels, Mapping) and levels:
        patches = [
            fault(f"must be a patch; got {show(patch)}", name)
            for name, patch in levels.items()
            if not _is_patch(patch)
        ]
        return [*name_faults(levels), *patches]
    if isinstance(levels, list) and levels and all(isinstance(level, str | int | float) for level in levels):
        return []
    wanted = "must be {level: patch, ...}, or a list of values under a dotted recipe path"
    return [fault(f"{wanted}; got {show(levels)}")]


def _is_patch(value: object) -> bool:
    return value is None or isinstance(value, Mapping)


def _levels(levels: Any) -> Any:
    return levels if isinstance(levels, list) else {name: patch or {} for name, patch in levels.items()}


DatasetName = Annotated[str, BeforeValidator(_read_dataset), shape("dataset")]
Grid = Annotated[
    dict[str, dict[str, Patch] | list[Any]], Field(min_length=1), BeforeValidator(_read_grid), shape("grid")
]


class Ablation(Spec):
    """A question, and the variants that answer it, written in one of four ways."""

    question: str
    dataset: DatasetName | None = None
    baseline: str | None = None
    base: RecipePatch = Field(default_factory=dict)
    tune: Tune | None = None
    seeds: Annotated[int, Field(ge=1, le=1000)] | None = None
    margin: Positive | None = None
    metric: Literal["accuracy", "loss"] = "accuracy"
    evaluation: Evaluation = Evaluation()
    variants: Patches | None = None
    grid: Grid | None = None
    ladder: Patches | None = None
    leave_one_out: Patches | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            at = tuple((kind,) for kind in given) or ((),)
            raise reject(
                Fault(at, f"needs exactly one of {', '.join(KINDS)}; got {', '.join(given) or 'none'}")
            )
        return self

    @property
    def kind(self) -> str:
        """Which of the four ways was used."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


class VariantTune(Spec):
    """A variant's own ranges; a null drops one of the ablation's. The budget stays the same for all."""

    space: dict[str, Range | None]


class Extras(Spec):
    """What a variant may hold besides a patch: its own ranges, and published figures to compare with."""

    tune: VariantTune | None = None
    reference: Reference | None = None


class DataSource(Spec):
    """Where data sets come from first: a folder or a base URL."""

    mirror: str | None = None


class Study(Spec):
    """A params file."""

    dataset: DatasetName = "digits"
    seed: Index = 0
    seeds: Annotated[int, Field(ge=1, le=1000)] = 5
    margin: Positive = 0.2
    engine: Literal["auto", "fit", "fused"] = "auto"
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    executor: ExecutorSpec = ExecutorSpec()
    data: DataSource = DataSource()
    evaluation: Evaluation = Evaluation()
    base: Recipe
    ablations: Annotated[dict[str, Ablation], Field(min_length=1), BeforeValidator(_read_named)]

    _expanded: "dict[str, Expanded]" = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _fits_the_data(self) -> Self:
        faults = rules.data_faults(self.base, self.known)
        if faults:
            raise reject(*(found.under("base") for found in faults))
        return self

    @property
    def known(self) -> Dataset | None:
        """What is known of the study's data set; None for a user's own, which is not read here."""
        return CATALOGUE.get(self.dataset)

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets that the ablations use, each once, in the order of the first that does."""
        return tuple(dict.fromkeys(self.dataset_of(name) for name in self.ablations))

    def dataset_of(self, ablation: str) -> str:
        """Return an ablation's data set: its own, or the study's."""
        return self.ablations[ablation].dataset or self.dataset

    def seeds_of(self, ablation: str) -> int:
        """Return how many replicates each variant of an ablation gets."""
        return self.ablations[ablation].seeds or self.seeds

    def margin_of(self, ablation: str) -> float:
        """Return an ablation's margin of practical equality, in percentage points."""
        return self.ablations[ablation].margin or self.margin

    def evaluation_of(self, ablation: str) -> Evaluation:
        """Return what is looked at in an ablation's models."""
        return self.evaluation.overridden(self.ablations[ablation].evaluation)
