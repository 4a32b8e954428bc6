"""The layout of a stack's variables in memory: few large arrays instead of many small ones.

An optimizer's update is elementwise, so variables can share an array `[models, numbers]`. Small ones do: one update
instead of dozens. Large ones have their own, since joining and splitting them would cost more than it saves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = 16_384
"""Numbers; measured on a 784-300-100-10 net, where packing the large kernels cost 12 %."""


@dataclass(frozen=True)
class Layout:
    """Which variables (by index) share which array, and the shape of each variable."""

    shapes: tuple[tuple[int, ...], ...]
    buckets: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> list[int]:
        """Numbers in each variable of one model."""
        return [prod(shape) for shape in self.shapes]

    def pack(self, variables: Sequence[Any], concatenate: Any, reshape: Any) -> list[Any]:
        """Return one flat vector per bucket from one model's `variables`."""
        return [
            concatenate([reshape(variables[index], (-1,)) for index in bucket], 0) for bucket in self.buckets
        ]

    def unpack(self, flat: Sequence[Any], split: Any, reshape: Any) -> list[Any]:
        """Return one model's variables, in order, from its flat vectors."""
        variables: dict[int, Any] = {}
        for vector, bucket in zip(flat, self.buckets, strict=True):
            parts = split(vector, [self.sizes[index] for index in bucket]) if len(bucket) > 1 else [vector]
            variables.update(
                {index: reshape(part, self.shapes[index]) for index, part in zip(bucket, parts, strict=True)}
            )
        return [variables[index] for index in range(len(self.shapes))]

    def stack(self, models: Sequence[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
        """Return the arrays `[models, numbers]`, one per bucket, from each model's variables."""
        return [
            np.stack([np.concatenate([np.ravel(model[index]) for index in bucket]) for model in models])
            for bucket in self.buckets
        ]

    def unstack(self, arrays: Sequence[NDArray[Any]]) -> list[list[NDArray[Any]]]:
        """Return each model's variables from the arrays of `stack`."""
        return [
            self.unpack([array[row] for array in arrays], _split, np.reshape) for row in range(len(arrays[0]))
        ]


def layout(shapes: Sequence[tuple[int, ...]], alone: Sequence[bool]) -> Layout:
    """Return a layout in which small variables share one array; those marked `alone` never do."""
    shared = tuple(index for index, shape in enumerate(shapes) if prod(shape) < SMALL and not alone[index])
    own = tuple((index,) for index in range(len(shapes)) if index not in shared)
    return Layout(tuple(map(tuple, shapes)), ((shared,) if shared else ()) + own)


def _split(vector: NDArray[Any], sizes: Sequence[int]) -> list[NDArray[Any]]:
    return np.split(vector, np.cumsum(sizes)[:-1])
