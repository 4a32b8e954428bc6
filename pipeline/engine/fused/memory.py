"""How many models a stack may hold."""

from typing import Any

BUDGET = 1 << 30  # bytes for a stack's weights, gradients and optimizer state
COPIES = 8  # of the weights: themselves, kept ones, gradients, unpacked and packed, and up to three slots
LAYER = 1_500_000  # numbers of all models' kernels in one layer, on average; docs/performance.md has the sizes tried
LARGEST = 384
WHOLE = (
    50_000  # numbers a model; below, XLA takes the whole epoch, above, batched products run faster outside it
)


def largest_stack(template: Any, batch_size: int) -> int:
    """Return how many models of `template`'s graph to train at once: as many as gain by it and fit into memory.

    More models make larger products, until what one layer touches no longer stays in a cache.
    """
    weights = template.count_params()
    kernels = [w for w in template.trainable_variables if len(w.shape) > 1]
    activations = batch_size * sum(_width(layer) for layer in template.layers)
    by_memory = BUDGET // (4 * (COPIES * weights + 4 * activations))
    by_layer = LAYER * max(1, len(kernels)) // max(1, weights)
    return int(max(1, min(LARGEST, by_memory, by_layer)))


def is_small(template: Any) -> bool:
    """Tell whether XLA takes this graph's whole epochs, on one thread: below this, its products are too small to share."""
    return bool(template.count_params() <= WHOLE)


def _width(layer: Any) -> int:
    size = 1
    for extent in layer.output.shape[1:]:
        size *= extent
    return size
