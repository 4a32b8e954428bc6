"""Tracking from the side of the process that trains: it starts the worker and waits for it at the end."""

import sys
from collections.abc import Callable
from textwrap import shorten
from types import TracebackType
from typing import Self

from pipeline.store import Store
from pipeline.tracking.address import default_uri, without_passwords
from pipeline.tracking.process import WorkerProcess


def to_stderr(line: str) -> None:
    """Print a line where warnings belong."""
    print(line, file=sys.stderr, flush=True)


class Tracker:
    """While the block runs, MLflow follows the store; at its end MLflow knows all, or one line says why not.

    The worker looks at the store every `interval` seconds, and is given up if silent for `patience` seconds.
    Nothing that happens to MLflow or to the worker is ever raised.
    """

    def __init__(
        self,
        store: Store,
        uri: str | None = None,
        *,
        warn: Callable[[str], None] = to_stderr,
        interval: float = 5.0,
        patience: float = 60.0,
    ) -> None:
        self._store = store
        self._uri = uri or default_uri(store.folder.parent)
        self._warn, self._interval, self._patience = warn, interval, patience
        self.worker: WorkerProcess | None = None

    def __enter__(self) -> Self:
        try:
            self.worker = WorkerProcess(self._store, self._uri, self._interval)
        except OSError as error:
            self._warn(self._explain(str(error)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the worker's last pass; after an error, leave it to end by itself."""
        if self.worker is None:
            return
        if kind is not None:
            self.worker.abandon()
        elif not self.worker.end(self._patience):
            self._warn(self._explain(self.worker.failure))

    def _explain(self, failure: str) -> str:
        reason = shorten(failure, 200, placeholder=" …")
        told = f"MLflow at {self._uri} was not told everything ({reason})"
        return f"{without_passwords(told)}; the next `dvc repro` will send the rest."
