"""Activation functions as curves: their values, their slopes, and where they saturate."""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.resolve import activation_layer
from pipeline.params.names import Named

REACH, STEP = 6.0, 1 / 32  # a power of two: exact in float32
FLAT = 0.05

Floats = NDArray[np.float64]


def curve(activation: Named) -> dict[str, Any]:
    """Return `x`, `value` and `slope` (central differences) from -6 to 6, and `saturated`, where the slope is below 0.05.

    There less than a twentieth of a gradient passes. `{}` for what is no function of one number, such as softmax.
    """
    layer = activation_layer(activation, "activation")
    x = np.arange(-REACH - STEP, REACH + 1.5 * STEP, STEP, dtype=np.float32)
    values, beside_others = (_apply(layer, np.stack([x, other], axis=1))[:, 0] for other in (x, -x))
    if not np.allclose(values, beside_others, atol=1e-6):
        return {}
    slope = (values[2:] - values[:-2]) / (2 * STEP)
    inner = x[1:-1].astype(np.float64)
    return {
        "x": inner.tolist(),
        "value": values[1:-1].tolist(),
        "slope": slope.tolist(),
        "saturated": stretches(inner, np.abs(slope) < FLAT),
    }


def stretches(x: Floats, inside: NDArray[np.bool_]) -> list[list[float]]:
    """Return the ends of every stretch of neighbouring `x` that is `inside`, single points aside (a minimum is no plain)."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    pairs = edges.reshape(-1, 2)
    return [[float(x[low]), float(x[high - 1])] for low, high in pairs if x[high - 1] - x[low] > 0.5]


def _apply(layer: Any, x: NDArray[np.float32]) -> Floats:
    # A layer with weights (PReLU) is built for one width; these are its initial ones.
    made = layer.__class__.from_config(layer.get_config())
    return np.asarray(keras.ops.cast(made(keras.ops.convert_to_tensor(x)), "float32"), np.float64)
