"""Numbers that are built into a template, made inputs of its graph, so that models with different ones share it.

Strengths of L1 and L2 penalties and rates of (alpha) dropout are attributes of Keras objects. While the graph is traced
they are replaced by stand-ins for tensors, with one number per model.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Any

import keras
from keras import ops

from pipeline.build.model import block_index, blocks
from pipeline.build.resolve import make
from pipeline.build.weights import seed_generators
from pipeline.engine.fused.grouping import DROPOUTS, PENALTIES
from pipeline.params.types.recipe import Recipe

SELU_LOW = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
"""The value at which SELU saturates."""
Uniform = Callable[[Sequence[int], str, Any], Any]
"""Draws numbers in [0, 1) of a shape and dtype, from a `SeedGenerator`."""
TRACING = RLock()
"""Held while a template is changed and traced, since several stacks use it."""


@dataclass(frozen=True)
class Lift:
    """One lifted number of a template: the objects that hold it, and their attribute."""

    holders: tuple[Any, ...]
    attribute: str


class Lifted:
    """A tensor where Keras expects a number: it converts to the tensor, and passes the checks that a valid rate passes."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        """Return the tensor for TensorFlow's operations."""
        return self.tensor if dtype is None else ops.cast(self.tensor, dtype)

    def __jax_array__(self) -> Any:
        """Return the tensor for JAX's operations."""
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
    chain = blocks(recipe.chain) if recipe.chain else []
    own = {block.index for block in chain if getattr(block.spec, "dropout", None) is not None}
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


def _stand_in(holder: Any, attribute: str, number: Any, uniform: Uniform) -> tuple[Any, str, Any]:
    """Return an object, an attribute and its new value, so that `holder` uses the tensor `number` for its `attribute`."""
    if isinstance(holder, keras.layers.Layer):  # of layers only dropouts are lifted
        rate = ops.cast(number, holder.compute_dtype)  # half the width in mixed precision
        return holder, "call", partial(CALLS[type(holder)], holder, rate, uniform)
    return holder, attribute, Lifted(number)


def _drop(layer: Any, rate: Any, uniform: Uniform, inputs: Any, training: bool = False) -> Any:
    """Compute what `keras.layers.Dropout` computes, with a tensor for its rate."""
    if not training:
        return inputs
    drawn = uniform(_noise_shape(layer, inputs), inputs.dtype, layer.seed_generator)
    # The backends' own dropouts keep opposite ends of the same numbers.
    kept = drawn < 1.0 - rate if keras.backend.backend() == "jax" else drawn >= rate
    return ops.where(kept, inputs * (1.0 / (1.0 - rate)), 0.0)


def _alpha_drop(layer: Any, rate: Any, uniform: Uniform, inputs: Any, training: bool = False) -> Any:
    """Compute what `keras.layers.AlphaDropout` computes, with a tensor for its rate (Klambauer et al. 2017)."""
    if not training:
        return inputs
    drawn = uniform(_noise_shape(layer, inputs), "float32", layer.seed_generator)
    spread = ((1 - rate) * (1 + rate * SELU_LOW**2)) ** -0.5
    return spread * ops.where(drawn >= ops.cast(rate, "float32"), inputs, SELU_LOW) - spread * SELU_LOW * rate


CALLS: dict[type, Callable[..., Any]] = {keras.layers.Dropout: _drop, keras.layers.AlphaDropout: _alpha_drop}


def dropouts(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of `model` that drop something and are computed here, so that their rates may be lifted."""
    return [layer for layer in model.layers if type(layer) in CALLS and layer.rate > 0]


def draws_otherwise(model: keras.Model) -> bool:
    """Return whether `model` draws random numbers in other layers than the dropouts that are computed here."""
    here = {id(layer.seed_generator) for layer in model.layers if type(layer) in CALLS}
    return any(id(generator) not in here for generator in seed_generators(model).values())


def _noise_shape(layer: Any, inputs: Any) -> list[int]:
    own = layer.noise_shape or [None] * len(inputs.shape)
    return [size if own_size is None else own_size for own_size, size in zip(own, inputs.shape, strict=True)]


@contextmanager
def lifted(template: keras.Model, places: Sequence[Lift], numbers: Any, uniform: Uniform) -> Iterator[None]:
    """Within this context each of `places` of `template` holds its entry of `numbers`, the vector of one model.

    All dropouts draw with `uniform`, whether their rates are lifted or not.
    """
    changes = [
        _stand_in(holder, lift.attribute, numbers[index], uniform)
        for index, lift in enumerate(places)
        for holder in lift.holders
    ]
    done = {id(holder) for holder, _, _ in changes}
    changes += [
        _stand_in(layer, "rate", layer.rate, uniform) for layer in dropouts(template) if id(layer) not in done
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
    """Return whether a dropout layer was made from the recipe's `dropout`, not put among the layers by the user."""
    return layer_name.endswith("_dropout")
