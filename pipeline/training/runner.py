"""Train what is missing: search, freeze, replicate, for any number of ablations at once.

The more runs are known at a time, the larger the stacks that train together. So each round gathers all runs that can be
trained now, of all ablations.
"""

import platform
from collections.abc import Sequence
from pathlib import Path

from pipeline.build.built import BuildError
from pipeline.build.declared import declared_ranges
from pipeline.core.digests import digest
from pipeline.core.errors import ParamsError
from pipeline.core.machine import cores
from pipeline.core.project import is_temporary
from pipeline.diagnostics.diagnose import DiagnosticsRunner
from pipeline.diagnostics.required import missing, range_test_diagnostic
from pipeline.engine.datasets import DatasetCache
from pipeline.engine.environment import device, keep_programs, on_gpu, set_up
from pipeline.engine.fused.grouping import group
from pipeline.engine.fused.sizes import Sizes
from pipeline.engine.jobs import Beginning, Checkpoint, TrainedRun
from pipeline.engine.model_cache import ModelCache
from pipeline.engine.phases import diverged_record, failed_record
from pipeline.engine.stacks import Engine
from pipeline.executors.choose import executor
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.study import Study
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.ledger import Ledger
from pipeline.planning.looks import advance, declare
from pipeline.planning.manifests import write_manifest
from pipeline.planning.search_state import SearchState
from pipeline.planning.shared_phases import Step, steps, whole
from pipeline.runs.fingerprint import code_digest
from pipeline.runs.run import Run
from pipeline.store import Store
from pipeline.store.sizes import StackSizes
from pipeline.training.export import export_best
from pipeline.training.model_checks import check_models
from pipeline.training.progress import Progress
from pipeline.training.reporter import ProgressReporter


class Runner:
    """Trains ablations into the store; stored runs are never trained again. `root` is the study's folder.

    Example:
        >>> Runner(study, store, root).run(read_states(study, store, root), view)
    """

    reporter: ProgressReporter
    """Set by `run`, which knows the view."""

    def __init__(self, study: Study, store: Store, root: Path) -> None:
        set_up(study.precision)
        keep_programs(store.folder / ".programs")
        self.model_cache = ModelCache(DatasetCache(root))
        sizes = Sizes(MeasuredSizes(store.stack_sizes))
        self.engine = Engine(self.model_cache, study.engine, sizes, store.checkpoints)
        self.executor = executor(study.executor, self.engine, study.precision, root, store)
        self.study, self.store = study, store
        self.diagnostics = DiagnosticsRunner(self.model_cache, store)
        self.beginnings: dict[str, Beginning] = {}
        """By a run's key, what of it is trained already, of those to be trained next."""
        self._checked: set[str] = set()
        self.ledger = Ledger(root)
        self.keeps_manifests = not is_temporary(root)

    def run(self, states: Sequence[AblationState], view: Progress) -> None:
        """Train all that `states` require, in rounds; then save the best models and run the diagnostics."""
        self.reporter = ProgressReporter(view, self.store)
        self._check_models(states)
        self._find_rates(states)
        self._read_declared(states)
        self._write_manifests(states)
        with self.executor:
            while runs := self._next_round(states):
                self._train(runs)
                self._advance_searches(states)
                self._write_manifests(states)
        self.store.checkpoints.clear()
        self.store.states.clear()
        self._check_models(states)  # those of variants whose hyperparameters are known only now
        for state in states:
            export_best(self.model_cache, self.store, state)
        self._write_manifests(states)  # with the models, so that MLflow gets them now
        for state in states:
            self._diagnose(state)

    def _check_models(self, states: Sequence[AblationState]) -> None:
        """Have Keras build what is new; models that are the same although they should differ are pointed out."""
        for sentence in check_models(self.model_cache, self.store, states):
            if sentence not in self._checked:
                self._checked.add(sentence)
                self.reporter.view.note(sentence)

    def _find_rates(self, states: Sequence[AblationState]) -> None:
        """Run the range tests of variants whose learning rate is `finder`, and freeze what they suggest."""
        for variant, search in _searches(states):
            if search.finder is not None and search.choice is None:
                rates = search.finder.rates.model_dump(mode="json")
                range_test = range_test_diagnostic(variant.variant.name, search.finder.run, rates)
                outcome = self.diagnostics.outcome(range_test)
                if outcome is None:
                    raise RuntimeError("a range test needs no stored weights, so it always has an outcome")
                search.choice = search.finder.choice(outcome["suggested"])
                self.store.choices.put(search.finder.key, search.choice)

    def _read_declared(self, states: Sequence[AblationState]) -> None:
        """Ask the functions that declare what is searched; raises `ParamsError` with a fault for each that cannot say."""
        faults = []
        for state in states:
            for variant in state.variants:
                try:
                    self._read_ranges(variant)
                except BuildError as error:
                    faults.append(f"ablations.{state.name}.{variant.variant.name}: {error}")
        if faults:
            raise ParamsError("models", faults)

    def _read_ranges(self, variant: VariantState) -> None:
        model = variant.variant.recipe.model
        searches = [state.search for state in variant.searches if state.search and not state.is_chosen]
        if not searches or not searches[0].tune.is_declared:
            return
        if isinstance(model, BuiltModel):  # nothing else declares any
            run = Run(variant.variant.recipe, variant.context, "trial", 0)
            view = self.model_cache.view(run, run.phases[-1])
            ranges = declared_ranges(model, view.input_shape, view.outputs)
            for search in searches:
                search.ranges = ranges

    def _diagnose(self, state: AblationState) -> None:
        diagnostics = missing(self.store, state)
        if diagnostics:
            self.reporter.view.note(f"{state.name}: {len(diagnostics)} diagnostics of trained models")
            self.diagnostics.run(diagnostics)

    def _next_round(self, states: Sequence[AblationState]) -> list[Run]:
        """Return all missing runs that can be trained now, trials first; advance searches whose trials are all stored."""
        while True:
            self._declare(states)
            open_runs = {
                run.key: (run, state.name)
                for state in states
                for variant in sorted(state.variants, key=lambda variant: variant.is_chosen)
                for run in variant.open_runs()
            }
            # Runs of earlier processes may be damaged; each is checked once.
            self.store.runs.discard_damaged(open_runs.keys() - self._checked)
            self._checked |= open_runs.keys()
            stored = self.store.runs.keys()
            missing = {key: entry for key, entry in open_runs.items() if key not in stored}
            if not missing and (self._advance_searches(states) or self._advance_looks(states)):
                continue
            self.reporter.ablation_of = {key: name for key, (_, name) in missing.items()}
            runs = [run for run, _ in missing.values()]
            ready = self._first_steps(runs, stored, states)
            self.beginnings |= self._unfinished(ready, states)
            self.reporter.begin(runs, self.beginnings)
            if ready or not missing:
                return ready

    def _unfinished(self, runs: Sequence[Run], states: Sequence[AblationState]) -> dict[str, Beginning]:
        """Return what of the trials among `runs` is trained already; those of which it is lost start over."""
        searches = [search.search for _, search in _searches(states) if search.search is not None]
        before = {key: earlier for search in searches for key, earlier in search.begun.items()}
        begun = {}
        for run in runs:
            earlier = before.get(run.key, "")
            record, saved = self.store.runs.get(earlier), self.store.states.get(earlier)
            if record is not None and saved is not None:
                begun[run.key] = Beginning(0, record, [], state=Checkpoint(*saved))
        return begun

    def _first_steps(
        self, runs: Sequence[Run], stored: set[str], states: Sequence[AblationState]
    ) -> list[Run]:
        """Return what of `runs` can be trained now: phases that several begin with first, once for all of them."""
        if all(len(run.phases) == 1 for run in runs):
            self.beginnings = {}
            return list(runs)
        chosen = (variant for state in states for variant in state.variants if variant.is_chosen)
        wholes = {whole(run): run for variant in chosen for run in variant.replicates}
        ready = steps(runs, stored, wholes)
        begun = {step.beginning.key: step for step in ready if step.beginning is not None}
        read = {key: self._beginning(step) for key, step in begun.items()}
        if damaged := [key for key, beginning in read.items() if beginning is None]:
            for key in damaged:
                self.store.runs.remove(key)
            return self._first_steps(runs, stored.difference(damaged), states)
        self.beginnings = {
            step.run.key: beginning
            for step in ready
            if step.beginning is not None and (beginning := read[step.beginning.key]) is not None
        }
        return [step.run for step in ready if not self._began_badly(step.run)]

    def _beginning(self, step: Step) -> Beginning | None:
        """Return the stored phases that a run goes on from; None where they are damaged."""
        if step.beginning is None:
            return None
        record = self.store.runs.get(step.beginning.key)
        weights = self.store.runs.weights(step.beginning.key)
        if record is None or (record.outcome == "finished" and weights is None):
            return None
        return Beginning(len(step.beginning.phases), record, weights or [], step.runs)

    def _began_badly(self, run: Run) -> bool:
        """Return whether the phases that a run begins with diverged; so has the run then, and that is stored."""
        beginning = self.beginnings.get(run.key)
        if beginning is None or beginning.record.outcome == "finished":
            return False
        self._store([TrainedRun(diverged_record(run, beginning.record), None)])
        return True

    def _advance_searches(self, states: Sequence[AblationState]) -> bool:
        """Score trials, ask for more, freeze the choices of finished searches; return whether anything changed."""
        changed = [self._advance(search) for _, search in _searches(states) if not search.is_chosen]
        return any(changed)

    def _advance_looks(self, states: Sequence[AblationState]) -> bool:
        """Look at ablations whose replicates are stored; return whether a variant goes on to more seeds."""
        going_on = [advance(state, self.store) for state in states if state.families is not None]
        return any(going_on)

    def _declare(self, states: Sequence[AblationState]) -> None:
        """Declare the families of ablations whose hyperparameters have all been chosen now."""
        for state in states:
            if state.families is None and all(variant.is_chosen for variant in state.variants):
                declare(state, self.ledger)

    def _advance(self, state: SearchState) -> bool:
        search = state.search
        if search is None:
            return False
        keys = {run.key for run in state.open_runs()}
        records = {key: record for key in keys if (record := self.store.runs.get(key)) is not None}
        if len(records) < len(keys):
            return False
        search.report(records)
        if not search.next_trials():
            state.choice = search.choice()
            self.store.choices.put(search.key, state.choice)
        return True

    def _train(self, runs: Sequence[Run]) -> None:
        """Train the runs of one data set after those of another, so that only one is in memory at a time."""
        for dataset in dict.fromkeys(run.context.dataset for run in runs):
            own = [run for run in runs if run.context.dataset == dataset]
            buildable = [run for run in own if not self._fails_to_build(run)]
            stacks = [
                stack
                for part in self._parts(buildable)
                for stack in self.engine.stacks(part, self.beginnings)
            ]
            for trained in self.executor.train(stacks, self.reporter):
                self._store(trained)

    def _parts(self, runs: Sequence[Run]) -> list[list[Run]]:
        """Return runs in parts: of each variant as many replicates as its first look takes, of each trial one run.

        Stacks of a part have the sizes of earlier ones, and so their compiled programs: on a CPU it takes longer to compile
        another than small nets take to train. Parts follow each other, as stacks that train at the same time cannot share a
        program.
        """
        if on_gpu():
            return [list(runs)]
        return group(runs, self._part)

    def _part(self, run: Run) -> int:
        looks = self.study.looks_of(self.reporter.ablation_of[run.key])
        return run.seed // (1 if run.kind == "trial" else looks[0])

    def _fails_to_build(self, run: Run) -> bool:
        """Return whether no model can be built with the tuned values of a trial, which has then failed, and store that."""
        if run.kind != "trial" or run.recipe.chain is not None:
            return False
        try:
            for phase in run.phases:
                self.model_cache.template(run, phase)
        except BuildError as error:
            self._store([TrainedRun(failed_record(run, str(error)), None)])
            return True
        return False

    def _store(self, stack: Sequence[TrainedRun]) -> None:
        """Store a stack's runs; the weights of replicates too, from which models are made.

        What unfinished trials go on from is kept until the end, where they have one phase: a run of several trains it again.
        """
        for run in stack:
            if run.state is not None and len(run.record.phase_seconds) == 1:
                self.store.states.put(run.record.key, run.state.plain, run.state.arrays)
        self.store.runs.put_all(
            [(run.record, None if run.record.kind == "trial" else run.weights) for run in stack]
        )
        self.reporter.stored([run.record for run in stack])

    def _write_manifests(self, states: Sequence[AblationState]) -> None:
        for state in states:
            write_manifest(self.store, state, keep=self.keeps_manifests)


def _searches(states: Sequence[AblationState]) -> list[tuple[VariantState, SearchState]]:
    """Return the searches of all variants."""
    return [
        (variant, search) for state in states for variant in state.variants for search in variant.searches
    ]


class MeasuredSizes:
    """The sizes of stacks measured on this machine, in the store: the `KnownSizes` of the fused engine."""

    def __init__(self, sizes: StackSizes) -> None:
        self.sizes = sizes
        self.machine = f"{device()}, {platform.processor() or platform.machine()}, {cores()} cores"

    def get(self, graph: str) -> int | None:
        """See `KnownSizes`."""
        return self.sizes.get(self._key(graph))

    def __setitem__(self, graph: str, size: int) -> None:
        self.sizes.put(self._key(graph), size)

    def _key(self, graph: str) -> str:
        return digest([self.machine, code_digest(), graph])
