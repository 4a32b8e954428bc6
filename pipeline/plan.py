"""What a `dvc repro` would train, and about how long it would take. No TensorFlow, no data read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.data.catalogue import Dataset, lookup
from pipeline.params.phases import Phase, phases_of
from pipeline.params.schema import Study
from pipeline.store import Store
from pipeline.survey import AblationState, VariantState, survey
from pipeline.workload import work

# Measured on two cores (docs/performance.md): a step of a fused stack costs each model this much.
SECONDS_PER_STEP = 30e-6
SECONDS_PER_OPERATION = 1 / 120e9  # in dense layers: the `mlp` there
SECONDS_PER_CONVOLVED = 1 / 45e9  # in convolutions: the `cnn`
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
    plans = [_ablation_plan(state, have, root) for state in states]
    keys = {key for state in states for key in state.wanted_keys()}
    unknown = sum(_unknown_runs(each) for state in states for each in state.variants)
    seconds = _seconds_of_all(states, have, root)
    return StudyPlan(
        datasets=study.datasets,
        ablations=tuple(plans),
        runs=len(keys) + unknown,
        to_train=len(keys - have) + unknown,
        seconds=round(seconds + SECONDS_TO_START, 1) if seconds else 0.0,
        core_hours=round(seconds * CORES / 3600, 3),
    )


def _ablation_plan(state: AblationState, have: set[str], root: Path) -> AblationPlan:
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
        seconds=round(_seconds(state, have, root), 1),
    )


def _trial_count(state: VariantState) -> int:
    tune = state.variant.tune
    if state.choice is not None:
        return sum(len(trial["run_keys"]) for trial in state.choice["trials"])
    return tune.trials * tune.seeds * (tune.folds or 1) if tune else 0


def _unknown_runs(state: VariantState) -> int:
    """Return how many runs will be wanted that have no key yet, their hyperparameters not being chosen."""
    return 0 if state.is_chosen else _trial_count(state) + state.seeds


def _seconds_of_all(states: Sequence[AblationState], have: set[str], root: Path) -> float:
    """Return a rough time for all ablations; a run that several share takes it once."""
    total, seen = 0.0, set(have)
    for state in states:
        total += _seconds(state, seen, root)
        seen.update(state.wanted_keys())
    return total


def _seconds(state: AblationState, have: set[str], root: Path) -> float:
    """Return a rough time: steps and operations of the missing runs, and a graph for each phase of each variant."""
    return sum(_variant_seconds(each, have, lookup(each.context.dataset, root)) for each in state.variants)


def _variant_seconds(state: VariantState, have: set[str], dataset: Dataset) -> float:
    """Return a rough time for a variant; until its search has ended, its trials are taken to be like itself.

    Every run goes through all phases, also where those of several variants begin alike.
    """
    tune, trials = state.variant.tune, 0 if state.is_chosen else _trial_count(state)
    measured = state.seeds if not state.is_chosen else len([x for x in state.replicates if x.key not in have])
    if not trials + measured:
        return 0.0
    phases = phases_of(state.replicates[0].recipe if state.is_chosen else state.variant.recipe)
    seconds = len(phases) * SECONDS_PER_GRAPH
    for runs, folds in ((trials, tune.folds if tune else None), (measured, None)):
        seconds += runs * sum(_phase_seconds(phase, dataset, folds) for phase in phases)
    return seconds


def _phase_seconds(phase: Phase, dataset: Dataset, folds: int | None) -> float:
    found = work(phase, dataset, folds)
    return (
        found.steps * SECONDS_PER_STEP
        + found.dense * SECONDS_PER_OPERATION
        + found.convolved * SECONDS_PER_CONVOLVED
    )


def missing_runs(states: Sequence[AblationState], have: set[str]) -> int:
    """Return how many runs are to be trained, those not known yet included."""
    wanted = {key for state in states for key in state.wanted_keys()}
    return len(wanted - have) + sum(_unknown_runs(each) for state in states for each in state.variants)
