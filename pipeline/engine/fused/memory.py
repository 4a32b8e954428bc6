"""How many models a stack may hold, and how many to begin with before anything is measured."""

from math import prod
from typing import Any

BUDGET = 1 << 30
"""Bytes for a stack's weights, gradients and optimizer state."""
COPIES = 8
"""Copies of the weights: the weights, kept ones, gradients, unpacked and packed, and up to three optimizer slots."""
LARGEST = 384
"""Models."""
CACHED_WEIGHTS = 250_000
"""Weights of all models together that stay in a core's cache; docs/performance.md has the sizes tried."""
SMALL_NET = 50_000
"""Weights up to which a step is overhead more than memory, and a training shorter than compiling another stack."""


def most_models(template: Any, batch_size: int) -> int:
    """Return how many models of `template`'s graph fit into memory at once."""
    activations = batch_size * sum(_width(layer) for layer in template.layers)
    bytes_per_model = 4 * (COPIES * template.count_params() + 4 * activations)
    return int(max(1, min(LARGEST, BUDGET // bytes_per_model)))


def first_guess(template: Any, batch_size: int, on_gpu: bool = False) -> int:
    """Return a good number of models: on a CPU one large net, or as many as stay in a core's cache; else all that fit."""
    weights = template.count_params()
    most = most_models(template, batch_size)
    return most if on_gpu or weights <= SMALL_NET else max(1, min(most, CACHED_WEIGHTS // weights))


def _width(layer: Any) -> int:
    """Return how many numbers a layer yields for a row; 0 where a subclassed model calls it only while it runs."""
    output = getattr(layer, "output", None)
    tensors = output if isinstance(output, list | tuple) else [output]
    return sum(prod(size or 1 for size in tensor.shape[1:]) for tensor in tensors if tensor is not None)
