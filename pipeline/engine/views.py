"""The data of one phase: scaled inputs, targets, and which rows are for training, validation and testing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.metrics import TargetUnit, Task

Inputs = Any
"""An array `[n, ...]`, or several by name."""
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class View:
    """Inputs and targets for one phase; `training`, `validation` and `test` are rows of them, ascending and disjoint.

    `x` is an array `[n, ...]` of float32 or of integers, or several by name; `y` are targets of the `task`: classes `[n]`
    int32 counted from 0 (-1 for classes that are left out, which are never drawn), labels and numbers `[n, outputs]`
    float32, classes of pixels `[n, height, width]` int32. `outputs` is the number of classes, labels or numbers, `names`
    what they are called. `weights` `[n]` float32 are those of rows, where they have any. Views with equal `pool` hold
    equal `x` and `y`. Where targets are scaled, `unit` says what they were. Views of pairs of images: see `pairing`.
    """

    pool: str
    x: Inputs
    y: NDArray[Any]
    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    outputs: int
    task: Task = "classes"
    names: tuple[str, ...] = ()
    weights: NDArray[np.float32] | None = None
    unit: TargetUnit | None = None

    @property
    def validates(self) -> bool:
        """Whether rows are held out for validation."""
        return len(self.validation) > 0

    @property
    def is_streamed(self) -> bool:
        """Whether inputs are read from disk as they are needed, since they would not fit into memory."""
        arrays = self.x.values() if isinstance(self.x, dict) else [self.x]
        return not all(isinstance(array, np.ndarray) for array in arrays)

    @property
    def input_shape(self) -> Shape | dict[str, Shape]:
        """The shape of one input, without the batch; of several inputs by name."""
        if isinstance(self.x, dict):
            return {name: tuple(array.shape[1:]) for name, array in self.x.items()}
        return tuple(self.x.shape[1:])

    @property
    def numbers_per_row(self) -> int:
        """How many numbers the inputs of one row are."""
        arrays = self.x.values() if isinstance(self.x, dict) else [self.x]
        return sum(int(np.prod(array.shape[1:])) for array in arrays)

    def rows(self, chosen: NDArray[Any]) -> dict[str, Any]:
        """Return the inputs `x`, the targets `y` and, where there are any, the `weights` of some rows."""
        x = self.x
        inputs = {name: x[name][chosen] for name in x} if isinstance(x, dict) else x[chosen]
        weights = {} if self.weights is None else {"weights": self.weights[chosen]}
        return {"x": inputs, "y": self.y[chosen], **weights}
