"""How far a study is: one live view on a terminal, a line every ten seconds elsewhere, on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

SECONDS_BETWEEN_LINES = 10.0
MOST_BEST = 12
SURE_ENOUGH = 0.03  # the part that must be done before a forecast is worth reading


class Progress(Protocol):
    """What the study runner tells as it goes along."""

    def stack_started(self, label: str, runs: int, epochs: int) -> int:
        """Say that `runs` runs of at most `epochs` epochs now train together; return a number for this stack."""

    def epoch(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """Say that a stack's `epoch` is done, counted from 1; `best` is the best so far by ablation."""

    def stack_finished(self, stack: int, seconds: float) -> None:
        """Say that the runs which trained together are done."""

    def stack_lost(self, stack: int, why: str) -> None:
        """Say that what was trained of a stack is lost, and why."""

    def note(self, text: str) -> None:
        """Say something that should stay readable."""


@contextmanager
def progress(total_runs: int, console: "Console | None" = None) -> Iterator[Progress]:
    """Show how `total_runs` runs get on, in the way that fits where the output goes."""
    tally = Tally(total_runs)
    if console is None and not sys.stderr.isatty():
        yield PlainLines(tally)
        return
    with LiveView(tally, console) as view:
        yield view


@dataclass
class Stack:
    """Runs that train together: how many, and how far they are."""

    label: str
    runs: int
    epochs: int
    epoch: int = 0

    @property
    def reached(self) -> float:
        """How many runs' worth of epochs are behind it."""
        return self.runs * self.epoch / self.epochs

    def __str__(self) -> str:
        together = "1 run" if self.runs == 1 else f"{self.runs} runs together"
        return f"{self.label} · {together} · epoch {self.epoch} of {self.epochs}"


@dataclass
class Tally:
    """How many runs are done, counting each run in training by the part of its epochs that is behind it."""

    total: int
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    active: dict[int, Stack] = field(default_factory=dict)
    last: str = "getting ready"
    best: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._started = self.clock()
        self._numbers = count()

    def begin(self, label: str, runs: int, epochs: int) -> int:
        """Start counting a stack; return its number."""
        number = next(self._numbers)
        self.active[number] = Stack(label, runs, epochs)
        return number

    def advance(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """Count an epoch of a stack."""
        self.active[stack].epoch = epoch
        self.best |= best

    def end(self, stack: int, seconds: float) -> None:
        """Count a stack's runs as done."""
        ended = self.active.pop(stack)
        self.last = f"{ended.label} in {duration(seconds)}"
        self.done += ended.runs

    def forget(self, stack: int, why: str) -> str:
        """Count a stack as not begun; return in words what happened."""
        lost = self.active.pop(stack)
        self.last = f"{lost.label} lost: {why}"
        return self.last

    @property
    def reached(self) -> float:
        """The number of runs done, fractions of runs included."""
        return self.done + sum(stack.reached for stack in list(self.active.values()))

    @property
    def fraction(self) -> float:
        """The part of the whole that is done, in 0..1."""
        return self.reached / max(self.total, self.reached, 1)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self.clock() - self._started

    def left(self) -> str:
        """Return in words how long it will take if all goes on as so far."""
        if not SURE_ENOUGH <= self.fraction < 1:
            return ""
        return f"about {duration(self.elapsed * (1 / self.fraction - 1))} left"

    def counted(self) -> str:
        """Return in words how many runs are done."""
        return f"{self.done} of {max(self.total, self.done)} runs"

    def work(self) -> str:
        """Return in words what is in training, or was last."""
        return "\n".join(map(str, list(self.active.values()))) or self.last


def duration(seconds: float) -> str:
    """Return a time span in words, as exact as a reader wants it: `8 s`, `2 min 10 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class PlainLines:
    """Progress for logs: lines at least ten seconds apart, and one when everything is done."""

    def __init__(self, tally: Tally, out: TextIO | None = None) -> None:
        self._tally, self._out = tally, out
        self._last = tally.clock()

    def stack_started(self, label: str, runs: int, epochs: int) -> int:
        """See `Progress`."""
        return self._tally.begin(label, runs, epochs)

    def epoch(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """See `Progress`."""
        self._tally.advance(stack, epoch, best)
        if self._is_time():
            self._say(", ".join(filter(None, [str(self._tally.active[stack]), self._tally.left()])))

    def stack_finished(self, stack: int, seconds: float) -> None:
        """See `Progress`."""
        self._tally.end(stack, seconds)
        if self._is_time() or self._tally.fraction == 1:
            self._say(", ".join(filter(None, [self._tally.last, self._tally.counted(), self._tally.left()])))

    def stack_lost(self, stack: int, why: str) -> None:
        """See `Progress`."""
        self.note(self._tally.forget(stack, why))

    def note(self, text: str) -> None:
        """See `Progress`."""
        print(text, file=self._out or sys.stderr, flush=True)

    def _is_time(self) -> bool:
        return self._tally.clock() - self._last >= SECONDS_BETWEEN_LINES

    def _say(self, line: str) -> None:
        self._last = self._tally.clock()
        self.note(line)


class LiveView:
    """Progress for terminals: a bar with the time left, what is in training, and the best so far."""

    def __init__(self, tally: Tally, console: "Console | None" = None) -> None:
        from rich.console import Console
        from rich.live import Live

        self._tally = tally
        self._console = console or Console(stderr=True)
        self._live = Live(
            get_renderable=self.picture, console=self._console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave one line behind."""
        self._live.stop()
        if self._tally.done:
            self._console.print(
                f"{self._tally.counted()} in {duration(self._tally.elapsed)}", highlight=False
            )

    def stack_started(self, label: str, runs: int, epochs: int) -> int:
        """See `Progress`."""
        return self._tally.begin(label, runs, epochs)

    def epoch(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """See `Progress`."""
        self._tally.advance(stack, epoch, best)

    def stack_finished(self, stack: int, seconds: float) -> None:
        """See `Progress`."""
        self._tally.end(stack, seconds)

    def stack_lost(self, stack: int, why: str) -> None:
        """See `Progress`."""
        self.note(self._tally.forget(stack, why))

    def note(self, text: str) -> None:
        """See `Progress`."""
        self._console.print(text, markup=False, highlight=False)

    def picture(self) -> "RenderableType":
        """Draw the view as it is now."""
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
