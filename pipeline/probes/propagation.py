"""The self-normalisation experiment: noise through a deep untrained tower of one activation and one initializer.

Source: Klambauer et al., "Self-normalizing neural networks" (arXiv 1706.02515): with SELU and LeCun's initialization mean 0
and deviation 1 are a fixed point, which holds through a thousand layers.
"""

from typing import Any

import keras
import numpy as np

from pipeline.build.resolve import activation_layer, make
from pipeline.params.evaluation import Propagation
from pipeline.params.names import Named
from pipeline.probes.signals import moments
from pipeline.seeds import derive

SHOWN = 100  # depths looked at, spread evenly, besides the first ten


def propagate(activation: Named, initializer: Named, settings: Propagation, seed: int) -> dict[str, Any]:
    """Return `depth` (0: the inputs), and at each `mean` and `deviation` of the activations.

    The mean is over units and inputs, the deviation over inputs, averaged over units. What is not finite is None.
    """
    generator = np.random.default_rng(derive(seed, "inputs"))
    values = generator.standard_normal((settings.samples, settings.units), np.float32)
    shown = depths(settings.layers)
    found: dict[str, Any] = {"depth": shown, "mean": [], "deviation": []}
    for depth in range(settings.layers + 1):
        if depth:
            values = _layer(values, activation, _kernel(initializer, settings.units, derive(seed, depth)))
        if depth in shown:
            mean, deviation = moments(np.asarray(values, np.float64))
            found["mean"].append(mean)
            found["deviation"].append(deviation)
    return found


def depths(layers: int) -> list[int]:
    """Return the depths that are looked at: the inputs, the first ten layers, then about a hundred to the last."""
    spread = np.linspace(layers / SHOWN, layers, SHOWN).round().astype(int)
    return sorted({0, *range(1, min(layers, 10) + 1), *(int(depth) for depth in spread if depth)})


def _layer(values: Any, activation: Named, kernel: Any) -> Any:
    return activation_layer(activation, "activation")(keras.ops.matmul(values, kernel))


def _kernel(initializer: Named, units: int, seed: int) -> Any:
    made = make("initializers", initializer)
    if hasattr(made, "seed"):
        made = type(made).from_config({**made.get_config(), "seed": seed})
    return made((units, units), dtype="float32")
