"""Activation functions as curves: their values, their slopes, and where they saturate."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.resolve import activation_layer
from pipeline.params.keras_names.named import Named

REACH = 6.0
STEP = 1 / 32
"""A power of two: exact in float32."""
FLAT = 0.05
"""The size of a slope below which a function counts as saturated: less than a twentieth of a gradient passes."""
SHORTEST = 0.5
"""The length of an interval above which it counts as saturated: a minimum is not a plateau."""

Floats = NDArray[np.float64]


def curve(activation: Named) -> dict[str, Any]:
    """Return `x`, `value` and `slope` (central differences) from -6 to 6, and the intervals that are `saturated`.

    A function saturates where the size of its slope is below 0.05. Return `{}` for a function of more than one number, such
    as softmax.
    """
    layer = activation_layer(activation, "activation")
    x = np.arange(-REACH - STEP, REACH + 1.5 * STEP, STEP, dtype=np.float32)
    values, values_next_to_others = (_apply(layer, np.stack([x, other], axis=1))[:, 0] for other in (x, -x))
    if not np.allclose(values, values_next_to_others, atol=1e-6):
        return {}
    slope = (values[2:] - values[:-2]) / (2 * STEP)
    inner = x[1:-1].astype(np.float64)
    return {
        "x": inner.tolist(),
        "value": values[1:-1].tolist(),
        "slope": slope.tolist(),
        "saturated": long_intervals(inner, np.abs(slope) < FLAT),
    }


def long_intervals(x: Floats, inside: NDArray[np.bool_]) -> list[list[float]]:
    """Return the two ends of every interval of neighbouring `x` that are `inside`, if it is longer than 0.5."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    ends = [(float(x[first]), float(x[after - 1])) for first, after in edges.reshape(-1, 2)]
    return [[low, high] for low, high in ends if high - low > SHORTEST]


def _apply(layer: keras.layers.Layer, x: NDArray[np.float32]) -> Floats:
    # A layer with weights (PReLU) is built for one width, so each call has a new one with its initial weights.
    fresh = layer.__class__.from_config(layer.get_config())
    return np.asarray(keras.ops.cast(fresh(keras.ops.convert_to_tensor(x)), "float32"), np.float64)
