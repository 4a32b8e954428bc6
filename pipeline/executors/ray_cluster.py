"""Stacks trained on the nodes of a Ray cluster: each is a stream; this process hands them out and alone stores results.

A data set is put into Ray's object store once, and results come back through it, so nodes need no common disk. The
pipeline's own code and the project's Python files are sent along; Keras and TensorFlow must be installed on each node, in
equal versions.
"""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import ray
from ray.exceptions import RayError, RayTaskError

import pipeline
from pipeline.core.errors import UserError
from pipeline.engine.jobs import TrainedRun
from pipeline.engine.stacks import Stack
from pipeline.executors.messages import Message, Started, Trained
from pipeline.executors.protocol import StackListener
from pipeline.executors.ray_task import train_remotely
from pipeline.executors.requirements import Requirements, StackSize, largest_node
from pipeline.executors.serialization import pack_data, pack_stack
from pipeline.executors.settings import WorkerConfig
from pipeline.executors.tasks import Task, TaskQueue

MAX_ATTEMPTS = 4
"""Workers that may be lost with one stack: nodes of a cluster come and go."""
WAIT = 0.5
"""Seconds to wait for messages at a time."""
AHEAD = 2
"""Stacks handed to the cluster for each that it can train at once, so that no core is idle."""
CONNECT_TIMEOUT = 5.0
"""Seconds to wait for a cluster to answer."""
UNREAD = 4
"""Messages about a stack that may wait to be read."""
LARGEST_SOURCE = 1_000_000
"""Bytes of a Python file that is sent along."""
OUTSIDE = {"site-packages", "node_modules", "venv", "__pycache__"}
OUTSIDE_OF_ROOT = {"pipeline", "tests", "benchmarks", "data", "results", "reports", "mlartifacts"}
Stream = Any
"""The messages about a stack in training: a `ray.ObjectRefGenerator`."""


@dataclass
class RayExecutor:
    """Trains each stack as one Ray stream, tried elsewhere when its worker or node is lost.

    `graph` names the graph of a stack, `weights` counts those of one of its models. `max_tasks_per_worker`: stacks after
    which Ray replaces a process. `max_running`: stacks handed out at once, None: according to the size of the cluster.
    """

    config: WorkerConfig
    root: Path
    address: str
    graph: Callable[[Stack], str]
    weights: Callable[[Stack], int]
    requirements: Requirements
    max_tasks_per_worker: int
    max_running: int | None = None
    _data: dict[str, Any] = field(default_factory=dict)
    _pixels: dict[str, int] = field(default_factory=dict)
    _sources: Path | None = None
    _connected_here: bool = False

    def __enter__(self) -> Self:
        if not ray.is_initialized():
            self._sources = own_sources(self.root)
            connect(self.address, self._sources)
            self._connected_here = True
        return self

    def __exit__(self, *error: object) -> None:
        self._data.clear()
        if self._connected_here:
            ray.shutdown()
            self._connected_here = False
        if self._sources is not None:
            shutil.rmtree(self._sources, ignore_errors=True)
            self._sources = None

    def train(self, stacks: Sequence[Stack], listener: StackListener) -> Iterator[list[TrainedRun]]:
        """See `Executor`."""
        tasks = TaskQueue(stacks, self.graph, MAX_ATTEMPTS, listener)
        running: dict[Stream, Task] = {}
        try:
            while tasks or running:
                while tasks and len(running) < self._limit():
                    task = tasks.next()
                    running[self._submit(task.stack)] = task
                ready, _ = ray.wait(list(running), num_returns=1, timeout=WAIT)
                for stream in ready:
                    yield from self._receive(stream, running, tasks)
        finally:
            for stream, task in running.items():
                tasks.abandon(task)
                ray.cancel(stream, force=True)

    def _limit(self) -> int:
        """Return how many stacks to hand out at once; computed each time, since nodes come and go."""
        return self.max_running or AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))

    def _submit(self, stack: Stack) -> Stream:
        dataset, graph = stack.runs[0].context.dataset, self.graph(stack)
        data = self._put(dataset)
        size = StackSize(len(stack.runs), self.weights(stack), self._pixels[dataset], stack.small)
        largest = largest_node([node["Resources"] for node in ray.nodes() if node["Alive"]])
        options = self.requirements.options(graph, size, largest)
        return self._function.options(_generator_backpressure_num_objects=UNREAD, **options).remote(
            self.config, dataset, data, pack_stack(stack)
        )

    @cached_property
    def _function(self) -> Any:
        """The remote function, one for all stacks: Ray counts by it how many tasks a process has done."""
        options = {"max_retries": 0, "num_returns": "streaming", "scheduling_strategy": "SPREAD"}
        return ray.remote(max_calls=self.max_tasks_per_worker, **options)(train_remotely)

    def _put(self, dataset: str) -> Any:
        """Return the data set in the object store, where it is put once."""
        if dataset not in self._data:
            packed = pack_data(dataset, self.root)
            self._pixels[dataset] = sum(array.size for array in packed["arrays"].values())
            self._data[dataset] = ray.put(packed)
        return self._data[dataset]

    def _receive(
        self, stream: Stream, running: dict[Stream, Task], tasks: TaskQueue
    ) -> Iterator[list[TrainedRun]]:
        """Take one message from a stream; yield what it trained."""
        task = running[stream]
        try:
            message: Message = ray.get(next(stream))
        except StopIteration:
            return
        except RayTaskError:
            # Raised by the pipeline's code, or by something that nodes lack: no other node will do better.
            raise
        except RayError as error:
            del running[stream]
            tasks.lose(task, f"{type(error).__name__}: {_first_line(error)}")
            return
        if isinstance(message, Started):
            tasks.start(task, place(message.node))
        if isinstance(message, Trained):
            del running[stream]
            self.requirements.learn(task.graph, len(task.stack.runs), message.held)
        yield from tasks.receive(task, message)


def connect(address: str, sources: Path) -> None:
    """Connect to the cluster at `address`; raises `UserError` where there is none.

    `auto` is the cluster that this machine belongs to, `local` one that is started here and ends with this process.
    """
    host, _, port = address.rpartition(":")
    if port.isdigit():
        _reach(host, int(port))
    options = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(
            address=address,
            runtime_env=environment(sources),
            log_to_driver=False,
            logging_level=logging.ERROR,
            **options,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _reach(host: str, port: int) -> None:
    """Raise `UserError` at once where nothing answers; Ray would try again for minutes."""
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT).close()
    except OSError as error:
        raise _no_cluster(f"{host}:{port}", error) from error


def _no_cluster(address: str, error: Exception) -> UserError:
    return UserError(
        f"executor.address: there is no Ray cluster at {address!r} ({_first_line(error)}); start one with "
        "`ray start --head`, or write `address: local`"
    )


def environment(sources: Path) -> dict[str, Any]:
    """Return what tasks get on every node: this copy of the pipeline, the project's own classes, Keras's backend."""
    passed = {name: os.environ[name] for name in ("KERAS_BACKEND",) if name in os.environ}
    return {
        "py_modules": [str(Path(pipeline.__file__).parent)],
        "working_dir": str(sources),
        "env_vars": {**passed, "TF_CPP_MIN_LOG_LEVEL": "2"},
    }


def own_sources(root: Path) -> Path:
    """Return a new folder with only the project's Python files, which may hold classes of the user's own."""
    folder = Path(tempfile.mkdtemp(prefix="ablation-sources-"))
    for path in _python_files(root):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def _python_files(root: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(root):
        outside = OUTSIDE | (OUTSIDE_OF_ROOT if Path(parent) == root else set())
        folders[:] = [name for name in folders if not name.startswith(".") and name not in outside]
        paths = [Path(parent, name) for name in files if name.endswith(".py")]
        yield from (path for path in paths if path.stat().st_size <= LARGEST_SOURCE)


def place(node_id: str) -> str:
    """Return for a reader which node that is: its name, and the beginning of its id where several share that name."""
    names = {node["NodeID"]: node["NodeName"] for node in ray.nodes()}
    name = names.get(node_id, node_id[:6])
    return name if list(names.values()).count(name) <= 1 else f"{name}#{node_id[:6]}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
