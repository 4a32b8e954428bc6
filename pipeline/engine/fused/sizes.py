"""The best number of models a stack, found by measuring where the training to come is long enough to repay it."""

from collections.abc import Callable
from typing import Protocol

PAYS = 100.0  # seconds of training to come, at least, before other sizes are tried
GAIN = 0.05  # a size is better when a step takes each model this part less
STRIDE = 4


class Memory(Protocol):
    """Where sizes that were found are kept, so that a resumed study forms the same stacks."""

    def get(self, graph: str, /) -> int | None:
        """Return the size found for a graph on this machine, if any."""
        ...

    def __setitem__(self, graph: str, size: int, /) -> None:
        """Remember the size found for a graph on this machine."""
        ...


class Sizes:
    """How many models of each graph to train at once."""

    def __init__(self, known: Memory | None = None) -> None:
        self.known: Memory = {} if known is None else known

    def best(self, graph: str, first: int, most: int, steps: float, seconds: Callable[[int], float]) -> int:
        """Return the best size for `graph`, at most `most`.

        `first` is the size to use unless measuring pays; `steps` are those of all models still to be trained one after
        the other; `seconds(size)` measures what a step takes each model in stacks of `size`.
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


def _could_pay(steps: float) -> bool:
    """Tell whether that many steps could take long enough at all, were they as slow as a step of a large net."""
    return steps * 0.02 >= PAYS


def climb(first: int, most: int, start: float, seconds: Callable[[int], float]) -> int:
    """Return the size from which neither larger nor smaller stacks are faster by `GAIN`, sizes taken four times apart.

    `start` is what `seconds(first)` was.
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
