"""Tells MLflow what the store holds while another process trains: `python -m pipeline.tracking.worker`.

It is told to end by the line `end` on its standard input, and ends by itself when that is closed without a
word, as it is when the training process was killed. It says on its standard output, a line each, that it is
alive (`beat`) or why MLflow could not be told (`failed …`).
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

from pipeline.store import Store
from pipeline.tracking.address import default_uri
from pipeline.tracking.ledger import pending
from pipeline.tracking.live import LiveRuns
from pipeline.tracking.project import Projection

Word = Literal["go on", "end", "abandoned"]
NICENESS = 10
LONGEST_PAUSE = 300.0
LAST_PAUSES = (0.0, 1.0, 3.0)  # seconds before each of the last attempts: a server that restarts is soon back


class Worker:
    """Follows the store, and waits longer after each failure of MLflow's."""

    def __init__(self, store: Store, uri: str, interval: float) -> None:
        self._store, self._uri, self._interval = store, uri, interval
        self._pause, self._next_try = interval, 0.0
        self._restart()

    def follow(self) -> bool:
        """Send what there is until told to end; return whether MLflow then knows everything."""
        while (word := _listen(self._interval)) == "go on":
            if time.monotonic() >= self._next_try:
                self._attempt(self._advance)
        last = self._settle if word == "end" else self._leave
        return any(self._attempt_after(pause, last) for pause in LAST_PAUSES)

    def _restart(self) -> None:
        self._projection = Projection(self._store, self._uri, beat=lambda: say("beat"))
        self._live = LiveRuns(self._projection)

    def _advance(self) -> None:
        if self._live.has_news():
            self._live.show()
        if pending(self._store, self._uri):
            self._projection.advance()

    def _settle(self) -> None:
        self._live.clear()
        if pending(self._store, self._uri):
            self._projection.settle()

    def _leave(self) -> None:
        """Send what finished, but delete nothing: a study that was killed has not said all that it wants."""
        self._live.clear()
        if pending(self._store, self._uri):
            self._projection.advance()

    def _attempt_after(self, pause: float, step: Callable[[], None]) -> bool:
        time.sleep(pause)
        return self._attempt(step)

    def _attempt(self, step: Callable[[], None]) -> bool:
        try:
            step()
        except Exception as error:
            say(f"failed {' '.join(str(error).split()) or type(error).__name__}")
            self._restart()
            self._next_try = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            return False
        self._pause = self._interval
        return True


def say(line: str) -> None:
    """Tell the training process, if it still lives."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> int:
    """Run the worker; the exit status says whether MLflow knows everything."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.tracking.worker", description=__doc__)
    parser.add_argument("store", type=Path, help="the folder of the store")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between looks at the store")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    store = Store(arguments.store)
    return 0 if Worker(store, default_uri(store.folder.parent), arguments.interval).follow() else 1


def _listen(seconds: float) -> Word:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    if not ready:
        return "go on"
    return "end" if sys.stdin.readline().strip() == "end" else "abandoned"


if __name__ == "__main__":
    sys.exit(main())
