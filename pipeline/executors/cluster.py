"""Stacks trained on the nodes of a Ray cluster: each a task; this process hands them out and is the only one that stores.

Data goes into Ray's object store once a data set, results come back through it, so nodes share no disk. The pipeline's
own code and the project's Python files travel along; Keras and TensorFlow must be installed on each node, in equal versions.
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
from pipeline.engine.auto import Stack
from pipeline.engine.protocol import TrainedRun
from pipeline.errors import UserError
from pipeline.executors.errands import Errand, Errands
from pipeline.executors.needs import Needs, Size, largest_node
from pipeline.executors.parcels import PIXELS, pack_data, pack_stack, unpack_trained
from pipeline.executors.protocol import Watch
from pipeline.executors.remote import train_remotely
from pipeline.executors.worker import Terms, unpack_report

TRIES = 4  # workers that may be lost with one stack: nodes of a cluster come and go
WAIT = 0.5  # seconds to wait for news at a time
AHEAD = 2  # stacks handed to the cluster for each that it can train at once, so that none idles
PATIENCE = 5.0  # seconds to wait for a cluster to answer
UNREAD = 4  # pieces of news of a stack that may wait to be read
LARGEST_SOURCE = 1_000_000  # bytes of a Python file that is sent along
OUTSIDE = {"site-packages", "node_modules", "venv", "__pycache__"}
OUTSIDE_OF_ROOT = {"pipeline", "tests", "benchmarks", "data", "results", "reports", "mlartifacts"}
LOOPBACK = ("127.0.0.1", "localhost")
Task = Any  # a stack in training: ray.ObjectRefGenerator


@dataclass
class RayExecutor:
    """Trains each stack as one Ray task, tried elsewhere when its worker or node is lost.

    `graph` names the graph of a stack, `weights` counts one model's. `most`: stacks handed out at once, None where the
    cluster's size says.
    """

    terms: Terms
    root: Path
    address: str
    graph: Callable[[Stack], str]
    weights: Callable[[Stack], int]
    needs: Needs
    lives: int
    most: int | None = None
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

    def train(self, stacks: Sequence[Stack], watch: Watch) -> Iterator[list[TrainedRun]]:
        """See `Executor`."""
        errands = Errands(stacks, self.graph, TRIES, watch)
        busy: dict[Task, Errand] = {}
        try:
            while errands or busy:
                while errands and len(busy) < self._limit():
                    errand = errands.next()
                    busy[self._submit(errand.stack)] = errand
                ready, _ = ray.wait(list(busy), num_returns=1, timeout=WAIT)
                for task in ready:
                    yield from self._hear(task, busy, errands, watch)
        finally:
            for task, errand in busy.items():
                watch.lost(errand.stack, "")
                ray.cancel(task, force=True)

    def _limit(self) -> int:
        """Return how many stacks to hand out at once; asked anew, since nodes come and go."""
        return self.most or AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))

    def _submit(self, stack: Stack) -> Task:
        dataset, graph = stack.runs[0].context.dataset, self.graph(stack)
        data = self._put(dataset)
        size = Size(len(stack.runs), self.weights(stack), self._pixels[dataset], stack.small)
        largest = largest_node([node["Resources"] for node in ray.nodes() if node["Alive"]])
        options = self.needs.options(graph, size, largest)
        return self._function.options(_generator_backpressure_num_objects=UNREAD, **options).remote(
            self.terms.pack(), dataset, data, pack_stack(stack)
        )

    @cached_property
    def _function(self) -> Any:
        """The remote function, one for all stacks: by it Ray counts what a process has done."""
        options = {"max_retries": 0, "num_returns": "streaming", "scheduling_strategy": "SPREAD"}
        return ray.remote(max_calls=self.lives, **options)(train_remotely)

    def _put(self, dataset: str) -> Any:
        """Return the data set in the object store, where it is put once."""
        if dataset not in self._data:
            packed = pack_data(dataset, self.root)
            self._pixels[dataset] = sum(packed[name].size for name in PIXELS)
            self._data[dataset] = ray.put(packed)
        return self._data[dataset]

    def _hear(
        self, task: Task, busy: dict[Task, Errand], errands: Errands, watch: Watch
    ) -> Iterator[list[TrainedRun]]:
        """Take one piece of news of a task; yield what it trained."""
        errand = busy[task]
        try:
            news = ray.get(next(task))
        except StopIteration:
            news = {}
        except RayTaskError:  # raised by code of ours or by what a node lacks: another node will do no better
            raise
        except RayError as error:
            del busy[task]
            errands.lose(errand, _why(error))
            return
        if "node" in news:
            watch.started(errand.stack, place(news["node"]))
        elif "report" in news:
            watch.epoch(errand.stack, *unpack_report(news["report"]))
        elif "failed" in news:
            raise _failure(news["failed"])
        elif "trained" in news:
            del busy[task]
            self.needs.learn(errand.graph, len(errand.stack.runs), news["held"])
            watch.finished(errand.stack)
            yield unpack_trained(news["trained"], news["arrays"])


def connect(address: str, sources: Path) -> None:
    """Connect to the cluster at `address`; raises `UserError` where there is none.

    `auto` is the one this machine belongs to, `local` one that is started here and ends with this process.
    """
    host, _, port = address.rpartition(":")
    if address == "local" or host in LOOPBACK:
        # Ray would take this machine's outward address instead. It reads this variable when it is imported in workers,
        # and has read it here already.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        ray._private.ray_constants.ENABLE_RAY_CLUSTER = False
    if port.isdigit():
        _reach(host, int(port))
    started = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(
            address=address,
            runtime_env=environment(sources),
            log_to_driver=False,
            logging_level=logging.ERROR,
            **started,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _no_cluster(address, error) from error


def _reach(host: str, port: int) -> None:
    """Raise `UserError` at once where nobody answers; Ray would go on trying for minutes."""
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        raise _no_cluster(f"{host}:{port}", error) from error


def _no_cluster(address: str, error: Exception) -> UserError:
    return UserError(
        f"executor.address: there is no Ray cluster at {address!r} ({_first_line(error)}); start one with "
        "`ray start --head`, or say `address: local`"
    )


def environment(sources: Path) -> dict[str, Any]:
    """Return what tasks find on every node: this very copy of the pipeline, the project's own classes, Keras's backend."""
    passed = {name: os.environ[name] for name in ("KERAS_BACKEND",) if name in os.environ}
    return {
        "py_modules": [str(Path(pipeline.__file__).parent)],
        "working_dir": str(sources),
        "env_vars": {**passed, "TF_CPP_MIN_LOG_LEVEL": "2"},
    }


def own_sources(root: Path) -> Path:
    """Return a new folder with the project's Python files, which may hold classes of the user's own, and nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="ablation-sources-"))
    for path in _python_files(root):
        target = folder / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def _python_files(root: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(root):
        outside = OUTSIDE | (OUTSIDE_OF_ROOT if Path(here) == root else set())
        folders[:] = [name for name in folders if not name.startswith(".") and name not in outside]
        paths = [Path(here, name) for name in files if name.endswith(".py")]
        yield from (path for path in paths if path.stat().st_size <= LARGEST_SOURCE)


def place(node: str) -> str:
    """Return in words where a node is: its name, and the beginning of its id where it shares that name."""
    names = {each["NodeID"]: each["NodeName"] for each in ray.nodes()}
    name = names.get(node, node[:6])
    return name if list(names.values()).count(name) <= 1 else f"{name}#{node[:6]}"


def _why(error: RayError) -> str:
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _failure(said: dict[str, str]) -> Exception:
    """Return what a worker raised, to be raised here."""
    if said["kind"] == "user":
        return UserError(said["text"])
    return RuntimeError(f"training failed on a node of the cluster:\n{said['text']}")
