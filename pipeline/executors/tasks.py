"""Stacks on their way to workers: which are left to hand out, how often each was lost, what workers report about them."""

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from pipeline.engine.jobs import TrainedRun
from pipeline.engine.stacks import Stack
from pipeline.executors.messages import EpochReport, Failed, Message, Trained
from pipeline.executors.protocol import StackListener, StackLostError, describe
from pipeline.executors.serialization import unpack_trained


@dataclass(eq=False)
class Task:
    """A stack to be trained by a worker, the name of its graph, and how many workers were lost with it so far."""

    stack: Stack
    graph: str
    lost: int = 0


class TaskQueue:
    """The stacks that wait for a worker, in order; a lost one is the next to be handed out.

    `graph` names the graph of a stack. `max_attempts`: workers that may be lost with one stack.
    """

    def __init__(
        self,
        stacks: Sequence[Stack],
        graph: Callable[[Stack], str],
        max_attempts: int,
        listener: StackListener,
    ) -> None:
        self._waiting = deque(Task(stack, graph(stack)) for stack in stacks)
        self._max_attempts, self._listener = max_attempts, listener

    def __len__(self) -> int:
        return len(self._waiting)

    def next(self, known: Collection[str] = (), elsewhere: Collection[str] = ()) -> Task:
        """Take out the next task: one whose graph is among those `known`, else not `elsewhere`, else the first.

        A graph is traced and compiled once per process, so stacks of one graph should go to one process.
        """
        task = (
            next((task for task in self._waiting if task.graph in known), None)
            or next((task for task in self._waiting if task.graph not in elsewhere), None)
            or self._waiting[0]
        )
        self._waiting.remove(task)
        return task

    def start(self, task: Task, where: str) -> None:
        """Report that a worker trains a task's stack, and where."""
        self._listener.started(task.stack, where)

    def receive(self, task: Task, message: Message) -> Iterator[list[TrainedRun]]:
        """Report what a worker's message says about a task; yield its trained runs once it is done.

        Raises the error that training raised.
        """
        if isinstance(message, Failed):
            raise message.error()
        if isinstance(message, EpochReport):
            self._listener.epoch(task.stack, message.epochs, message.curves)
        if isinstance(message, Trained):
            self._listener.finished(task.stack)
            yield unpack_trained(message.runs, message.arrays)

    def lose(self, task: Task, why: str) -> None:
        """Put back a task whose worker was lost; raises `StackLostError` where it has no attempts left."""
        task.lost += 1
        self._listener.lost(task.stack, why)
        if task.lost >= self._max_attempts:
            times = {1: "once", 2: "twice"}.get(task.lost, f"{task.lost} times")
            raise StackLostError(
                f"{describe(task.stack)} was lost {times} together with its worker, the last time because {why}"
            )
        self._waiting.appendleft(task)

    def abandon(self, task: Task) -> None:
        """Report that a task in training is given up because all training ends."""
        self._listener.lost(task.stack, "")
