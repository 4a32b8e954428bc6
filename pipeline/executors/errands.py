"""Stacks on their way to workers: what is left to hand out, and how often each was lost."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pipeline.engine.auto import Stack
from pipeline.executors.protocol import StackLostError, Watch, told


@dataclass
class Errand:
    """A stack to be trained by a worker, its graph, and how many workers were lost with it so far."""

    stack: Stack
    graph: str
    lost: int = 0


class Errands:
    """The stacks that wait for a worker, in order; a lost one is the next to be handed out."""

    def __init__(
        self, stacks: Sequence[Stack], graph: Callable[[Stack], str], tries: int, watch: Watch
    ) -> None:
        self._waiting = deque(Errand(stack, graph(stack)) for stack in stacks)
        self._tries, self._watch = tries, watch

    def __len__(self) -> int:
        return len(self._waiting)

    def next(self, known: Collection[str] = (), elsewhere: Collection[str] = ()) -> Errand:
        """Take out the next errand: one whose graph is among those `known`, else not `elsewhere`, else the first.

        A graph is traced and compiled once a process; so stacks of one graph had best go to one process.
        """
        chosen = (
            next((each for each in self._waiting if each.graph in known), None)
            or next((each for each in self._waiting if each.graph not in elsewhere), None)
            or self._waiting[0]
        )
        self._waiting.remove(chosen)
        return chosen

    def lose(self, errand: Errand, why: str) -> None:
        """Put back an errand whose worker was lost; raises `StackLostError` where that was one time too many."""
        errand.lost += 1
        self._watch.lost(errand.stack, why)
        if errand.lost >= self._tries:
            times = {1: "once", 2: "twice"}.get(errand.lost, f"{errand.lost} times")
            raise StackLostError(
                f"{told(errand.stack)} was lost {times} together with its worker, the last time because {why}"
            )
        self._waiting.appendleft(errand)
