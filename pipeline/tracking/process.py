"""The worker as the training process sees it: a child process, controlled through its standard input and output."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from pipeline.store import Store
from pipeline.tracking.address import mlflow_environment
from pipeline.tracking.ledger import folder

PROJECT_FOLDER = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """A running worker; raises `OSError` where it cannot be started. After `end`, `failure` says what went wrong."""

    def __init__(self, store: Store, uri: str, interval: float) -> None:
        self.failure = ""
        self._log = folder(store) / "worker.log"
        self._last_output = time.monotonic()
        self._process = self._start(store, uri, interval)
        self._listener = threading.Thread(
            target=self._listen, args=(self._process.stdout,), name="tracking", daemon=True
        )
        self._listener.start()

    @property
    def id(self) -> int:
        """The process id."""
        return self._process.pid

    def abandon(self) -> None:
        """Let the worker end by itself, without waiting for it."""
        self._send("")

    def end(self, patience: float) -> bool:
        """Wait until the worker has sent everything and ended; return whether it succeeded, else `failure` says why not.

        The worker is killed if it prints nothing for `patience` seconds.
        """
        self._send("end\n")
        if not self._ends(patience):
            self._process.kill()
            self.failure = f"no answer for {patience:g} s"
        status = self._process.wait()
        self._listener.join()
        self.failure = self.failure or f"see {self._log}"
        return status == 0

    def _start(self, store: Store, uri: str, interval: float) -> "subprocess.Popen[str]":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        # Without `-P` the working folder would come first, and with it a user's own folder called `pipeline`.
        command = [sys.executable, "-P", "-m", "pipeline.tracking.worker", str(store.folder.resolve())]
        path = [str(PROJECT_FOLDER), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log.open("w") as log:
            return subprocess.Popen(  # noqa: S603  this Python and a module of this package
                [*command, "--interval", str(interval)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**mlflow_environment(uri), "PYTHONPATH": os.pathsep.join(path)},
                start_new_session=True,  # so that Ctrl-C reaches the training process only
            )

    def _listen(self, output: IO[str]) -> None:
        """Note the time of each line that the worker prints, and the last failure it reports, until it ends."""
        with output:
            for line in output:
                self._last_output = time.monotonic()
                if line.startswith("failed "):
                    self.failure = line.removeprefix("failed ").strip()
        self._process.wait()

    def _send(self, command: str) -> None:
        """Write a command to the worker's standard input and close it; a worker that has ended is no error."""
        if self._process.stdin is None:
            return
        with suppress(OSError), self._process.stdin as commands:
            commands.write(command)

    def _ends(self, patience: float) -> bool:
        """Return whether the worker ends, waiting for it until it has printed nothing for `patience` seconds."""
        self._last_output = time.monotonic()
        while time.monotonic() < self._last_output + patience:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=min(patience, 1))
                return True
        return False
