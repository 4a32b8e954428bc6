"""The interface between the runner, which reports its progress, and the views that show it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Progress(Protocol):
    """A view of the progress of a study."""

    def stack_started(self, label: str, runs: int, epochs: int, counts: bool = True) -> int:
        """Show that `runs` runs of at most `epochs` epochs train together from now on; return a number for this stack.

        `counts`: whether they are among the study's runs, and not what several of those begin with.
        """

    def epoch(self, stack: int, epoch: int, best: dict[str, float]) -> None:
        """Show that a stack's `epoch` is done, counted from 1; `best`: the best validation accuracy so far, by ablation."""

    def stack_finished(self, stack: int, seconds: float) -> None:
        """Show that a stack's runs are done, after so many `seconds`."""

    def stack_lost(self, stack: int, why: str) -> None:
        """Show that the training of a stack so far is lost, and why."""

    def note(self, text: str) -> None:
        """Show a line that stays on the screen."""


ShowProgress = Callable[[int], AbstractContextManager[Progress]]
"""From a number of runs to a context manager: a view of their progress, open during the block."""
