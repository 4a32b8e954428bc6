"""The ledger: a JSON file that records what was sent to one MLflow address.

It answers without importing MLflow whether anything is left to send. It is trusted only while it is `clean` (no writer was
killed before it had finished) and, for SQLite, while the database file is the one it was written for, unchanged. Otherwise
the required runs are compared with what MLflow really holds.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.files import locked, read_json, write_json
from pipeline.store import Store
from pipeline.tracking.address import default_uri, is_project_database, sqlite_file
from pipeline.tracking.required import LAYOUT, RequiredExperiment, RequiredRun, digest, required_experiments


@dataclass
class SentRun:
    """One finished run in MLflow: its id there, its fingerprint when it was sent, and whether its model was sent too."""

    run_id: str
    fingerprint: str
    model: bool


@dataclass
class SentExperiment:
    """One experiment in MLflow: its id there, its fingerprint when it was sent, and its runs by identity."""

    experiment_id: str
    fingerprint: str
    runs: dict[str, SentRun] = field(default_factory=dict)


@dataclass
class Ledger:
    """Everything that was sent to one address: the experiments by ablation.

    `clean` is False while a writer is at work and while MLflow holds incomplete runs; `database` is the `database_state`
    after the last change.
    """

    experiments: dict[str, SentExperiment] = field(default_factory=dict)
    clean: bool = False
    database: list[int] | None = None


def pending(store: Store, uri: str | None = None) -> bool:
    """Return whether MLflow may differ from what the manifests require; fast, and without importing MLflow."""
    uri = uri or default_uri(store.folder.parent)
    required, ledger = required_experiments(store), load(store, uri)
    if not required and not ledger.experiments:
        return False
    return not is_trusted(ledger, uri) or differs(required, ledger, store.runs.keys())


def is_trusted(ledger: Ledger, uri: str) -> bool:
    """Return whether MLflow certainly holds what the ledger says."""
    return ledger.clean and ledger.database == database_state(uri)


def differs(required: Mapping[str, RequiredExperiment], ledger: Ledger, finished: set[str]) -> bool:
    """Return whether anything must be sent or deleted; `finished` are the run keys in the store."""
    return _summary_of_required(required, finished) != _summary_of_sent(ledger)


def load(store: Store, uri: str) -> Ledger:
    """Return the ledger of `uri`; an empty one if nothing was sent there or the file is unreadable."""
    try:
        return _ledger(read_json(_file(store, uri)))
    except (TypeError, KeyError, AttributeError):
        return Ledger()


def save(store: Store, uri: str, ledger: Ledger) -> None:
    """Write the ledger of `uri`, with the present state of its database."""
    ledger.database = database_state(uri)
    write_json(_file(store, uri), {"layout": LAYOUT, **asdict(ledger)})


@contextmanager
def one_writer(store: Store, uri: str) -> Iterator[None]:
    """Let one process at a time write to `uri`; the lock is released when the process that holds it ends."""
    with locked(_file(store, uri).with_suffix(".lock")):
        yield


def owner(store: Store, uri: str) -> str:
    """Return the value that tags this project's experiments: on a shared server, no project changes another's."""
    if is_project_database(store.folder.parent, uri):
        return "this project"
    file = folder(store) / "owner.json"
    if read_json(file) is None:
        write_json(file, uuid.uuid4().hex)
    return str(read_json(file))


def folder(store: Store) -> Path:
    """Return the folder of ledgers, locks and the worker's log."""
    return store.folder / ".tracking"


def database_state(uri: str) -> list[int] | None:
    """Return what changes when an SQLite file is written to, replaced or removed; None for other addresses."""
    file = sqlite_file(uri)
    if file is None:
        return None
    try:
        state = file.stat()
    except FileNotFoundError:
        return []
    return [state.st_ino, state.st_size, state.st_mtime_ns]


def _file(store: Store, uri: str) -> Path:
    return folder(store) / f"{digest(uri)}.json"


def _ledger(raw: Any) -> Ledger:
    if raw["layout"] != LAYOUT:
        return Ledger()
    experiments = {name: _sent_experiment(value) for name, value in raw["experiments"].items()}
    return Ledger(experiments, bool(raw["clean"]), raw["database"])


def _sent_experiment(raw: dict[str, Any]) -> SentExperiment:
    runs = {identity: SentRun(**run) for identity, run in raw["runs"].items()}
    return SentExperiment(raw["experiment_id"], raw["fingerprint"], runs)


def _summary_of_required(required: Mapping[str, RequiredExperiment], finished: set[str]) -> dict[str, object]:
    return {
        name: (experiment.fingerprint, _run_fingerprints(experiment.to_send(finished)))
        for name, experiment in required.items()
    }


def _summary_of_sent(ledger: Ledger) -> dict[str, object]:
    return {
        name: (experiment.fingerprint, _run_fingerprints(experiment.runs))
        for name, experiment in ledger.experiments.items()
    }


def _run_fingerprints(runs: Mapping[str, RequiredRun] | Mapping[str, SentRun]) -> dict[str, tuple[str, bool]]:
    return {identity: (run.fingerprint, run.model) for identity, run in runs.items()}
