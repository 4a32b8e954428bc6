"""The worker as its starter sees it: a child process, spoken to through its standard input and output."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from pipeline.store import Store
from pipeline.tracking.address import quiet_environment
from pipeline.tracking.ledger import folder

PACKAGE_HOME = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """A running worker; raises `OSError` where it cannot be started."""

    def __init__(self, store: Store, uri: str, interval: float) -> None:
        self.failure = ""
        self._log = folder(store) / "worker.log"
        self._heard = time.monotonic()
        self._process = self._start(store, uri, interval)
        self._ear = threading.Thread(target=self._listen, name="tracking", daemon=True)
        self._ear.start()

    @property
    def id(self) -> int:
        """The process id."""
        return self._process.pid

    def abandon(self) -> None:
        """Let the worker end by itself, without waiting for it."""
        self._say("")

    def end(self, patience: float) -> bool:
        """Wait for the last pass and return whether all went well, else `failure` says what did not.

        The worker is killed when it was silent for `patience` seconds.
        """
        self._say("end\n")
        if not self._ends(patience):
            self._process.kill()
            self.failure = f"no answer for {patience:g} s"
        status = self._process.wait()
        self._ear.join()
        self.failure = self.failure or f"see {self._log}"
        return status == 0

    def _start(self, store: Store, uri: str, interval: float) -> "subprocess.Popen[str]":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pipeline.tracking.worker", str(store.folder.resolve())]
        path = [str(PACKAGE_HOME), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log.open("w") as log:
            return subprocess.Popen(
                [*command, "--interval", str(interval)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**quiet_environment(uri), "PYTHONPATH": os.pathsep.join(path)},
                start_new_session=True,  # so that Ctrl-C reaches the training alone
            )

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self._heard = time.monotonic()
                if line.startswith("failed "):
                    self.failure = line.removeprefix("failed ").strip()
        self._process.wait()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.write(word)
            self._process.stdin.flush()
        with suppress(OSError):
            self._process.stdin.close()

    def _ends(self, patience: float) -> bool:
        self._heard = time.monotonic()
        while time.monotonic() < self._heard + patience:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=min(patience, 1))
                return True
        return False
