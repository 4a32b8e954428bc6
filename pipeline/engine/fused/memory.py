"""How many models a stack may hold, and how many to begin with before anything is measured."""

from typing import Any

BUDGET = 1 << 30  # bytes for a stack's weights, gradients and optimizer state
COPIES = 8  # of the weights: themselves, kept ones, gradients, unpacked and packed, and up to three slots
LARGEST = 384
TOGETHER = (
    250_000  # weights of all models that stay in a core's cache; docs/performance.md has the sizes tried
)
SMALL_NET = (
    50_000  # weights; a step is overhead more than memory, a training short beside compiling another stack
)


def most_models(template: Any, batch_size: int) -> int:
    """Return how many models of `template`'s graph fit into memory at once."""
    activations = batch_size * sum(_width(layer) for layer in template.layers)
    a_model = 4 * (COPIES * template.count_params() + 4 * activations)
    return int(max(1, min(LARGEST, BUDGET // a_model)))


def first_guess(template: Any, batch_size: int, on_gpu: bool = False) -> int:
    """Return a good number of models: on a CPU one large net, or as many as stay in a core's cache; else all that fit."""
    weights = template.count_params()
    most = most_models(template, batch_size)
    return most if on_gpu or weights <= SMALL_NET else max(1, min(most, TOGETHER // weights))


def _width(layer: Any) -> int:
    size = 1
    for extent in layer.output.shape[1:]:
        size *= extent
    return size
