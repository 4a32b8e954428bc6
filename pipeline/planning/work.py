"""The runs that are missing, and the work of training them. No TensorFlow; no data is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.data.catalogue import Dataset
from pipeline.engine.fused.grouping import signature
from pipeline.params.types.phases import Phase, phases_of
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.cost import Work, graphs, work
from pipeline.planning.models import model_key
from pipeline.planning.shared_phases import beginnings_of
from pipeline.runs.run import Run
from pipeline.search import halving
from pipeline.store import Store


def missing_runs(states: Sequence[AblationState], stored: set[str]) -> int:
    """Return how many runs are required but not stored, including those that searches have yet to decide on."""
    required = {key for state in states for key in state.required_keys()}
    unknown = sum(_unknown_runs(variant) for state in states for variant in state.variants)
    return len(required - stored) + unknown


def trial_count(state: VariantState) -> int:
    """Return how many runs the trials of a variant are."""
    tune = state.variant.tune
    planned = tune.trials * tune.seeds * (tune.folds or 1) if tune else 0
    return sum(
        planned if search.choice is None else sum(len(trial["run_keys"]) for trial in search.choice["trials"])
        for search in state.searches
    )


def missing_runs_of(state: VariantState, stored: set[str]) -> int:
    """Return how many runs of a variant are not stored, those that its search has yet to decide on included."""
    return len({run.key for run in state.open_runs()} - stored) + _unknown_runs(state)


def _unknown_runs(state: VariantState) -> int:
    """Return how many runs of a variant have no key yet, since its hyperparameters are not chosen."""
    return 0 if state.is_chosen or not state.seeds else trial_count(state) + state.seeds


def work_of(states: Sequence[AblationState], store: Store, stored: set[str]) -> Work:
    """Return the work of the missing runs of all states, a run that several share counted once."""
    tally = _Tally(store, set(stored))
    for state in states:
        for variant in state.variants:
            tally.add(variant, state.dataset)
        tally.trained.update(state.required_keys())
    return tally.work


class _Tally:
    """The work of variants added so far, the keys of what is `trained` then, and the graphs that are traced."""

    def __init__(self, store: Store, trained: set[str]) -> None:
        self.store, self.trained, self.work = store, trained, Work()
        self._graphs: set[tuple[str, str]] = set()

    def add(self, state: VariantState, dataset: Dataset) -> None:
        """Add a variant; before its search has ended, trials are assumed to take as long as replicates.

        Phases with which several replicates begin are counted once.
        """
        tune = state.variant.tune
        trials = 0 if state.is_chosen or not state.seeds else trial_count(state)
        runs = [run for run in state.replicates if run.key not in self.trained] if state.is_chosen else []
        replicates = len(runs) if state.is_chosen else state.seeds
        if not trials + replicates:
            return
        phases = phases_of(runs[0].recipe if runs else state.variant.recipe)
        summaries = [self._summary(state, phase, runs) for phase in phases]
        of_trial, of_replicate = (
            [work(phase, dataset, folds, summary) for phase, summary in zip(phases, summaries, strict=True)]
            for folds in (tune.folds if tune else None, None)
        )
        for phase, summary in zip(phases, summaries, strict=True):
            self._trace(phase, dataset, graphs(phase, summary), trials > 0, replicates > 0)
        if tune is not None and tune.stop is not None:
            of_trial[-1] *= halving.cost(tune.trials, phases[-1].recipe.training.epochs)
        self.work += sum(of_trial, Work()) * trials
        if not runs or len(phases) == 1:
            self.work += sum(of_replicate, Work()) * replicates
            return
        for run in runs:
            for key, cost in zip([*beginnings_of(run), run.key], of_replicate, strict=True):
                self.work += cost * (key not in self.trained)
                self.trained.add(key)

    def _trace(self, phase: Phase, dataset: Dataset, size: float, trials: bool, replicates: bool) -> None:
        """Count the graphs of a phase that no other variant has: that of trials, and that of replicates."""
        graph = signature(phase.recipe, [dataset.name, *map(str, phase.settings.values())])
        for kind in ("trial",) * trials + ("replicate",) * replicates:
            if (graph, kind) not in self._graphs:
                self._graphs.add((graph, kind))
                self.work += Work(graphs=size)

    def _summary(self, state: VariantState, phase: Phase, runs: Sequence[Run]) -> Mapping[str, Any] | None:
        """Return what is known of a model that a function builds."""
        if phase.recipe.chain is not None or not state.is_chosen:
            return None
        return self.store.models.get(model_key((runs or state.replicates)[0], phase))
