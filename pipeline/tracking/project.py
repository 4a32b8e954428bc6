"""Make MLflow hold exactly the finished runs that the manifests name: what is new is sent, the rest deleted.

Nothing is ever logged twice into one run: a finished run with the wanted fingerprint is left alone, any other
is deleted and written anew in one batch.
"""

from collections.abc import Callable
from functools import cached_property

from pipeline.store import RUN, Store
from pipeline.tracking import ledger as ledgers
from pipeline.tracking.address import default_uri
from pipeline.tracking.client import Client
from pipeline.tracking.experiments import Experiments
from pipeline.tracking.ledger import Ledger, SentExperiment, SentRun
from pipeline.tracking.payload import params, points, tags
from pipeline.tracking.wanted import WantedExperiment, WantedRun, wanted


def project(store: Store, uri: str | None = None) -> None:
    """Make MLflow at `uri` hold exactly what the manifests say; raises what MLflow raises."""
    Projection(store, uri or default_uri(store.folder.parent)).settle()


class Projection:
    """The store as seen through one MLflow address; connects when there is first something to write."""

    def __init__(self, store: Store, uri: str, beat: Callable[[], None] = lambda: None) -> None:
        """`beat` is called after each step, as a sign of life."""
        self.store, self.uri, self.beat = store, uri, beat
        self._ledger: Ledger | None = None
        self._unfinished = False
        self._strays: list[str] = []

    @cached_property
    def client(self) -> Client:
        """The connection, made at first use (seconds)."""
        self.beat()
        client = Client(self.uri)
        self.beat()
        return client

    @cached_property
    def _experiments(self) -> Experiments:
        """The experiments that the runs go into."""
        return Experiments(self.client, self.store, self.uri, self._strays)

    def settle(self) -> None:
        """Send what is missing, delete what is not wanted; afterwards MLflow holds exactly what is wanted."""
        self._update(whole=True)

    def advance(self) -> None:
        """Send finished runs that MLflow lacks; nothing is deleted yet, as manifests may still grow."""
        self._update(whole=False)

    def experiment_id(self, ablation: str) -> str | None:
        """Return the ablation's experiment in MLflow, or None while it has none."""
        sent = self._ledger.experiments.get(ablation) if self._ledger else None
        return sent.experiment_id if sent else None

    def expect_unfinished(self, unfinished: bool) -> None:
        """Say whether MLflow holds unfinished runs, so that whoever comes after a crash looks for them."""
        self._unfinished = unfinished
        with ledgers.one_writer(self.store, self.uri):
            self._keep(self._current())

    def _update(self, whole: bool) -> None:
        with ledgers.one_writer(self.store, self.uri):
            try:
                self._write(self._current(), whole)
            except BaseException:
                self._ledger = None  # to be compared with what MLflow holds before anything else is written
                raise

    def _current(self) -> Ledger:
        """Return what MLflow holds: as remembered where that can be trusted, as asked for where it cannot."""
        found = ledgers.load(self.store, self.uri)
        if self._ledger is None or self._ledger != found:
            self._strays.clear()
            if not ledgers.trusted(found, self.uri):
                found.experiments, found.clean = self._experiments.existing(), False
                ledgers.save(self.store, self.uri, found)
            self._ledger = found
        return self._ledger

    def _write(self, ledger: Ledger, whole: bool) -> None:
        wishes, finished = wanted(self.store), self.store.keys()
        if self._strays or ledgers.differs(wishes, ledger, finished):
            ledger.clean = False
            ledgers.save(self.store, self.uri, ledger)
            for wish in wishes.values():
                self._write_experiment(ledger, wish, finished, whole)
            if whole:
                self._prune(ledger, wishes)
        self._keep(ledger)

    def _keep(self, ledger: Ledger) -> None:
        clean = not self._strays and not self._unfinished
        if ledger.clean != clean or ledger.database != ledgers.database_state(self.uri):
            ledger.clean = clean
            ledgers.save(self.store, self.uri, ledger)

    def _prune(self, ledger: Ledger, wishes: dict[str, WantedExperiment]) -> None:
        for name in ledger.experiments.keys() - wishes.keys():
            self.client.delete_experiment(ledger.experiments.pop(name).experiment_id)
        while self._strays:
            self._delete(self._strays.pop())

    def _write_experiment(
        self, ledger: Ledger, wish: WantedExperiment, finished: set[str], whole: bool
    ) -> None:
        experiment = self._experiment(ledger, wish)
        runs = {identity: run for identity, run in wish.runs.items() if run.run_key in finished}
        if whole:
            for identity in [
                one for one, sent in experiment.runs.items() if not _matches(runs.get(one), sent)
            ]:
                self._delete(experiment.runs.pop(identity).run_id)
        for identity, run in runs.items():
            if identity not in experiment.runs:
                self._send(experiment, run)
            if whole and run.model:
                self._send_model(experiment, run)

    def _experiment(self, ledger: Ledger, wish: WantedExperiment) -> SentExperiment:
        if wish.ablation not in ledger.experiments:
            ledger.experiments[wish.ablation] = self._experiments.claim(wish)
        experiment = ledger.experiments[wish.ablation]
        if experiment.fingerprint != wish.fingerprint:
            self._experiments.describe(experiment, wish)
        return experiment

    def _send(self, experiment: SentExperiment, run: WantedRun) -> None:
        record = self.store.get(run.run_key)
        if record is None:
            return
        ended = int(1000 * (self.store.folder / run.run_key / RUN).stat().st_mtime)
        started = ended - round(1000 * record.seconds)
        run_id = self.client.create_run(experiment.experiment_id, run.name, tags(run, record), started)
        self.client.log(run_id, points(record, started, ended), params(run, record))
        self.client.finish(run_id, ended)
        experiment.runs[run.identity] = SentRun(run_id, run.fingerprint, model=False)
        self.beat()

    def _send_model(self, experiment: SentExperiment, run: WantedRun) -> None:
        sent = experiment.runs.get(run.identity)
        if sent is not None and not sent.model:
            self.client.log_model(sent.run_id, self.store.model_path(run.run_key))
            sent.model = True
            self.beat()

    def _delete(self, run_id: str) -> None:
        self.client.delete_run(run_id)
        self.beat()


def _matches(run: WantedRun | None, sent: SentRun) -> bool:
    return run is not None and run.fingerprint == sent.fingerprint and (run.model or not sent.model)
