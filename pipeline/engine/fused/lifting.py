"""Numbers that are built into a template, made inputs of its graph, so that models with different ones share it.

Strengths of L1 and L2 penalties and rates of (alpha) dropout are attributes of Keras objects, which take no tensors. While
the graph is traced, those penalties and the calls of those layers are replaced by ones computed here, with one number per
model.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Any

import keras
from keras import ops

from pipeline.build.freezing import block_index
from pipeline.build.model import blocks
from pipeline.build.resolve import make
from pipeline.build.weights import seed_generators
from pipeline.engine.fused.grouping import DROPOUTS, PENALTIES
from pipeline.params.types.recipe import Recipe

SELU_LOW = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
"""The value at which SELU saturates."""
Uniform = Callable[[Sequence[int], str, Any], Any]
"""Draws numbers in [0, 1) of a shape and dtype, from a `SeedGenerator`."""
NAMED = "_layer"
"""The end of the names of layers that the recipe names themselves; their penalties are their own."""
TRACING = RLock()
"""Held while a template is changed and traced, since several stacks use it."""


@dataclass(frozen=True)
class Lift:
    """One lifted number of a template: `rate` of the layers, or `l1` or `l2` of the variables' penalties, that have it."""

    holders: tuple[Any, ...]
    name: str


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
    penalised = [
        variable
        for layer in template.layers
        if not layer.name.endswith(NAMED)
        for variable in layer.trainable_variables
        if variable.regularizer is not None
    ]
    return [Lift(tuple(drops if name == "rate" else penalised), name) for name in lifted_numbers(recipe)]


def _dropped(layer: keras.layers.Layer, number: Any, uniform: Uniform) -> Callable[..., Any]:
    """Return what is called in place of a dropout layer, with the tensor `number` for its rate."""
    rate = ops.cast(number, layer.compute_dtype)  # half the width in mixed precision
    return partial(CALLS[type(layer)], layer, rate, uniform)


def _penalty(strengths: Mapping[str, Any], values: Any) -> Any:
    """Compute what Keras's L1, L2 and L1L2 compute, with tensors for their strengths."""
    sums = {"l1": lambda: ops.sum(ops.abs(values)), "l2": lambda: ops.sum(ops.square(values))}
    return sum(strength * sums[name]() for name, strength in strengths.items())


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
    holders = {id(holder): holder for lift in places for holder in lift.holders}
    given: dict[int, dict[str, Any]] = {key: {} for key in holders}
    for index, lift in enumerate(places):
        for holder in lift.holders:
            given[id(holder)][lift.name] = numbers[index]
    changes = [
        (layer, "call", _dropped(layer, given.pop(id(layer), {}).get("rate", layer.rate), uniform))
        for layer in dropouts(template)
    ]
    changes += [
        (holders[key], "regularizer", partial(_penalty, strengths)) for key, strengths in given.items()
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
