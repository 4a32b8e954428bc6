"""What a stack asks of the node of a cluster that trains it: cores, memory, a part of a GPU. Pure arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

BASE = (
    900_000_000  # bytes that Python, TensorFlow and Keras hold before any data, as seen in worker processes
)
COPIES = (
    8  # of a model's weights in training: themselves, kept ones, gradients, the optimizer's, on their way
)
PIXELS = 5  # bytes a pixel takes: as it came, and scaled to float32
MARGIN = 1.25  # of what was measured
SMALLEST_SHARE = 0.05  # of a GPU


@dataclass(frozen=True)
class Size:
    """How large a stack is: models, numbers in one model's weights, pixels of its data set; whether one core does."""

    models: int
    weights: int
    pixels: int
    small: bool


@dataclass(frozen=True)
class Node:
    """The most that one node of a cluster has: cores, bytes of memory, GPUs."""

    cpus: float
    memory: float
    gpus: float


@dataclass
class Needs:
    """What stacks ask for: by arithmetic at first, by what workers held once stacks of the graph were trained.

    `threads` is the size of TensorFlow's pool; `gpu_memory` the bytes of one GPU, None where a stack gets a whole one.
    """

    threads: int
    gpu_memory: float | None = None
    _held: dict[tuple[str, int], int] = field(default_factory=dict)

    def learn(self, graph: str, models: int, held: int) -> None:
        """Note how many bytes a worker held when it had trained a stack of `models` models."""
        self._held[graph, models] = max(held, self._held.get((graph, models), 0))

    def memory(self, graph: str, size: Size) -> int:
        """Return the bytes of memory that a stack is expected to take."""
        measured = self._held.get((graph, size.models))
        return int(MARGIN * measured) if measured else BASE + _arrays(size)

    def options(self, graph: str, size: Size, largest: Node) -> dict[str, float]:
        """Return a stack's needs as Ray's options, never more than the `largest` node has: it would wait for ever."""
        cpus = 1.0 if size.small or largest.gpus else float(min(self.threads, max(1.0, largest.cpus)))
        asked = {
            "num_cpus": min(cpus, largest.cpus),
            "memory": int(min(self.memory(graph, size), largest.memory)),
        }
        return {**asked, "num_gpus": self._share(size)} if largest.gpus else asked

    def _share(self, size: Size) -> float:
        if self.gpu_memory is None:
            return 1.0
        return round(min(1.0, max(SMALLEST_SHARE, MARGIN * _arrays(size) / self.gpu_memory)), 2)


def _arrays(size: Size) -> int:
    return 4 * COPIES * size.models * size.weights + PIXELS * size.pixels


def largest_node(nodes: list[Mapping[str, float]]) -> Node:
    """Return the most of each resource that any of several nodes (as Ray describes them) has."""

    def most(name: str) -> float:
        return max((node.get(name, 0.0) for node in nodes), default=0.0)

    return Node(most("CPU"), most("memory"), most("GPU"))
