"""Make MLflow hold exactly the finished runs that the manifests name: send what is missing, delete the rest.

Nothing is logged twice into one run: a run whose fingerprint is as required is left alone, any other is deleted and sent
again as a new run.
"""

import time
from collections.abc import Callable
from functools import cached_property

from pipeline.core import project as project_folder
from pipeline.runs.records import RunRecord
from pipeline.store import Store
from pipeline.store.journal import Session
from pipeline.store.runs import RUN
from pipeline.tracking import ledger as ledgers
from pipeline.tracking.address import default_uri
from pipeline.tracking.client import Client
from pipeline.tracking.experiments import Experiments
from pipeline.tracking.ledger import Ledger, SentExperiment, SentRun
from pipeline.tracking.model_files import ModelFile
from pipeline.tracking.payload import params, points, summary_points, tags
from pipeline.tracking.required import RequiredExperiment, RequiredRun, required_experiments


def project(store: Store, uri: str | None = None) -> None:
    """Make MLflow at `uri` hold exactly what the manifests require; raises what MLflow raises."""
    Projection(store, uri or default_uri(store.folder.parent)).synchronise()


class Projection:
    """The store as shown at one MLflow address; connects when there is something to write for the first time.

    `heartbeat` is called after each step, as a sign of life.
    """

    def __init__(self, store: Store, uri: str, heartbeat: Callable[[], None] = lambda: None) -> None:
        self.store, self.uri, self.heartbeat = store, uri, heartbeat
        self._ledger: Ledger | None = None
        self._began = 1000 * time.time()
        self._in_training = False
        self._compared = False
        self._incomplete: list[str] = []

    @cached_property
    def client(self) -> Client:
        """The connection, made at first use, which takes seconds."""
        self.heartbeat()
        client = Client(self.uri)
        self.heartbeat()
        return client

    @cached_property
    def _commit_now(self) -> str | None:
        return project_folder.commit(self.store.folder.parent)

    @cached_property
    def _sessions(self) -> dict[str, list[Session]]:
        return self.store.journal.by_run()

    @cached_property
    def _experiments(self) -> Experiments:
        return Experiments(self.client, self.store, self.uri, self._incomplete)

    def synchronise(self) -> None:
        """Send what is missing and delete what is not required; then MLflow holds exactly what the manifests require."""
        self._update(final=True)

    def send_finished(self) -> None:
        """Send finished runs that MLflow lacks; delete nothing, as the manifests may still grow, and send no models."""
        self._update(final=False)

    def experiment_id(self, ablation: str) -> str | None:
        """Return the id of the ablation's experiment in MLflow, or None while it has none."""
        sent = self._ledger.experiments.get(ablation) if self._ledger else None
        return sent.experiment_id if sent else None

    def mark_in_training(self, in_training: bool) -> None:
        """Record in the ledger whether MLflow holds runs in training, so that after a crash they are looked for."""
        self._in_training = in_training
        with ledgers.one_writer(self.store, self.uri):
            self._save_if_changed(self._current())

    def _update(self, final: bool) -> None:
        with ledgers.one_writer(self.store, self.uri):
            try:
                self._write(self._current(), final)
            except BaseException:
                self._ledger = None  # so that it is compared with MLflow before anything else is written
                raise

    def _current(self) -> Ledger:
        """Return what MLflow holds: from the ledger where it can be trusted, else from MLflow itself."""
        ledger = ledgers.load(self.store, self.uri)
        if self._ledger is None or self._ledger != ledger:
            self._incomplete.clear()
            if not ledgers.is_trusted(ledger, self.uri):
                ledger.experiments, ledger.clean = self._experiments.existing(), False
                self._compared = True
                ledgers.save(self.store, self.uri, ledger)
            self._ledger = ledger
        return self._ledger

    def _write(self, ledger: Ledger, final: bool) -> None:
        required, finished = required_experiments(self.store), self.store.runs.keys()
        if self._incomplete or ledgers.differs(required, ledger, finished):
            ledger.clean = False
            ledgers.save(self.store, self.uri, ledger)
            for experiment in required.values():
                runs = experiment.to_send(finished)
                self._write_runs(self._experiment(ledger, experiment), runs, final)
            if final:
                self._prune(ledger, required)
                self._compared = False
        self._save_if_changed(ledger)

    def _save_if_changed(self, ledger: Ledger) -> None:
        clean = not self._incomplete and not self._in_training
        if ledger.clean != clean or ledger.database != ledgers.database_state(self.uri):
            ledger.clean = clean
            ledgers.save(self.store, self.uri, ledger)

    def _prune(self, ledger: Ledger, required: dict[str, RequiredExperiment]) -> None:
        for name in ledger.experiments.keys() - required.keys():
            self.client.delete_experiment(ledger.experiments.pop(name).experiment_id)
        while self._incomplete:
            self._delete(self._incomplete.pop())

    def _write_runs(self, sent: SentExperiment, runs: dict[str, RequiredRun], final: bool) -> None:
        if final:
            outdated = [key for key, run in sent.runs.items() if not _is_current(run, runs.get(key))]
            for identity in outdated:
                self._delete(sent.runs.pop(identity).run_id)
            if outdated or self._compared:  # a killed writer may have left a model that no run names
                self.client.keep_models_of(
                    sent.experiment_id, {run.run_id for run in sent.runs.values() if run.model}
                )
        for identity, run in runs.items():
            if identity not in sent.runs:
                self._send(sent, run)
            if final and run.model:
                self._send_model(sent, run)

    def _experiment(self, ledger: Ledger, required: RequiredExperiment) -> SentExperiment:
        """Return the ablation's experiment in MLflow, created and described as required."""
        if required.ablation not in ledger.experiments:
            ledger.experiments[required.ablation] = self._experiments.get_or_create(required)
        sent = ledger.experiments[required.ablation]
        if sent.fingerprint != required.fingerprint:
            self._experiments.describe(sent, required)
        return sent

    def _send(self, experiment: SentExperiment, run: RequiredRun) -> None:
        record = None if run.summary is not None else self.store.runs.get(run.run_key)
        if run.summary is not None:
            started = ended = int(1000 * time.time())
            measured = summary_points(run.summary, ended)
        elif record is not None:
            started, ended = self._times(record)
            measured = points(record, started, ended)
        else:
            return
        commit = None if record is None else self._commit_at(run.run_key, ended)
        of_run = tags(run, record, commit)
        run_id = self.client.create_run(experiment.experiment_id, run.name, of_run, started)
        self.client.log(run_id, measured, params(run, record))
        if run.summary is not None:
            self.client.log_dataset(run_id, run.summary["dataset"])
        self.client.finish(run_id, ended)
        experiment.runs[run.identity] = SentRun(run_id, run.fingerprint, model=False)
        self.heartbeat()

    def _send_model(self, experiment: SentExperiment, run: RequiredRun) -> None:
        sent = experiment.runs.get(run.identity)
        record = self.store.runs.get(run.run_key)
        if sent is not None and record is not None and not sent.model:
            runs = self.store.runs
            file = ModelFile(runs.model_path(run.run_key), runs.signature_path(run.run_key))
            results = [point for point in points(record, *self._times(record)) if point.key in record.metrics]
            self.client.log_model(experiment.experiment_id, sent.run_id, run.variant, file, results)
            sent.model = True
            self.heartbeat()

    def _commit_at(self, key: str, ended: int) -> str | None:
        """Return the commit at which a run was trained; a session that still trains is not in the journal yet."""
        if ended >= self._began:
            return self._commit_now
        sessions = self._sessions.get(key)
        return sessions[-1].commit if sessions else None

    def _times(self, record: RunRecord) -> tuple[int, int]:
        """Return when a run began and ended, in milliseconds since 1970."""
        ended = int(1000 * (self.store.folder / record.key / RUN).stat().st_mtime)
        return ended - round(1000 * record.seconds), ended

    def _delete(self, run_id: str) -> None:
        self.client.delete_run(run_id)
        self.heartbeat()


def _is_current(sent: SentRun, required: RequiredRun | None) -> bool:
    """Return whether a run in MLflow can stay as it is; a model that is still missing can be added to it."""
    if required is None or required.fingerprint != sent.fingerprint:
        return False
    return required.model or not sent.model
