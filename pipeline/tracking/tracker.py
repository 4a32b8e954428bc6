"""Tracking from the side of the process that trains: it starts the worker and waits for it at the end."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from types import TracebackType
from typing import Self

from pipeline.store import Store
from pipeline.tracking.address import default_uri, quiet_environment, without_passwords
from pipeline.tracking.ledger import folder

PACKAGE_HOME = Path(__file__).resolve().parents[2]


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
        self._heard = time.monotonic()
        self._failure = ""

    def __enter__(self) -> Self:
        self._worker = self._start()
        self._ear = threading.Thread(target=self._listen, name="tracking", daemon=True)
        self._ear.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the worker's last pass; after an error, leave it to end by itself."""
        if kind is not None:
            self._hang_up()
            return
        self._hang_up("end\n")
        if not self._ends_in_time():
            self._worker.kill()
            self._failure = f"no answer for {self._patience:g} s"
        if self._worker.wait() != 0:
            self._warn(self._explanation())
        self._ear.join()

    def _start(self) -> subprocess.Popen[str]:
        folder(self._store).mkdir(parents=True, exist_ok=True)
        environment = quiet_environment(self._uri)
        path = [str(PACKAGE_HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
        command = [sys.executable, "-m", "pipeline.tracking.worker", str(self._store.folder.resolve())]
        with (folder(self._store) / "worker.log").open("w") as log:
            return subprocess.Popen(
                [*command, "--interval", str(self._interval)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**environment, "PYTHONPATH": os.pathsep.join(path)},
                start_new_session=True,  # so that Ctrl-C reaches the training alone
            )

    def _listen(self) -> None:
        assert self._worker.stdout is not None
        with self._worker.stdout as lines:
            for line in lines:
                self._heard = time.monotonic()
                if line.startswith("failed "):
                    self._failure = line.removeprefix("failed ").strip()

    def _hang_up(self, word: str = "") -> None:
        assert self._worker.stdin is not None
        try:
            self._worker.stdin.write(word)
            self._worker.stdin.close()
        except OSError:
            pass

    def _ends_in_time(self) -> bool:
        self._heard = time.monotonic()
        while time.monotonic() < self._heard + self._patience:
            try:
                self._worker.wait(timeout=1)
                return True
            except subprocess.TimeoutExpired:
                continue
        return False

    def _explanation(self) -> str:
        reason = shorten(self._failure or f"see {folder(self._store) / 'worker.log'}", 200, placeholder=" …")
        told = f"MLflow at {self._uri} was not told everything ({reason})"
        return f"{without_passwords(told)}; the next `dvc repro` will send the rest."
