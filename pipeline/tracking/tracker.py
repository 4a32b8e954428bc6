"""Tracking as the process that trains uses it: it starts the worker, and waits for it at the end."""

import sys
from collections.abc import Callable
from textwrap import shorten
from types import TracebackType
from typing import Self

from pipeline.store import Store
from pipeline.tracking.address import default_uri, unsupported, without_passwords
from pipeline.tracking.process import WorkerProcess


def print_warning(line: str) -> None:
    """Print a line to standard error."""
    print(line, file=sys.stderr, flush=True)


class Tracker:
    """A context in which MLflow follows the store; at its end MLflow is up to date, or one warning says why not.

    The worker looks at the store every `interval` seconds, and is killed if it is silent for `patience` seconds at the end.
    Failures of MLflow or of the worker are never raised.

    Example:
        with Tracker(Store()):
            ...  # train
    """

    def __init__(
        self,
        store: Store,
        uri: str | None = None,
        *,
        warn: Callable[[str], None] = print_warning,
        interval: float = 5.0,
        patience: float = 60.0,
    ) -> None:
        self._store = store
        self._uri = uri or default_uri(store.folder.parent)
        self._warn, self._interval, self._patience = warn, interval, patience
        self.worker: WorkerProcess | None = None

    def __enter__(self) -> Self:
        if unsupported(self._uri):  # the stage `track`, which always runs, says so once
            return self
        try:
            self.worker = WorkerProcess(self._store, self._uri, self._interval)
        except OSError as error:
            self._warn(self._explain(str(error)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until the worker has sent everything; after an error, let it end by itself."""
        if self.worker is None:
            return
        if kind is not None:
            self.worker.abandon()
        elif not self.worker.end(self._patience):
            self._warn(self._explain(self.worker.failure))

    def _explain(self, failure: str) -> str:
        reason = shorten(failure, 200, placeholder=" …")
        text = without_passwords(f"MLflow at {self._uri} is not up to date ({reason})")
        return f"{text}; the next `dvc repro` will send the rest."
