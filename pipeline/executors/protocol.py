"""What every executor is given and returns, and the listener that it reports to."""

from collections.abc import Iterator, Sequence
from typing import Protocol, Self

from pipeline.core.errors import UserError
from pipeline.engine.jobs import TrainedRun
from pipeline.engine.stacks import Stack
from pipeline.runs.records import Curves

REPORTED_RUNS = 24
"""Runs of a stack whose curves are reported and stored while it trains, so that a report's size is bounded."""


class StackLostError(UserError):
    """A stack was lost together with its worker, and all its attempts are used up."""


class StackListener(Protocol):
    """Is called as stacks start, progress and end. A local executor calls it from several threads."""

    def started(self, stack: Stack, where: str) -> None:
        """Report that training of a stack has begun `where` (empty: in this process); again after the stack was lost."""

    def epoch(self, stack: Stack, epochs: int, curves: Sequence[Curves]) -> None:
        """Report that `epochs` epochs of a stack are done, with the curves of its first runs so far."""

    def finished(self, stack: Stack) -> None:
        """Report that a stack is trained."""

    def lost(self, stack: Stack, why: str) -> None:
        """Report that the training of a stack so far is lost, and `why`; empty where all training ends."""


class Executor(Protocol):
    """Trains stacks somewhere. Enter it before use; on leaving, everything it started has ended."""

    def __enter__(self) -> Self:
        """Start what the executor needs."""

    def __exit__(self, *error: object) -> None:
        """End at once everything that was started."""

    def train(self, stacks: Sequence[Stack], listener: StackListener) -> Iterator[list[TrainedRun]]:
        """Yield each stack's trained runs, in the order of its runs; the stacks in any order.

        The weights of trials may be left out. Raises what training raised, and `StackLostError`.
        """
        ...


def name_of(stack: Stack) -> str:
    """Return a name for a stack, unique among the stacks of one round."""
    return stack.runs[0].key


def describe(stack: Stack) -> str:
    """Return a stack in words, for a message."""
    count = len(stack.runs)
    runs = "1 run" if count == 1 else f"{count} runs"
    return f"a stack of {runs} ({stack.engine}: {stack.reason}; the first is {name_of(stack)[:12]})"
