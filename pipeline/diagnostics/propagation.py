"""The self-normalisation experiment: noise through many untrained layers of one activation and one initializer.

Source: Klambauer et al., "Self-normalizing neural networks" (arXiv 1706.02515): with SELU and LeCun's initialization, mean 0
and deviation 1 are a fixed point, which holds through a thousand layers.
"""

from typing import Any

import keras
import numpy as np

from pipeline.build.resolve import activation_layer, make
from pipeline.diagnostics.signals import moments
from pipeline.params.keras_names.named import Named
from pipeline.params.types.evaluation import Propagation
from pipeline.runs.seeds import derive

FIRST = 10
"""The layers that are all shown."""
SHOWN = 100
"""Depths that are shown besides these, spread evenly."""


def propagate(activation: Named, initializer: Named, settings: Propagation, seed: int) -> dict[str, Any]:
    """Return each `depth` (0: the inputs), and at each the `mean` and `deviation` of the activations.

    The mean is over units and inputs; the deviation is over inputs, averaged over units. Numbers that are not finite are
    None.

    Example:
        >>> propagate(Named(name="selu"), Named(name="LecunNormal"), Propagation(layers=200), seed=0)["deviation"][-1]
    """
    generator = np.random.default_rng(derive(seed, "inputs"))
    values = generator.standard_normal((settings.samples, settings.units), np.float32)
    shown = depths(settings.layers)
    outcome: dict[str, Any] = {"depth": shown, "mean": [], "deviation": []}
    for depth in range(settings.layers + 1):
        if depth:
            values = _layer(values, activation, _kernel(initializer, settings.units, derive(seed, depth)))
        if depth in shown:
            mean, deviation = moments(np.asarray(values, np.float64))
            outcome["mean"].append(mean)
            outcome["deviation"].append(deviation)
    return outcome


def depths(layers: int) -> list[int]:
    """Return the depths to show: the inputs, the first ten layers, then about a hundred up to the last."""
    spread = np.linspace(layers / SHOWN, layers, SHOWN).round().astype(int).tolist()
    return sorted({0, *range(1, min(layers, FIRST) + 1), *spread})


def _layer(values: Any, activation: Named, kernel: Any) -> Any:
    return activation_layer(activation, "activation")(keras.ops.matmul(values, kernel))


def _kernel(named: Named, units: int, seed: int) -> Any:
    initializer = make("initializers", named)
    if hasattr(initializer, "seed"):
        initializer = type(initializer).from_config({**initializer.get_config(), "seed": seed})
    return initializer((units, units), dtype="float32")
