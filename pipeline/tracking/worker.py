"""Sends MLflow what the store holds while another process trains: `python -m pipeline.tracking.worker`.

It ends after the line `end` on its standard input, and by itself when that is closed without such a line, as it is when
the training process was killed. On its standard output it prints a line for each sign of life (`alive`) and for each
failure of MLflow (`failed …`).
"""

import argparse
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from pipeline.core.text import one_line
from pipeline.store import Store
from pipeline.tracking.address import default_uri
from pipeline.tracking.client import import_mlflow
from pipeline.tracking.ledger import pending
from pipeline.tracking.live import LiveRuns
from pipeline.tracking.projection import Projection

Command = Literal["continue", "end", "abandoned"]
NICENESS = 10
LONGEST_PAUSE = 300.0
LAST_PAUSES = (0.0, 1.0, 3.0)
"""Seconds before each of the last attempts: a server that is being restarted is soon available again."""


class Worker:
    """Follows the store, looks at it every `interval` seconds, and waits longer after each failure of MLflow."""

    def __init__(self, store: Store, uri: str, interval: float) -> None:
        self._store, self._uri, self._interval = store, uri, interval
        self._pause, self._next_try = interval, 0.0
        self._restart()

    def follow(self) -> bool:
        """Send what MLflow lacks until the command to end; return whether MLflow is then up to date."""
        while (command := _next_command(self._interval)) == "continue":
            if time.monotonic() >= self._next_try:
                self._attempt(self._send)
        last = self._synchronise if command == "end" else self._leave
        return any(self._attempt_after(pause, last) for pause in LAST_PAUSES)

    def _restart(self) -> None:
        self._projection = Projection(self._store, self._uri, heartbeat=lambda: report("alive"))
        self._live = LiveRuns(self._projection)

    def _send(self) -> None:
        if self._live.any_to_show():
            self._live.show()
        if pending(self._store, self._uri):
            self._projection.send_finished()

    def _synchronise(self) -> None:
        self._live.clear()
        if pending(self._store, self._uri):
            self._projection.synchronise()

    def _leave(self) -> None:
        """Send what finished, but delete nothing: the manifests of a study that was killed may be incomplete."""
        self._live.clear()
        if pending(self._store, self._uri):
            self._projection.send_finished()

    def _attempt_after(self, pause: float, step: Callable[[], None]) -> bool:
        time.sleep(pause)
        return self._attempt(step)

    def _attempt(self, step: Callable[[], None]) -> bool:
        """Return whether `step` succeeded; a failure is reported, and makes the next pause twice as long."""
        try:
            step()
        except Exception as error:
            report(f"failed {one_line(error) or type(error).__name__}")
            self._restart()
            self._next_try = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            return False
        self._pause = self._interval
        return True


def report(line: str) -> None:
    """Print a line for the training process, if that is still alive."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> int:
    """Run the worker; return the exit status, 0 if MLflow is up to date."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.tracking.worker", description=__doc__)
    parser.add_argument("store", type=Path, help="the folder of the store")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between looks at the store")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    import_mlflow()  # while TensorFlow starts, so that nobody waits for it at the end
    store = Store(arguments.store)
    return 0 if Worker(store, default_uri(store.folder.parent), arguments.interval).follow() else 1


def _next_command(seconds: float) -> Command:
    """Return the command on standard input, or `continue` if none comes within `seconds`."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if not ready:
        return "continue"
    return "end" if sys.stdin.readline().strip() == "end" else "abandoned"


if __name__ == "__main__":
    sys.exit(main())
