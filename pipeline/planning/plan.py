"""What `dvc repro` would train, and roughly how long that would take. No TensorFlow; no data is read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.data.catalogue import Dataset, lookup
from pipeline.params.types.phases import Phase, phases_of
from pipeline.params.types.study import Study
from pipeline.planning.cost import work
from pipeline.planning.models import parameter_counts
from pipeline.planning.shared_phases import beginnings_of
from pipeline.planning.state import AblationState, VariantState, read_states
from pipeline.search import halving
from pipeline.store import Store

# Measured on a machine with two cores (docs/performance.md).
CORES = 2
SECONDS_TO_START = 12.0
SECONDS_PER_GRAPH = 1.5
SECONDS_PER_STEP = 30e-6
"""Of each model in a fused stack, in addition to the operations."""
SECONDS_PER_OPERATION = 1 / 120e9
"""In dense layers: measured with the `mlp` there."""
SECONDS_PER_CONVOLVED = 1 / 45e9
"""In convolutions: measured with the `cnn` there."""


@dataclass(frozen=True)
class AblationPlan:
    """The number of runs of one ablation; `to_train` of them are not stored, which takes roughly `seconds`.

    `kind` is that of the ablation: `variants`, `grid`, ... `parameters` are those of each variant's model, as far as known.
    """

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
    parameters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyPlan:
    """All ablations; runs that several share are counted once in the totals.

    `seconds` are those of one machine; `core_hours` is the training's processor time, with any executor (docs/scale.md).
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
    """Return what `study` requires and what of it `store` lacks.

    Example:
        >>> plan(load(Path("params.yaml")), Store(), Path()).to_train
    """
    stored = store.runs.keys()
    states = read_states(study, store, root)
    seconds = _seconds_of_all(states, stored, root)
    return StudyPlan(
        datasets=tuple(dict.fromkeys(state.dataset.title for state in states)),
        ablations=tuple(_ablation_plan(state, store, stored, root) for state in states),
        runs=missing_runs(states, set()),
        to_train=missing_runs(states, stored),
        seconds=round(seconds + SECONDS_TO_START, 1) if seconds else 0.0,
        core_hours=round(seconds * CORES / 3600, 3),
    )


def missing_runs(states: Sequence[AblationState], stored: set[str]) -> int:
    """Return how many runs are required but not stored, including those that searches have yet to decide on."""
    required = {key for state in states for key in state.required_keys()}
    unknown = sum(_unknown_runs(variant) for state in states for variant in state.variants)
    return len(required - stored) + unknown


def _ablation_plan(state: AblationState, store: Store, stored: set[str], root: Path) -> AblationPlan:
    to_train = missing_runs([state], stored)
    return AblationPlan(
        ablation=state.name,
        question=state.spec.question,
        dataset=state.dataset.title,
        kind=state.expanded.kind,
        variants=tuple(variant.variant.name for variant in state.variants),
        trials=sum(_trial_count(variant) for variant in state.variants),
        replicates=state.seeds * len(state.variants),
        stored=missing_runs([state], set()) - to_train,
        to_train=to_train,
        seconds=round(_seconds(state, stored, root), 1),
        parameters=parameter_counts(store, state),
    )


def _trial_count(state: VariantState) -> int:
    tune = state.variant.tune
    if state.choice is not None:
        return sum(len(trial["run_keys"]) for trial in state.choice["trials"])
    return tune.trials * tune.seeds * (tune.folds or 1) if tune else 0


def missing_runs_of(state: VariantState, stored: set[str]) -> int:
    """Return how many runs of a variant are not stored, those that its search has yet to decide on included."""
    return len({run.key for run in state.open_runs()} - stored) + _unknown_runs(state)


def _unknown_runs(state: VariantState) -> int:
    """Return how many runs of a variant have no key yet, since its hyperparameters are not chosen."""
    return 0 if state.is_chosen else _trial_count(state) + state.seeds


def _seconds_of_all(states: Sequence[AblationState], stored: set[str], root: Path) -> float:
    """Return a rough time for all ablations; a run that several share is trained once."""
    total, seen = 0.0, set(stored)
    for state in states:
        total += _seconds(state, seen, root)
        seen.update(state.required_keys())
        seen.update(key for variant in state.variants for key in variant.shared_keys())
    return total


def _seconds(state: AblationState, stored: set[str], root: Path) -> float:
    """Return a rough time for the missing runs: their steps and operations, and one graph for each phase of each variant."""
    trained, dataset = set(stored), lookup(state.variants[0].context.dataset, root)
    return sum(_variant_seconds(variant, trained, dataset) for variant in state.variants)


def _variant_seconds(state: VariantState, trained: set[str], dataset: Dataset) -> float:
    """Return a rough time for a variant; before its search has ended, trials are assumed to take as long as replicates.

    Phases with which several replicates begin are counted once: they are added to `trained`, the keys of what is trained.
    """
    tune = state.variant.tune
    trials = 0 if state.is_chosen else _trial_count(state)
    runs = [run for run in state.replicates if run.key not in trained] if state.is_chosen else []
    replicates = len(runs) if state.is_chosen else state.seeds
    if not trials + replicates:
        return 0.0
    phases = phases_of(runs[0].recipe if runs else state.variant.recipe)
    seconds = len(phases) * SECONDS_PER_GRAPH
    of_trial, of_replicate = (
        [_phase_seconds(phase, dataset, folds) for phase in phases]
        for folds in (tune.folds if tune else None, None)
    )
    if tune is not None and tune.stop is not None:
        of_trial[-1] *= halving.cost(tune.trials, phases[-1].recipe.training.epochs)
    seconds += trials * sum(of_trial)
    if not runs or len(phases) == 1:
        return seconds + replicates * sum(of_replicate)
    for run in runs:
        for key, cost in zip([*beginnings_of(run), run.key], of_replicate, strict=True):
            seconds += 0.0 if key in trained else cost
            trained.add(key)
    return seconds


def _phase_seconds(phase: Phase, dataset: Dataset, folds: int | None) -> float:
    phase_work = work(phase, dataset, folds)
    return (
        phase_work.steps * SECONDS_PER_STEP
        + phase_work.dense * SECONDS_PER_OPERATION
        + phase_work.convolved * SECONDS_PER_CONVOLVED
    )
