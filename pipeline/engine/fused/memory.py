"""How many models a stack may hold."""

from typing import Any

from pipeline.params.phases import Phase
from pipeline.runs import Run

BUDGET = 1 << 30  # bytes for a stack's weights, gradients and optimizer state
COPIES = 8  # of the weights: themselves, kept ones, gradients, unpacked and packed, and up to three slots
CACHE = 24_000_000  # numbers of all models together; see docs/performance.md for the sizes tried
LARGEST = 384
WHOLE = (
    50_000  # numbers a model; below, XLA takes the whole epoch, above, batched products run faster outside it
)


def largest_stack(workshop: Any, phase: Phase, run: Run) -> int:
    """Return the largest stack for the graph that `run` has in `phase`, from its number of weights and batch size."""
    template = workshop.template(run, phase)
    weights = template.count_params()
    activations = phase.recipe.training.batch_size * sum(_width(layer) for layer in template.layers)
    by_memory = BUDGET // (4 * (COPIES * weights + 4 * activations))
    return int(max(1, min(LARGEST, by_memory, CACHE // weights)))


def is_small(template: Any) -> bool:
    """Tell whether XLA takes this graph's whole epochs, on one thread: below this, its products are too small to share."""
    return bool(template.count_params() <= WHOLE)


def _width(layer: Any) -> int:
    size = 1
    for extent in layer.output.shape[1:]:
        size *= extent
    return size
