"""What an executor is given, what it says on the way, and what it gives back."""

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

from pipeline.engine.auto import Stack
from pipeline.engine.protocol import TrainedRun
from pipeline.errors import UserError
from pipeline.records import Curves

REPORT_EVERY = 1.0  # seconds, at least, between two reports on one stack from another process
REPORTED_RUNS = 24  # runs of a stack whose curves are reported while it trains


class StackLostError(UserError):
    """A stack was lost with its worker as often as it may be."""


class Watch(Protocol):
    """Told how stacks get on. A local executor calls it from several threads."""

    def started(self, stack: Stack, where: str) -> None:
        """Say that a stack now trains `where` (nothing: in this process); again after it was lost."""

    def epoch(self, stack: Stack, epochs: int, curves: Sequence[Curves]) -> None:
        """Say that `epochs` epochs of a stack are done, with the curves of its first runs so far."""

    def finished(self, stack: Stack) -> None:
        """Say that a stack is trained."""

    def lost(self, stack: Stack, why: str) -> None:
        """Say that what was trained of a stack is lost, and `why`; nothing where training ends anyway."""


class Executor(Protocol):
    """Trains stacks somewhere. To be entered before use; on leaving, whatever it started has ended."""

    def __enter__(self) -> Self:
        """Get ready."""

    def __exit__(self, *error: object) -> None:
        """End all that was started, at once."""

    def train(self, stacks: Sequence[Stack], watch: Watch) -> Iterator[list[TrainedRun]]:
        """Yield each stack's trained runs, in the order of its runs; the stacks in any order.

        The weights of trials may be left out. Raises what training raised, and `StackLostError`.
        """
        ...


def name_of(stack: Stack) -> str:
    """Return a name for a stack, its own among the stacks of one round."""
    return stack.runs[0].key


def told(stack: Stack) -> str:
    """Return a stack in words, for a message."""
    count = len(stack.runs)
    runs = "1 run" if count == 1 else f"{count} runs"
    return f"a stack of {runs} ({stack.engine}: {stack.reason}; the first is {name_of(stack)[:12]})"
