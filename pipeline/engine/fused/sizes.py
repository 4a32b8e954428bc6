"""The best number of models in a stack, measured where the training to come is long enough to repay that."""

from collections.abc import Callable
from typing import Protocol

PAYS = 100.0
"""Seconds of training to come, at least, before other sizes are tried."""
GAIN = 0.05
"""A size is better where a step takes this fraction less time per model."""
STRIDE = 4
"""Factor between two sizes tried."""


class KnownSizes(Protocol):
    """Keeps the sizes found by measuring, so that a resumed study forms the same stacks."""

    def get(self, graph: str, /) -> int | None:
        """Return the size found for a graph on this machine, if any."""
        ...

    def __setitem__(self, graph: str, size: int, /) -> None:
        """Keep the size found for a graph on this machine."""
        ...


class Sizes:
    """How many models of each graph to train at once."""

    def __init__(self, known: KnownSizes | None = None) -> None:
        self.known: KnownSizes = {} if known is None else known

    def best(self, graph: str, first: int, most: int, steps: float, seconds: Callable[[int], float]) -> int:
        """Return the best size for `graph`, at most `most`.

        `first` is the size to use unless measuring pays; `steps` are those still to be trained, of all models one after
        another; `seconds(size)` measures the time of a step per model in stacks of `size`.
        """
        known = self.known.get(graph)
        if known is not None:
            return min(known, most)
        if first >= most or not _could_pay(steps):
            return first
        start = seconds(first)
        if start * steps < PAYS:
            return first
        self.known[graph] = climb(first, most, start, seconds)
        return min(self.known.get(graph) or first, most)

    def is_long(self, graph: str) -> bool:
        """Return whether trainings of `graph` were long enough to be measured."""
        return self.known.get(graph) is not None


def _could_pay(steps: float) -> bool:
    """Return whether that many steps could take long enough at all, if each were as slow as a step of a large net."""
    return steps * 0.02 >= PAYS


def climb(first: int, most: int, start: float, seconds: Callable[[int], float]) -> int:
    """Return the size from which neither larger nor smaller stacks are faster by `GAIN`, in steps of a factor `STRIDE`.

    `start` is the result of `seconds(first)`.
    """
    best, time = first, start
    for larger in (True, False):
        while (size := _next(best, larger, most)) != best:
            measured = seconds(size)
            if measured > (1 - GAIN) * time:
                break
            best, time = size, measured
        if best != first:
            break
    return best


def _next(size: int, larger: bool, most: int) -> int:
    return min(most, size * STRIDE) if larger else max(1, size // STRIDE)
