"""Whether models can share an optimizer: only where it updates each number independently, which is tried."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.fused.program import Column

MakeOptimizer = Callable[[Any], Any]
Numbers = NDArray[np.float32]

GRADIENTS = np.array([[0.5, -2.0, 1.0], [-0.1, 0.03, 4.0]], np.float32)
RATES = np.array([[0.1], [0.01]], np.float32)
STEPS = 3


def moves_elementwise(make: MakeOptimizer) -> bool:
    """Return whether the optimizer that `make` returns for a learning rate moves each number as it would move it alone.

    Two rows, each with a rate of its own, must end where each ends when updated alone; so must single columns.
    """
    together = _moved(make, GRADIENTS, RATES)
    rows = [_moved(make, GRADIENTS[[row]], RATES[[row]]) for row in range(len(GRADIENTS))]
    columns = [_moved(make, GRADIENTS[:, [column]], RATES) for column in range(GRADIENTS.shape[1])]
    return _near(together, np.concatenate(rows)) and _near(together, np.concatenate(columns, axis=1))


def _moved(make: MakeOptimizer, gradients: Numbers, rates: Numbers) -> Numbers:
    """Return the value of a variable of ones after some steps with the same gradients."""
    column = Column(len(rates))
    column.value = keras.ops.convert_to_tensor(rates)
    optimizer = make(column)
    variable = keras.Variable(np.ones_like(gradients))
    optimizer.build([variable])
    for _ in range(STEPS):
        optimizer.apply([keras.ops.convert_to_tensor(gradients)], [variable])
    return np.asarray(variable)


def _near(one: Numbers, other: Numbers) -> bool:
    return bool(np.allclose(one, other, atol=1e-6))
