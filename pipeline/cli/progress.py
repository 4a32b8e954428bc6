"""The progress of a study: one live view on a terminal, a line every ten seconds elsewhere, on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TextIO

from pipeline.core.text import duration
from pipeline.training.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SECONDS_BETWEEN_LINES = 10.0
MOST_BEST = 12
"""Ablations of which the live view shows the best so far."""
FORECAST_FROM = 0.03
"""The part of the study that must be done before a forecast is accurate enough to show."""


@contextmanager
def progress(total_runs: int, console: "Console | None" = None) -> Iterator[Progress]:
    """Show the progress of `total_runs` runs, in the way that suits where the output goes.

    `console` is for tests; with it, the view is live.

    Example:
        >>> with progress(40) as view:
        ...     stack = view.stack_started("activations", runs=20, epochs=10)
    """
    tally = Tally(total_runs)
    if console is None and not sys.stderr.isatty():
        yield PlainLines(tally)
        return
    with LiveView(tally, console) as view:
        yield view


@dataclass
class Stack:
    """Runs that train together: how many, and how many of their epochs are done."""

    label: str
    runs: int
    epochs: int
    counts: bool = True
    epoch: int = 0

    @property
    def done(self) -> float:
        """The part that is done, in runs: 20 runs in the middle of their epochs count as 10."""
        return self.counts * self.runs * self.epoch / self.epochs

    def __str__(self) -> str:
        runs = "1 run" if self.runs == 1 else f"{self.runs} runs together"
        return f"{self.label} · {runs} · epoch {self.epoch} of {self.epochs}"


@dataclass
class Tally:
    """How many runs are done; a run in training counts by the part of its epochs that is done."""

    total: int
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    active: dict[int, Stack] = field(default_factory=dict)
    last: str = "getting ready"
    best: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._started = self.clock()
        self._numbers = count()

    def begin(self, label: str, runs: int, epochs: int, counts: bool = True) -> int:
        """Start counting a stack, where its runs count; return its number."""
        number = next(self._numbers)
        self.active[number] = Stack(label, runs, epochs, counts)
        return number

    def advance(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """Set the number of epochs of a stack that are done, and the best results by ablation."""
        self.active[stack].epoch = epoch
        self.best |= best

    def end(self, stack: int, seconds: float) -> None:
        """Count a stack's runs as done."""
        ended = self.active.pop(stack)
        self.last = f"{ended.label} in {duration(seconds)}"
        self.done += ended.counts * ended.runs

    def drop(self, stack: int, why: str) -> str:
        """Count a stack as not begun; return a message with the reason."""
        lost = self.active.pop(stack)
        self.last = f"{lost.label} lost: {why}"
        return self.last

    @property
    def fraction(self) -> float:
        """The part of all runs that is done, in 0..1."""
        done = self.done + sum(stack.done for stack in list(self.active.values()))
        return done / max(self.total, done, 1)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._started

    def left(self) -> str:
        """Return in words how long the rest will take if it takes as long as what is done; `""` while that is uncertain."""
        if not FORECAST_FROM <= self.fraction < 1:
            return ""
        return f"about {duration(self.elapsed * (1 / self.fraction - 1))} left"

    def counted(self) -> str:
        """Return in words how many runs are done."""
        return f"{self.done} of {max(self.total, self.done)} runs"

    def work(self) -> str:
        """Return in words what is in training, or was last."""
        return "\n".join(map(str, list(self.active.values()))) or self.last


class TallyView(Progress):
    """Counts what the runner reports; subclasses show it."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def stack_started(self, label: str, runs: int, epochs: int, counts: bool = True) -> int:
        """See `Progress`."""
        return self._tally.begin(label, runs, epochs, counts)

    def epoch(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """See `Progress`."""
        self._tally.advance(stack, epoch, best)

    def stack_finished(self, stack: int, seconds: float) -> None:
        """See `Progress`."""
        self._tally.end(stack, seconds)

    def stack_lost(self, stack: int, why: str) -> None:
        """See `Progress`."""
        self.note(self._tally.drop(stack, why))


class PlainLines(TallyView):
    """Progress for logs: lines at least ten seconds apart, and one when everything is done."""

    def __init__(self, tally: Tally, out: TextIO | None = None) -> None:
        super().__init__(tally)
        self._out = out
        self._last = tally.clock()

    def epoch(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """See `Progress`."""
        super().epoch(stack, epoch, best)
        if self._is_time():
            self._log(str(self._tally.active[stack]), self._tally.left())

    def stack_finished(self, stack: int, seconds: float) -> None:
        """See `Progress`."""
        super().stack_finished(stack, seconds)
        if self._is_time() or self._tally.fraction == 1:
            self._log(self._tally.last, self._tally.counted(), self._tally.left())

    def note(self, text: str) -> None:
        """See `Progress`."""
        print(text, file=self._out or sys.stderr, flush=True)

    def _is_time(self) -> bool:
        return self._tally.clock() - self._last >= SECONDS_BETWEEN_LINES

    def _log(self, *parts: str) -> None:
        self._last = self._tally.clock()
        self.note(", ".join(filter(None, parts)))


class LiveView(TallyView):
    """Progress for terminals: a bar with the time left, what is in training, and the best so far."""

    def __init__(self, tally: Tally, console: "Console | None" = None) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(tally)
        self._console = console or Console(stderr=True)
        self._live = Live(
            get_renderable=self.render, console=self._console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Remove the view, and print one line with the number of runs and the time."""
        self._live.stop()
        if self._tally.done:
            self._console.print(
                f"{self._tally.counted()} in {duration(self._tally.elapsed)}", highlight=False
            )

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._console.print(text, markup=False, highlight=False)

    def render(self) -> "RenderableType":
        """Return the view as it is now."""
        from rich.console import Group
        from rich.text import Text

        best = list(self._tally.best.items())[-MOST_BEST:]
        lines = [Text(self._tally.work(), style="dim")]
        if best:
            lines.append(Text("best so far: " + ", ".join(f"{name} {value:.4f}" for name, value in best)))
        return Group(self._bar(), *lines)

    def _bar(self) -> "RenderableType":
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        row = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=1.0, completed=self._tally.fraction, width=30)
        row.add_row(bar, f"{self._tally.fraction:.0%}", self._tally.counted(), self._tally.left())
        return row
