"""What a stack requires of the node of a cluster that trains it: cores, memory, a share of a GPU. Pure arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

BASE = 900_000_000
"""Bytes that Python, TensorFlow and Keras hold before any data, as measured in worker processes."""
COPIES = 8
"""Copies of a model's weights in training: the weights, kept ones, gradients, the optimizer's, and those in transfer."""
BYTES_PER_PIXEL = 5
"""As it was read, and scaled to float32."""
MARGIN = 1.25
"""Factor on what was measured."""
SMALLEST_SHARE = 0.05
"""Of a GPU."""


@dataclass(frozen=True)
class StackSize:
    """How large a stack is: models, numbers in one model's weights, pixels of its data set; `small`: one core suffices."""

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
class Requirements:
    """What stacks require: estimated at first, then as workers were measured that had trained stacks of the same graph.

    `threads` is the size of TensorFlow's thread pool; `gpu_memory` the bytes of one GPU, None where each stack gets one.
    """

    threads: int
    gpu_memory: float | None = None
    _held: dict[tuple[str, int], int] = field(default_factory=dict)

    def learn(self, graph: str, models: int, held: int) -> None:
        """Record how many bytes a worker held when it had trained a stack of `models` models."""
        self._held[graph, models] = max(held, self._held.get((graph, models), 0))

    def memory(self, graph: str, size: StackSize) -> int:
        """Return the bytes of memory that a stack is expected to take."""
        measured = self._held.get((graph, size.models))
        return int(MARGIN * measured) if measured else BASE + _array_bytes(size)

    def options(self, graph: str, size: StackSize, largest: Node) -> dict[str, float]:
        """Return a stack's requirements as Ray's options, at most what the `largest` node has, or it would wait forever."""
        cpus = 1.0 if size.small or largest.gpus else float(min(self.threads, max(1.0, largest.cpus)))
        options = {
            "num_cpus": min(cpus, largest.cpus),
            "memory": int(min(self.memory(graph, size), largest.memory)),
        }
        return {**options, "num_gpus": self._share(size)} if largest.gpus else options

    def _share(self, size: StackSize) -> float:
        if self.gpu_memory is None:
            return 1.0
        return round(min(1.0, max(SMALLEST_SHARE, MARGIN * _array_bytes(size) / self.gpu_memory)), 2)


def _array_bytes(size: StackSize) -> int:
    return 4 * COPIES * size.models * size.weights + BYTES_PER_PIXEL * size.pixels


def largest_node(nodes: list[Mapping[str, float]]) -> Node:
    """Return the most of each resource that any of several nodes (as Ray describes them) has."""

    def most(name: str) -> float:
        return max((node.get(name, 0.0) for node in nodes), default=0.0)

    return Node(most("CPU"), most("memory"), most("GPU"))
