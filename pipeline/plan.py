"""What a `dvc repro` would train, and about how long it would take. No TensorFlow, no data read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.data import catalogue
from pipeline.params.layers import DenseLayer
from pipeline.params.recipe import Recipe
from pipeline.params.schema import Study
from pipeline.store import Store
from pipeline.survey import AblationState, VariantState, survey

# Measured on two cores (docs/performance.md): a step of a fused stack costs each model this much.
SECONDS_PER_STEP = 30e-6
SECONDS_PER_MULTIPLICATION = 6 / 60e9  # forward, backward and update, at 60 GFLOP/s
SECONDS_PER_GRAPH = 1.5
SECONDS_TO_START = 12.0
CORES = 2  # of the machine that was measured


@dataclass(frozen=True)
class AblationPlan:
    """One ablation in numbers of runs; `to_train` counts what the store lacks, `seconds` a rough time for it."""

    ablation: str
    question: str
    dataset: str
    kind: str
    variants: tuple[str, ...]
    trials: int
    replicates: int
    stored: int
    to_train: int
    seconds: float


@dataclass(frozen=True)
class StudyPlan:
    """All ablations; runs that several share are counted once in the totals.

    `core_hours` is what the training takes of processors, whichever executor shares it out (docs/scale.md).
    """

    datasets: tuple[str, ...]
    ablations: tuple[AblationPlan, ...]
    runs: int
    to_train: int
    seconds: float
    core_hours: float

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return asdict(self)


def plan(study: Study, store: Store, root: Path) -> StudyPlan:
    """Return what `study` wants and what of it `store` lacks."""
    have = store.keys()
    states = survey(study, store, root)
    plans = [_ablation_plan(state, have) for state in states]
    keys = {key for state in states for key in state.wanted_keys()}
    unknown = sum(_unknown_runs(each) for state in states for each in state.variants)
    seconds = sum(each.seconds for each in plans)
    return StudyPlan(
        datasets=study.datasets,
        ablations=tuple(plans),
        runs=len(keys) + unknown,
        to_train=len(keys - have) + unknown,
        seconds=round(seconds + SECONDS_TO_START, 1) if seconds else 0.0,
        core_hours=round(seconds * CORES / 3600, 3),
    )


def _ablation_plan(state: AblationState, have: set[str]) -> AblationPlan:
    wanted = state.wanted_keys()
    unknown = sum(_unknown_runs(each) for each in state.variants)
    missing = len([key for key in wanted if key not in have]) + unknown
    return AblationPlan(
        ablation=state.name,
        question=state.spec.question,
        dataset=state.variants[0].context.dataset,
        kind=state.expanded.kind,
        variants=tuple(each.variant.name for each in state.variants),
        trials=sum(_trial_count(each) for each in state.variants),
        replicates=state.seeds * len(state.variants),
        stored=len(wanted) + unknown - missing,
        to_train=missing,
        seconds=round(_seconds(state, have), 1),
    )


def _trial_count(state: VariantState) -> int:
    tune = state.variant.tune
    if state.choice is not None:
        return sum(len(trial["run_keys"]) for trial in state.choice["trials"])
    return tune.trials * tune.seeds * (tune.folds or 1) if tune else 0


def _unknown_runs(state: VariantState) -> int:
    """Return how many runs will be wanted that have no key yet, their hyperparameters not being chosen."""
    return 0 if state.is_chosen else _trial_count(state) + state.seeds


def _seconds(state: AblationState, have: set[str]) -> float:
    """Return a rough time: steps and multiplications of the missing runs, and a graph for each variant."""
    total = 0.0
    for each in state.variants:
        runs = _missing(each, have)
        if runs:
            total += SECONDS_PER_GRAPH + runs * _run_seconds(each.variant.recipe, each.context.dataset)
    return total


def _missing(state: VariantState, have: set[str]) -> int:
    if not state.is_chosen:
        return _unknown_runs(state)
    return len([run for run in state.replicates if run.key not in have])


def _run_seconds(recipe: Recipe, dataset: str) -> float:
    images, pixels = _size(dataset)
    steps = recipe.training.epochs * images / recipe.training.batch_size
    multiplications = _multiplications(recipe, pixels) * images * recipe.training.epochs
    return steps * SECONDS_PER_STEP + multiplications * SECONDS_PER_MULTIPLICATION


def _multiplications(recipe: Recipe, pixels: int) -> float:
    """Return the multiplications of one image's forward pass; a convolution counts as 100 dense units a filter."""
    widths = [
        spec.units if isinstance(spec, DenseLayer) else 100 * getattr(spec, "filters", 1)
        for spec in recipe.model.layers
        for _ in range(getattr(spec, "repeat", 1))
    ]
    sides = [pixels, *widths, 10]
    return float(sum(a * b for a, b in pairwise(sides)))


def _size(dataset: str) -> tuple[int, int]:
    if catalogue.is_own(dataset):
        return 10_000, 784
    record = catalogue.lookup(dataset, Path())
    height, width = record.image_shape[:2]
    return record.train_count, height * width


def missing_runs(states: Sequence[AblationState], have: set[str]) -> int:
    """Return how many runs are to be trained, those not known yet included."""
    wanted = {key for state in states for key in state.wanted_keys()}
    return len(wanted - have) + sum(_unknown_runs(each) for state in states for each in state.variants)
