"""Stacks trained in processes beside this one, each with its share of the cores, a bounded life and bounded memory.

TensorFlow's pool of threads has the same size in all of them as it has here, and so do the sums it divides: numbers are
equal to the last bit. What differs is how many cores a process may use.
"""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection
from pathlib import Path
from typing import Self

from pipeline.engine.auto import Stack
from pipeline.engine.protocol import TrainedRun
from pipeline.engine.workers import cores
from pipeline.errors import UserError
from pipeline.executors import machine
from pipeline.executors.child import DONE, FAILED, REPORT, serve
from pipeline.executors.errands import Errand, Errands
from pipeline.executors.parcels import from_bytes, pack_stack, unpack_trained
from pipeline.executors.protocol import Watch
from pipeline.executors.worker import Terms, unpack_report
from pipeline.store import Store

TRIES = 2  # workers that may be lost with one stack
LOOK_EVERY = 0.5  # seconds between two looks at how much memory workers hold
OLD_AGE = 0.75  # the part of a worker's memory that it may hold between two stacks; above it is replaced
SPARE = (
    0.85  # the part of the machine's memory that all workers share, unless params say how much each may hold
)
LEAST = 2_000_000_000  # bytes a worker must be able to hold: TensorFlow alone takes a third of it
LAST_LINES = 3


class Process:
    """One worker process, its pipe, and the stack it is at."""

    def __init__(self, number: int, settings: Mapping[str, object]) -> None:
        self.number, self.log = number, Path(str(settings["log"]))
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, json.dumps(dict(settings))), name=f"worker {number}", daemon=True
        )
        self._process.start()
        theirs.close()
        self.errand: Errand | None = None
        self.graphs: set[str] = set()
        self.stacks = 0

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid or 0

    @property
    def stack(self) -> Stack | None:
        """The stack it is at."""
        return self.errand.stack if self.errand is not None else None

    @property
    def place(self) -> str:
        """What a reader is told of where a stack trains."""
        return f"worker {self.number}"

    @property
    def sentinel(self) -> int:
        """What becomes ready when the process ends."""
        return self._process.sentinel

    @property
    def held(self) -> int:
        """The bytes of memory it holds."""
        return machine.resident(self.pid)

    def take(self, errand: Errand) -> None:
        """Begin with a stack."""
        self.errand = errand
        self.graphs.add(errand.graph)
        self.stacks += 1
        with suppress(OSError):  # one that has ended already, which its sentinel tells
            self.pipe.send_bytes(pack_stack(errand.stack).encode())

    def kill(self) -> None:
        """End it at once: it has nothing to save."""
        self._process.kill()
        self._process.join()
        self.pipe.close()

    def epitaph(self) -> str:
        """Return in words how a process that ended by itself did, with the last it wrote."""
        self._process.join()
        code = self._process.exitcode or 0
        ended = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            lines = []
        said = f" ({'; '.join(lines[-LAST_LINES:])})" if lines and code >= 0 else ""
        return f"{self.place} {ended}{said}"


@dataclass
class ProcessExecutor:
    """Trains stacks in `workers` processes, which live through all rounds unless they grow too old or too large.

    `lives`: stacks after which a worker is replaced. `memory`: bytes a worker may hold; one that holds more is ended, and
    its stack tried once more in a new one. `graph` names the graph of a stack. `store` keeps checkpoints, and what workers
    write. `gpus`: how many this machine has; each worker sees one of them.
    """

    terms: Terms
    root: Path
    store: Store
    graph: Callable[[Stack], str]
    workers: int
    lives: int
    memory: int
    gpus: int = 0
    processes: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes:
            process.kill()
        self.processes.clear()

    def train(self, stacks: Sequence[Stack], watch: Watch) -> Iterator[list[TrainedRun]]:
        """See `Executor`."""
        errands = Errands(stacks, self.graph, TRIES, watch)
        try:
            while errands or self._busy():
                self._hand_out(errands, watch)
                yield from self._listen(errands, watch)
        finally:  # what is under way when nobody listens any more
            for process in self._busy():
                if process.stack is not None:
                    watch.lost(process.stack, "")
                self._end(process)

    def _busy(self) -> list[Process]:
        return [each for each in self.processes if each.errand is not None]

    def _hand_out(self, errands: Errands, watch: Watch) -> None:
        free = [each for each in self.processes if each.errand is None]
        while errands and (free or len(self.processes) < self.workers):
            process = free.pop() if free else self._start()
            others = set[str]().union(*(each.graphs for each in self.processes if each is not process))
            errand = errands.next(process.graphs, others)
            watch.started(errand.stack, process.place)
            process.take(errand)

    def _start(self) -> Process:
        taken = {each.number for each in self.processes}
        number = next(each for each in range(1, self.workers + 1) if each not in taken)
        settings = {
            "terms": self.terms.pack(),
            "root": str(self.root.resolve()),
            "store": str(self.store.folder.resolve()),
            "log": str((self.store.folder / ".workers" / f"{number}.log").resolve()),
            "cores": sorted(machine.share_of_cores(number - 1, self.workers)),
            "gpu": (number - 1) % self.gpus if self.gpus else None,
        }
        self.processes.append(Process(number, settings))
        return self.processes[-1]

    def _end(self, process: Process) -> None:
        self.processes.remove(process)
        process.kill()

    def _listen(self, errands: Errands, watch: Watch) -> Iterator[list[TrainedRun]]:
        """Wait for news, or for a moment; yield what is trained."""
        by_source = {each.pipe: each for each in self._busy()} | {
            each.sentinel: each for each in self._busy()
        }
        ready = connection.wait(list(by_source), LOOK_EVERY)
        for process in dict.fromkeys(by_source[source] for source in ready):  # type: ignore[index]
            yield from self._hear(process, errands, watch)
        for process in self._busy():
            if process.held > self.memory:
                self._lose(process, errands, self._too_large(process))

    def _hear(self, process: Process, errands: Errands, watch: Watch) -> Iterator[list[TrainedRun]]:
        errand = process.errand
        assert errand is not None
        stack = errand.stack
        try:
            message = process.pipe.recv_bytes() if process.pipe.poll() else b""
        except (EOFError, OSError):
            message = b""
        kind, body = message[:1], message[1:]
        if kind == REPORT:
            watch.epoch(stack, *unpack_report(body.decode()))
        elif kind == FAILED:
            raise _failure(json.loads(body))
        elif kind == DONE:
            text, arrays = from_bytes(body)
            plain = json.loads(text)
            process.errand = None
            watch.finished(stack)
            if process.stacks >= self.lives or plain["held"] > OLD_AGE * self.memory:
                self._end(process)
            yield unpack_trained(plain["trained"], arrays)
        else:
            self._lose(process, errands, process.epitaph())

    def _lose(self, process: Process, errands: Errands, why: str) -> None:
        errand, process.errand = process.errand, None
        self._end(process)
        assert errand is not None
        errands.lose(errand, why)

    def _too_large(self, process: Process) -> str:
        allowed = self.memory / 1e9
        return f"{process.place} held more than the {allowed:.1f} GB allowed (executor.memory)"


def _failure(said: dict[str, str]) -> Exception:
    """Return what a worker raised, to be raised here."""
    if said["kind"] == "user":
        return UserError(said["text"])
    return RuntimeError(f"training failed in a worker process:\n{said['text']}")


def number_of_workers(gpus: int) -> int:
    """Return how many workers to have where nothing is said: one a GPU, else one a core, as far as memory reaches."""
    return gpus or max(1, min(cores(), int(SPARE * machine.memory() / LEAST)))


def share_of_memory(workers: int) -> int:
    """Return the bytes that each worker may hold where nothing is said: equal shares of most of the machine's."""
    return max(LEAST, int(SPARE * machine.memory() / workers))
