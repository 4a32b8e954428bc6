"""Train what is missing: search, freeze, replicate, for any number of ablations at once.

The more runs are known at a time, the larger the stacks that train together, so each round gathers all that can be
trained now, whichever ablation wants it.
"""

import platform
from collections.abc import Sequence
from pathlib import Path

from pipeline.engine.auto import Engine
from pipeline.engine.driver import Workshop
from pipeline.engine.environment import device, set_up
from pipeline.engine.fused.sizes import Sizes
from pipeline.engine.protocol import TrainedRun
from pipeline.engine.views import Shelf
from pipeline.engine.workers import cores
from pipeline.executors.choose import executor
from pipeline.executors.worker import set_threads
from pipeline.following import Follower
from pipeline.manifests import write_manifest
from pipeline.models import export_best
from pipeline.params.schema import Study
from pipeline.probes.observer import Observer
from pipeline.probes.wanted import finder_probe, missing
from pipeline.progress import Progress
from pipeline.runs import Run, code_digest, digest
from pipeline.store import Store
from pipeline.survey import AblationState, VariantState


class Runner:
    """Trains ablations into the store; what is there is never trained again."""

    follower: Follower

    def __init__(self, study: Study, store: Store, root: Path) -> None:
        if study.executor.threads is not None:
            set_threads(study.executor.threads)
        set_up(study.precision)
        self.workshop = Workshop(Shelf(root))
        self.engine = Engine(self.workshop, study.engine, Sizes(FoundSizes(store)), store)
        self.executor = executor(study.executor, self.engine, study.precision, root, store)
        self.store = store
        self.observer = Observer(self.workshop, store)

    def run(self, states: Sequence[AblationState], view: Progress) -> None:
        """Train all that `states` want, in rounds: first trials as they are asked for, then replicates."""
        self.follower = Follower(view, self.store)
        self._find_rates(states)
        self._describe(states)
        with self.executor:
            while runs := self._next_round(states):
                self._train(runs)
                self._settle(states)
                self._describe(states)
        self.store.end_checkpoints()
        for state in states:
            export_best(self.workshop, self.store, state)
        for state in states:
            self._observe(state)

    def _find_rates(self, states: Sequence[AblationState]) -> None:
        """Run the range tests of variants whose learning rate is `finder`, and freeze what they suggest."""
        for each in (each for state in states for each in state.variants):
            if each.finder is not None and each.choice is None:
                rates = each.finder.rates.model_dump(mode="json")
                found = self.observer.outcome(finder_probe(each.variant.name, each.finder.run, rates))
                assert found is not None  # only a look at stored weights can find none
                each.choice = each.finder.choice(found["suggested"])
                self.store.put_choice(each.finder.key, each.choice)

    def _observe(self, state: AblationState) -> None:
        looks = missing(self.store, state)
        if looks:
            self.follower.view.note(f"{state.name}: looking at models, {len(looks)} looks")
            self.observer.observe(looks)

    def _next_round(self, states: Sequence[AblationState]) -> list[Run]:
        """Return all missing runs that can be trained now; searches whose trials are all stored go on at once."""
        while True:
            have = self.store.keys()
            wanted = {run.key: (run, state.name) for state in states for run in _ready(state)}
            missing = {key: found for key, found in wanted.items() if key not in have}
            settled = not missing and not self._settle(states)
            if missing or (settled and self.store.keys() == have):  # reading removes damaged runs: look again
                self.follower.wanted_by = {key: name for key, (_, name) in missing.items()}
                return [run for run, _ in missing.values()]

    def _settle(self, states: Sequence[AblationState]) -> bool:
        """Score trials, ask for more, freeze finished searches; tell whether anything changed."""
        searching = [each for state in states for each in state.variants if not each.is_chosen]
        changed = [self._advance(each) for each in searching]
        return any(changed)

    def _advance(self, state: VariantState) -> bool:
        search = state.search
        assert search is not None
        waiting = [run for trial in search.trials if trial.score is None for run in trial.runs]
        records = {run.key: self.store.get(run.key) for run in waiting}
        found = {key: record for key, record in records.items() if record is not None}
        if len(found) < len(records):
            return False
        search.tell(found)
        if not search.next_trials():
            state.choice = search.choice()
            self.store.put_choice(search.key, state.choice)
        return True

    def _train(self, runs: Sequence[Run]) -> None:
        """Train one data set's runs after another's, so that the images of one are in memory at a time."""
        for dataset in dict.fromkeys(run.context.dataset for run in runs):
            self._train_on_one([run for run in runs if run.context.dataset == dataset])

    def _train_on_one(self, runs: Sequence[Run]) -> None:
        for trained in self.executor.train(self.engine.stacks(runs), self.follower):
            self._keep(trained)

    def _keep(self, stack: Sequence[TrainedRun]) -> None:
        """Store a stack's runs; the weights of replicates too, from which models are made."""
        self.store.put_all(
            [(each.record, each.weights if each.record.phase == "replicate" else None) for each in stack]
        )
        self.follower.kept([each.record for each in stack])

    def _describe(self, states: Sequence[AblationState]) -> None:
        for state in states:
            write_manifest(self.store, state)


class FoundSizes:
    """The sizes of stacks that were measured on this machine, as the store keeps them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.machine = f"{device()}, {platform.processor() or platform.machine()}, {cores()} cores"

    def get(self, graph: str) -> int | None:
        """See `Memory`."""
        found = self.store.sizes().get(self._key(graph))
        return found if isinstance(found, int) and found > 0 else None

    def __setitem__(self, graph: str, size: int) -> None:
        self.store.put_size(self._key(graph), size)

    def _key(self, graph: str) -> str:
        return digest([self.machine, code_digest(), graph])


def _ready(state: AblationState) -> list[Run]:
    """Return the runs of an ablation that can be trained as things stand."""
    trials = [
        run
        for each in state.variants
        if not each.is_chosen and each.search is not None
        for trial in each.search.trials
        if trial.score is None
        for run in trial.runs
    ]
    return trials + [run for each in state.variants if each.is_chosen for run in each.replicates]
