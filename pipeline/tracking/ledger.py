"""The ledger: what was sent to one MLflow address, so that with nothing new nobody need import MLflow.

It is trusted only while it is `clean` (no writer died over it) and, for SQLite, while the database is the
very file, untouched, that it was written for. Otherwise everything is compared with what MLflow really holds.
"""

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.store import Store, read_json, write_json
from pipeline.tracking.address import default_uri, is_project_database, sqlite_file
from pipeline.tracking.wanted import LAYOUT, WantedExperiment, digest, wanted


@dataclass
class SentRun:
    """One finished run in MLflow: its id there, the fingerprint it was written with, its model too?"""

    run_id: str
    fingerprint: str
    model: bool


@dataclass
class SentExperiment:
    """One experiment in MLflow: its id there, the fingerprint it was written with, its runs by identity."""

    experiment_id: str
    fingerprint: str
    runs: dict[str, SentRun] = field(default_factory=dict)


@dataclass
class Ledger:
    """Everything that was sent to one address."""

    experiments: dict[str, SentExperiment] = field(default_factory=dict)
    clean: bool = False
    database: list[int] | None = None


def pending(store: Store, uri: str | None = None) -> bool:
    """Return whether MLflow may hold anything but what the manifests ask for; cheap, without MLflow."""
    uri = uri or default_uri(store.folder.parent)
    wishes, ledger = wanted(store), load(store, uri)
    if not wishes and not ledger.experiments:
        return False
    return not trusted(ledger, uri) or differs(wishes, ledger, store.keys())


def trusted(ledger: Ledger, uri: str) -> bool:
    """Return whether the ledger surely says what MLflow holds."""
    return ledger.clean and ledger.database == database_state(uri)


def differs(wishes: dict[str, WantedExperiment], ledger: Ledger, finished: set[str]) -> bool:
    """Return whether anything is to be sent or deleted; `finished` are the run keys in the store."""
    return _wished(wishes, finished) != _sent(ledger)


def load(store: Store, uri: str) -> Ledger:
    """Return what was sent to `uri`, or an empty ledger where nothing was or its file is unreadable."""
    try:
        return _ledger(read_json(_file(store, uri)))
    except (TypeError, KeyError, AttributeError):
        return Ledger()


def save(store: Store, uri: str, ledger: Ledger) -> None:
    """Write the ledger of `uri`, and the state that its database is in."""
    ledger.database = database_state(uri)
    write_json(_file(store, uri), {"layout": LAYOUT, **asdict(ledger)})


@contextmanager
def one_writer(store: Store, uri: str) -> Iterator[None]:
    """Let one process at a time write to `uri`; the lock is lost with the process that holds it."""
    path = _file(store, uri).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def owner(store: Store, uri: str) -> str:
    """Return whose experiments are whose: on a shared server, two projects never touch each other's."""
    if is_project_database(store.folder.parent, uri):
        return "this project"
    file = folder(store) / "owner.json"
    if read_json(file) is None:
        write_json(file, uuid.uuid4().hex)
    return str(read_json(file))


def folder(store: Store) -> Path:
    """Return where ledgers, locks and the worker's log lie."""
    return store.folder / ".tracking"


def database_state(uri: str) -> list[int] | None:
    """Return what changes when an SQLite file is written to, replaced or removed, else None."""
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


def _wished(wishes: dict[str, WantedExperiment], finished: set[str]) -> dict[str, object]:
    return {
        name: (
            experiment.fingerprint,
            {
                key: (run.fingerprint, run.model)
                for key, run in experiment.runs.items()
                if run.run_key in finished
            },
        )
        for name, experiment in wishes.items()
    }


def _sent(ledger: Ledger) -> dict[str, object]:
    return {
        name: (
            experiment.fingerprint,
            {key: (run.fingerprint, run.model) for key, run in experiment.runs.items()},
        )
        for name, experiment in ledger.experiments.items()
    }
