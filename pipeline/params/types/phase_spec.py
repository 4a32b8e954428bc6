"""A phase as it is written: what it changes in the recipe, what carries over from the one before, and what trains."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.params.faults import invalid, read_as, show
from pipeline.params.numbers import is_integer
from pipeline.params.spec import Count, Index, Spec, defined_as
from pipeline.params.types.built_model import Patterns

SECTIONS = ("data", "model", "optimizer", "schedule", "regularisation", "training")


def _read_trainable(value: Any) -> Any:
    if isinstance(value, Top | Only | LayerNames) or value in ("all", "head"):
        return value
    kinds: dict[str, type[Spec]] = {"top": Top, "only": Only, "layers": LayerNames}
    kind = next((kinds[key] for key in kinds if isinstance(value, dict) and key in value), None)
    if kind is not None:
        return read_as(kind, value)
    raise invalid(
        f"must be all, head, {{top: k}}, {{only: [block, ...]}} or {{layers: [name, ...]}}; got {show(value)}"
    )


def _read_reuse(value: Any) -> Any:
    if value == "all" or (is_integer(value) and 0 <= value <= 10**9) or isinstance(value, LayerNames):
        return value
    if isinstance(value, dict) and "layers" in value:
        return read_as(LayerNames, value)
    raise invalid(f"must be all, a number of hidden blocks, or {{layers: [name, ...]}}; got {show(value)}")


class Top(Spec):
    """Only the last `top` hidden blocks train, and the output."""

    top: Count


class Only(Spec):
    """Only the hidden blocks with these indexes train, and the output."""

    only: Annotated[tuple[Index, ...], Field(strict=False)]


class LayerNames(Spec):
    """Layers by patterns of their names; the layers of a model that none of them is in are like those of a head."""

    layers: Annotated[Patterns, Field(min_length=1)]


Trainable = Annotated[Literal["all", "head"] | Top | Only | LayerNames, BeforeValidator(_read_trainable)]
Reuse = Annotated[int | Literal["all"] | LayerNames, BeforeValidator(_read_reuse)]


def frozen_blocks(trainable: Trainable, count: int) -> int:
    """Return how many of `count` hidden blocks are below the first that trains."""
    if isinstance(trainable, str):
        return 0 if trainable == "all" else count
    if isinstance(trainable, Top):
        return max(0, count - trainable.top)
    return min(trainable.only, default=count) if isinstance(trainable, Only) else 0


Patch = dict[str, Any]
DataPatch = Annotated[Patch, defined_as("DataPatch")]
ModelPatch = Annotated[Patch, defined_as("ModelPatch")]
OptimizerPatch = Annotated[Patch | str, defined_as("optimizer")]
SchedulePatch = Annotated[Patch | str, defined_as("schedule")]
RegularisationPatch = Annotated[Patch, defined_as("RegularisationPatch")]
TrainingPatch = Annotated[Patch, defined_as("TrainingPatch")]


class PhaseSpec(Spec):
    """One phase: patches on the recipe, how many hidden blocks carry over, and which of them train.

    `cache_features`: compute the outputs of the frozen lower blocks once, and train the rest on them.
    """

    name: str | None = None
    data: DataPatch = Field(default_factory=dict)
    model: ModelPatch = Field(default_factory=dict)
    optimizer: OptimizerPatch = Field(default_factory=dict)
    schedule: SchedulePatch = Field(default_factory=dict)
    regularisation: RegularisationPatch = Field(default_factory=dict)
    training: TrainingPatch = Field(default_factory=dict)
    reuse: Reuse = "all"
    trainable: Trainable = "all"
    cache_features: bool = False

    def patch(self) -> Patch:
        """Return what the phase changes in the recipe."""
        return {section: getattr(self, section) for section in SECTIONS if getattr(self, section)}

    def blocks(self) -> dict[str, int]:
        """Return how many hidden blocks the model must have for `reuse` and `trainable`, where they count any."""
        counted = {}
        if isinstance(self.reuse, int):
            counted["reuse"] = self.reuse
        if isinstance(self.trainable, Top):
            counted["trainable"] = self.trainable.top
        if isinstance(self.trainable, Only):
            counted["trainable"] = max(self.trainable.only, default=-1) + 1
        return counted
