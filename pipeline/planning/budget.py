"""Spending a study's budget of time: trials and as many seeds as fit, equally many for all variants and ablations.

An ablation is trained with two seeds at least, or left out: the last ones in the params file first. Further seeds are added
to all ablations alike. What is left is looked at again after each pass of training, and the decision is kept, so that
all stages of a `dvc repro` agree on it.
"""

import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.params.types.study import Study
from pipeline.planning.ablation import AblationState
from pipeline.planning.speed import Speed, learned, place
from pipeline.planning.state import allowance_key, read_states
from pipeline.planning.work import work_of
from pipeline.store import Store

FEWEST = 2
"""Seeds with which an ablation is worth training: one has no interval."""
FIRST_SHARE = 0.5
"""The part of the budget that the first pass is planned for where nothing was trained on this machine yet."""


def spent(store: Store, states: Sequence[AblationState]) -> float:
    """Return how many seconds of training went into the runs that `states` require, each run its share of its session."""
    required = {key for state in states for key in state.required_keys()}
    required.update(key for state in states for variant in state.variants for key in variant.shared_keys())
    return sum(
        session.seconds * len(required.intersection(session.runs)) / len(session.runs)
        for session in store.journal.sessions()
    )


class Spending:
    """The budget of `study` while it is spent; raises `ValueError` for a study without one."""

    def __init__(self, study: Study, store: Store, root: Path) -> None:
        if study.budget is None:
            raise ValueError("a study without a budget has nothing to spend")
        self.study, self.store, self.budget = study, store, study.budget
        self.states = [state.with_seeds(state.wanted) for state in read_states(study, store, root)]
        self.spent = spent(store, self.states)
        sessions = store.journal.sessions()
        self.speed = learned(sessions, place(study))
        self.knows_speed = any(session.work for session in sessions)

    def forecast(self) -> dict[str, int]:
        """Return how many seeds of each ablation would fit now."""
        return {state.name: state.seeds for state in self._fitting(self.budget - self.spent, self.states, {})}

    def passes(self) -> Iterator[list[AblationState]]:
        """Yield what is to be trained next while more fits into the budget, then keep what was decided."""
        seeds, began = {state.name: 0 for state in self.states}, time.monotonic()
        share = 1.0 if self.knows_speed else FIRST_SHARE
        while True:
            left = self.budget - self.spent - (time.monotonic() - began)
            fitting = self._fitting(share * left, self.states, seeds)
            if {state.name: state.seeds for state in fitting} == seeds and share == 1.0:
                break
            seeds, self.states, share = {state.name: state.seeds for state in fitting}, fitting, 1.0
            included = [state for state in fitting if not state.is_left_out]
            planned, started = self._seconds(included), time.monotonic()
            if included:
                yield included
            self._learn(planned, time.monotonic() - started)
        self.store.allowances.put(allowance_key(self.study, self.store), seeds)

    def _learn(self, planned: float, took: float) -> None:
        """Correct the speed by how long a pass took."""
        if planned > 1.0:
            factor = took / planned
            self.speed = Speed(*(factor * value for value in vars(self.speed).values()))

    def _fitting(
        self, left: float, states: Sequence[AblationState], before: dict[str, int]
    ) -> list[AblationState]:
        """Return all ablations with as many seeds each as fit into `left` seconds, none fewer than `before`."""
        kept: list[AblationState] = []
        for state in states:
            least = state.with_seeds(max(min(FEWEST, state.wanted), before.get(state.name, 0)))
            if self._seconds([*kept, least]) <= left or before.get(state.name):
                kept.append(least)
        counts = range(FEWEST, max((state.wanted for state in kept), default=FEWEST) + 1)
        most = bisect_right(counts, left, key=lambda count: self._seconds(_at_least(kept, count)))
        kept = _at_least(kept, counts[most - 1]) if most else kept
        fitting = {state.name: state for state in kept}
        return [fitting.get(state.name) or state.with_seeds(0) for state in states]

    def _seconds(self, states: Sequence[AblationState]) -> float:
        """Return how long training what is missing of `states` takes."""
        work = work_of(states, self.store, self.store.runs.keys())
        return self.speed.seconds(work) + (self.speed.start if work.steps else 0.0)


def _at_least(states: Sequence[AblationState], seeds: int) -> list[AblationState]:
    """Return ablations with that many seeds, as far as they want so many, and none with fewer than it has."""
    return [state.with_seeds(max(state.seeds, min(seeds, state.wanted))) for state in states]
