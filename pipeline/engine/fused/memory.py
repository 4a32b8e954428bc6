"""How many models a stack may hold, and how many to begin with before anything is measured."""

from typing import Any

BUDGET = 1 << 30  # bytes for a stack's weights, gradients and optimizer state
COPIES = 8  # of the weights: themselves, kept ones, gradients, unpacked and packed, and up to three slots
LARGEST = 384
# Numbers of all models' kernels in one layer, on average; docs/performance.md has the sizes tried. A small net's step is
# overhead more than memory, and its training is short beside the compiling of another stack.
LAYER = 120_000
LAYER_OF_SMALL_NETS = 1_500_000
SMALL_NET = 50_000  # weights


def most_models(template: Any, batch_size: int) -> int:
    """Return how many models of `template`'s graph fit into memory at once."""
    activations = batch_size * sum(_width(layer) for layer in template.layers)
    a_model = 4 * (COPIES * template.count_params() + 4 * activations)
    return int(max(1, min(LARGEST, BUDGET // a_model)))


def first_guess(template: Any, batch_size: int, on_gpu: bool = False) -> int:
    """Return a good number of models: on a GPU all that fit; on a CPU as many as stay in a core's cache together."""
    most = most_models(template, batch_size)
    if on_gpu:
        return most
    weights = template.count_params()
    kernels = [weight for weight in template.trainable_variables if len(weight.shape) > 1]
    layer = LAYER_OF_SMALL_NETS if weights <= SMALL_NET else LAYER
    return int(max(1, min(most, layer * max(1, len(kernels)) // max(1, weights))))


def _width(layer: Any) -> int:
    size = 1
    for extent in layer.output.shape[1:]:
        size *= extent
    return size
