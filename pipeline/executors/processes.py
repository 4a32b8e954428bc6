"""Stacks trained in processes of their own, each with its share of the cores, bounded memory and a bounded number of stacks.

TensorFlow's thread pool has the same size in all of them as in this process, and so sums are divided alike: numbers are
equal to the last bit. What differs is how many cores a process may use.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Self

from pipeline.core import machine
from pipeline.core.machine import cores
from pipeline.engine.jobs import TrainedRun
from pipeline.engine.stacks import Stack
from pipeline.executors.messages import Message, Trained
from pipeline.executors.protocol import StackListener
from pipeline.executors.serialization import pack_stack, unpack_message
from pipeline.executors.settings import ProcessSettings, WorkerConfig
from pipeline.executors.tasks import Task, TaskQueue
from pipeline.executors.worker_process import serve
from pipeline.store import Store

MAX_ATTEMPTS = 2
"""Workers that may be lost with one stack."""
LOOK_EVERY = 0.5
"""Seconds between two looks at how much memory workers hold."""
LARGEST_IDLE_SHARE = 0.75
"""The share of its memory that a worker may hold between two stacks; one that holds more is replaced."""
SHARED = 0.85
"""The share of the machine's memory for all workers together, unless params set how much each may hold."""
LEAST_MEMORY = 2_000_000_000
"""Bytes a worker must be able to hold: TensorFlow alone takes a third of it."""
LAST_LINES = 3


class Process:
    """One worker process with its pipe; counts the stacks that it was given, and names their graphs."""

    def __init__(self, number: int, settings: ProcessSettings) -> None:
        self.number, self.log = number, settings.log
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, settings), name=f"worker {number}", daemon=True
        )
        self._process.start()
        theirs.close()
        self.graphs: set[str] = set()
        self.stacks = 0

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    @property
    def place(self) -> str:
        """Where a stack trains, for a reader."""
        return f"worker {self.number}"

    @property
    def sources(self) -> tuple[connection.Connection, int]:
        """What becomes ready when the process has sent a message, and when it has ended."""
        return self._pipe, self._process.sentinel

    @property
    def held(self) -> int:
        """The bytes of memory the process holds."""
        return machine.resident(self.pid)

    def take(self, task: Task) -> None:
        """Send the process a stack to train."""
        self.graphs.add(task.graph)
        self.stacks += 1
        with suppress(OSError):  # the process has ended already, which its sentinel shows
            self._pipe.send_bytes(pack_stack(task.stack))

    def receive(self) -> Message | None:
        """Return the next message of the process; None where there is none because it has ended."""
        try:
            data = self._pipe.recv_bytes() if self._pipe.poll() else b""
        except (EOFError, OSError):
            return None
        return unpack_message(data) if data else None

    def kill(self) -> None:
        """End the process at once: it has nothing to save."""
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def exit_reason(self) -> str:
        """Return in words how the process ended by itself, with the last lines of its output."""
        self._process.join()
        code = self._process.exitcode or 0
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        output = f" ({'; '.join(lines[-LAST_LINES:])})" if lines and code >= 0 else ""
        return f"{self.place} {ended}{output}"


@dataclass
class ProcessExecutor:
    """Trains stacks in `workers` processes, which are kept for all rounds until they are replaced.

    `max_tasks_per_worker`: stacks after which a worker is replaced. `memory`: bytes a worker may hold; one that holds more
    is ended, and its stack is tried once more in a new one. `graph` names the graph of a stack. `store` keeps checkpoints,
    and the output of workers. `gpus`: how many this machine has; each worker sees one of them.
    """

    config: WorkerConfig
    root: Path
    store: Store
    graph: Callable[[Stack], str]
    workers: int
    max_tasks_per_worker: int
    memory: int
    gpus: int = 0
    processes: list[Process] = field(default_factory=list)
    running: dict[Process, Task] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            process.kill()
        self.processes.clear()
        self.running.clear()

    def train(self, stacks: Sequence[Stack], listener: StackListener) -> Iterator[list[TrainedRun]]:
        """See `Executor`."""
        tasks = TaskQueue(stacks, self.graph, MAX_ATTEMPTS, listener)
        try:
            while tasks or self.running:
                self._hand_out(tasks)
                yield from self._listen(tasks)
        finally:  # after an error, Ctrl-C, or when the caller takes no more results
            for process, task in list(self.running.items()):
                tasks.abandon(task)
                self._end(process)

    def _hand_out(self, tasks: TaskQueue) -> None:
        free = [process for process in self.processes if process not in self.running]
        while tasks and (free or len(self.processes) < self.workers):
            process = free.pop() if free else self._start()
            others = set[str]().union(*(other.graphs for other in self.processes if other is not process))
            task = self.running[process] = tasks.next(process.graphs, others)
            tasks.start(task, process.place)
            process.take(task)

    def _start(self) -> Process:
        number = min(set(range(1, self.workers + 1)) - {process.number for process in self.processes})
        settings = ProcessSettings(
            config=self.config,
            root=self.root.resolve(),
            store=self.store.folder.resolve(),
            log=(self.store.folder / ".workers" / f"{number}.log").resolve(),
            cores=machine.share_of_cores(number - 1, self.workers),
            gpu=(number - 1) % self.gpus if self.gpus else None,
        )
        self.processes.append(Process(number, settings))
        return self.processes[-1]

    def _end(self, process: Process) -> None:
        self.processes.remove(process)
        self.running.pop(process, None)
        process.kill()

    def _listen(self, tasks: TaskQueue) -> Iterator[list[TrainedRun]]:
        """Wait for messages, at most for a moment; yield what is trained."""
        ready = connection.wait(
            [source for process in self.running for source in process.sources], LOOK_EVERY
        )
        for process, task in list(self.running.items()):
            if not set(process.sources).isdisjoint(ready):
                yield from self._receive(process, task, tasks)
        for process in list(self.running):
            if process.held > self.memory:
                self._lose(process, tasks, self._too_large(process))

    def _receive(self, process: Process, task: Task, tasks: TaskQueue) -> Iterator[list[TrainedRun]]:
        message = process.receive()
        if message is None:
            self._lose(process, tasks, process.exit_reason())
            return
        if isinstance(message, Trained):
            del self.running[process]
            is_large = message.held > LARGEST_IDLE_SHARE * self.memory
            if process.stacks >= self.max_tasks_per_worker or is_large:
                self._end(process)
        yield from tasks.receive(task, message)

    def _lose(self, process: Process, tasks: TaskQueue, why: str) -> None:
        task = self.running[process]
        self._end(process)
        tasks.lose(task, why)

    def _too_large(self, process: Process) -> str:
        allowed = self.memory / 1e9
        return f"{process.place} held more than the {allowed:.1f} GB allowed (executor.memory)"


def number_of_workers(gpus: int) -> int:
    """Return the default number of workers: one per GPU, else one per core as far as memory suffices."""
    return gpus or max(1, min(cores(), int(SHARED * machine.memory() / LEAST_MEMORY)))


def share_of_memory(workers: int) -> int:
    """Return the default for the bytes that each worker may hold: equal shares of most of the machine's memory."""
    return max(LEAST_MEMORY, int(SHARED * machine.memory() / workers))
