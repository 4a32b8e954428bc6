"""What `dvc repro` would train, and roughly how long that would take. No TensorFlow; no data is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.machine import cores
from pipeline.params.types.study import Study
from pipeline.planning.ablation import AblationState
from pipeline.planning.budget import Spending
from pipeline.planning.models import parameter_counts
from pipeline.planning.speed import MEASURED, Speed, learned, place
from pipeline.planning.state import allowed, read_states
from pipeline.planning.work import missing_runs, trial_count, work_of
from pipeline.store import Store

SECONDS_AROUND = 5.0
"""Of a `dvc repro` besides training, on the machine of `MEASURED`: reading params, the report, MLflow."""
SECONDS_PER_STAGE = 0.8
"""Of each ablation's stage."""


def likely(look: int) -> float:
    """Return the part of variants that takes look number `look`: about that of the default study (docs/method.md)."""
    return 0.9 if look == 1 else 0.35


def always(_: int) -> float:
    """Return that all variants take each look."""
    return 1.0


@dataclass(frozen=True)
class AblationPlan:
    """The number of runs of one ablation; `to_train` of them are not stored at least, which takes roughly `seconds`.

    Where variants go on to more seeds until they are settled, `likely` are trained, and at `most` so many.

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
    likely: int
    most: int
    seconds: float
    parameters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BudgetPlan:
    """What a study's budget allows: `seconds` in all, of which some are `spent`; and by ablation `seeds` of those `wanted`.

    `decided`: whether it was spent already, so that this does not change any more.
    """

    seconds: float
    spent: float
    seeds: Mapping[str, int]
    wanted: Mapping[str, int]
    decided: bool

    @property
    def left_out(self) -> list[str]:
        """The ablations of which nothing fits."""
        return [name for name, seeds in self.seeds.items() if not seeds]

    @property
    def shortened(self) -> dict[str, tuple[int, int]]:
        """By ablation that gets fewer seeds than it wants, how many and of how many."""
        pairs = {name: (seeds, self.wanted[name]) for name, seeds in self.seeds.items()}
        return {name: pair for name, pair in pairs.items() if 0 < pair[0] < pair[1]}


@dataclass(frozen=True)
class StudyPlan:
    """All ablations; runs that several share are counted once in the totals.

    `seconds` are those of this machine, as far as it is known; `core_hours` is the training's processor time, with any
    executor (docs/scale.md).
    """

    datasets: tuple[str, ...]
    ablations: tuple[AblationPlan, ...]
    runs: int
    to_train: int
    likely: int
    most: int
    seconds: float
    core_hours: float
    budget: BudgetPlan | None = None

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
    budget = _budget_plan(study, store, root)
    if budget is not None:
        states = [state.with_seeds(budget.seeds[state.name]) for state in states]
    speed, expected = learned(store.journal.sessions(), place(study)), _expected(states)
    training = speed.seconds(work_of(expected, store, stored))
    open_stages = sum(missing_runs([state], stored) > 0 for state in states)
    around = (SECONDS_AROUND + open_stages * SECONDS_PER_STAGE) * speed.start / MEASURED.start
    seconds = training + speed.start + around
    return StudyPlan(
        datasets=tuple(dict.fromkeys(state.dataset.title for state in states)),
        ablations=tuple(_ablation_plan(state, store, stored, speed) for state in states),
        runs=missing_runs(states, set()),
        to_train=missing_runs(states, stored),
        likely=missing_runs(expected, stored),
        most=missing_runs(_expected(states, always), stored),
        seconds=round(seconds, 1) if open_stages else 0.0,
        core_hours=round(training * cores() / 3600, 3),
        budget=budget,
    )


def _expected(
    states: Sequence[AblationState], going_on: Callable[[int], float] = likely
) -> list[AblationState]:
    """Return states with the seeds that variants will come to, if so many of them go on at each look."""
    return [state if state.is_left_out else state.expecting(going_on) for state in states]


def _budget_plan(study: Study, store: Store, root: Path) -> BudgetPlan | None:
    if study.budget is None:
        return None
    spending, decided = Spending(study, store, root), allowed(study, store)
    wanted = {state.name: state.wanted for state in spending.states}
    seeds = spending.forecast() if decided is None else decided
    return BudgetPlan(study.budget, round(spending.spent, 1), seeds, wanted, decided is not None)


def _ablation_plan(state: AblationState, store: Store, stored: set[str], speed: Speed) -> AblationPlan:
    to_train, expected = missing_runs([state], stored), _expected([state])
    return AblationPlan(
        ablation=state.name,
        question=state.spec.question,
        dataset=state.dataset.title,
        kind=state.expanded.kind,
        variants=tuple(variant.variant.name for variant in state.variants),
        trials=sum(trial_count(variant) for variant in state.variants),
        replicates=sum(variant.seeds for variant in state.variants),
        stored=missing_runs([state], set()) - to_train,
        to_train=to_train,
        likely=missing_runs(expected, stored),
        most=missing_runs(_expected([state], always), stored),
        seconds=round(speed.seconds(work_of(expected, store, stored)), 1),
        parameters=parameter_counts(store, state),
    )
