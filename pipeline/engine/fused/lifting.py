"""Numbers that a template has built in, made inputs of its graph, so that models that differ in them share it.

Strengths of L1 and L2 penalties and rates of (alpha) dropout are attributes of Keras objects. While the graph is traced
they are replaced by stand-ins for tensors, one number a model.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Any

import keras
from keras import ops

from pipeline.build.model import block_index, blocks
from pipeline.build.resolve import make
from pipeline.engine.fused.grouping import DROPOUTS, PENALTIES
from pipeline.params.recipe import Recipe

TRACING = RLock()  # a template serves several stacks, and is changed while one of them traces it


@dataclass(frozen=True)
class Lift:
    """One number of a template: the attribute of the objects that hold it."""

    holders: tuple[Any, ...]
    attribute: str


class Lifted:
    """A tensor where Keras expects a number: converts to the tensor, and passes the checks that an ordinary rate passes."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        """Stand for the tensor in TensorFlow's operations."""
        return self.tensor if dtype is None else ops.cast(self.tensor, dtype)

    def __jax_array__(self) -> Any:
        """Stand for the tensor in JAX's operations."""
        return self.tensor

    def __gt__(self, other: object) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return id(self)

    def __mul__(self, other: Any) -> Any:
        return self.tensor * other

    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> Any:
        return other - self.tensor


def lifted_numbers(recipe: Recipe) -> dict[str, float]:
    """Return the numbers of `recipe` that are lifted, in the order of `lifts`."""
    penalty, dropout = recipe.regularisation.kernel_regularizer, recipe.regularisation.dropout
    numbers = {}
    if penalty is not None and penalty.name in PENALTIES:
        made = make("regularizers", penalty)
        numbers = {name: float(getattr(made, name)) for name in PENALTIES[penalty.name]}
    if dropout is not None and dropout.name in DROPOUTS and dropout.arguments.get("rate", 0.0) > 0:
        numbers["rate"] = float(dropout.arguments["rate"])
    return numbers


def lifts(template: keras.Model, recipe: Recipe) -> list[Lift]:
    """Return where `template` holds each of `recipe`'s lifted numbers."""
    own = {block.index for block in blocks(recipe.model) if getattr(block.spec, "dropout", None) is not None}
    drops = [
        layer
        for layer in template.layers
        if type(layer).__name__ in DROPOUTS
        and _is_generated(layer.name)
        and block_index(layer.name) not in own
    ]
    penalties = [
        variable.regularizer for variable in template.trainable_variables if variable.regularizer is not None
    ]
    return [Lift(tuple(drops if name == "rate" else penalties), name) for name in lifted_numbers(recipe)]


def _stand_in(holder: Any, attribute: str, tensor: Any) -> tuple[Any, str, Any]:
    """Return what to set, and to what, so that `holder` uses `tensor` for its `attribute`."""
    if isinstance(holder, keras.layers.Layer):
        tensor = ops.cast(tensor, holder.compute_dtype)  # half the width in mixed precision
    if type(holder) is keras.layers.Dropout:  # the backends look too closely at its rate
        return holder, "call", partial(_drop, holder, tensor)
    return holder, attribute, Lifted(tensor)


def _drop(layer: Any, rate: Any, inputs: Any, training: bool = False) -> Any:
    """Do what `keras.layers.Dropout` does, with a tensor for its rate."""
    if not training:
        return inputs
    drawn = keras.random.uniform(ops.shape(inputs), dtype=inputs.dtype, seed=layer.seed_generator)
    # The backends' own dropouts keep opposite ends of the same numbers.
    kept = drawn < 1.0 - rate if keras.backend.backend() == "jax" else drawn >= rate
    return ops.where(kept, inputs * (1.0 / (1.0 - rate)), 0.0)


@contextmanager
def lifted(places: Sequence[Lift], numbers: Any) -> Iterator[None]:
    """While inside, each of `places` holds its entry of `numbers`, a vector of one model's."""
    changes = [
        _stand_in(holder, lift.attribute, numbers[index])
        for index, lift in enumerate(places)
        for holder in lift.holders
    ]
    with TRACING:
        before = [(holder, attribute, getattr(holder, attribute)) for holder, attribute, _ in changes]
        try:
            for change in changes:
                setattr(*change)
            yield
        finally:
            for change in before:
                setattr(*change)


def _is_generated(layer_name: str) -> bool:
    """Tell a dropout layer made from the recipe's `dropout` from one that the user put among the layers."""
    return layer_name.endswith("_dropout")
