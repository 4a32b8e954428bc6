"""Initial values drawn again: what each variable of a model was initialised with, and a draw from it with another seed."""

import importlib
import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import Any
from weakref import WeakSet

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.build.built import BuildError
from pipeline.core.errors import UserError
from pipeline.core.machine import memory
from pipeline.runs.seeds import derive

BYTES = 4
"""Of a weight, a float32."""
PATCHED = RLock()
"""Held while a function of Keras is exchanged."""
REPEATABLE: WeakSet[keras.layers.Layer] = WeakSet()
"""Layers of users' own that were found to begin twice with the same weights where they are made twice with one seed."""


@contextmanager
def initializers_kept() -> Iterator[None]:
    """Within this context variables keep, as `made_with`, the initializers that they are made with, which Keras forgets.

    An attribute of the layer would not do: a layer may have none, or one of another name, or change what it returns.

    Raises `BuildError` before variables are made that would together take more than a quarter of the machine's memory:
    training needs room for their gradients, and for an optimizer's own.
    """
    largest, size = memory() // 4, 0
    with PATCHED:
        plain = keras.Variable._initialize_with_initializer

        def kept(variable: keras.Variable, initializer: Any) -> None:
            nonlocal size
            size += math.prod(variable.shape) * BYTES
            if size > largest:
                raise BuildError(
                    f"the model's weights would take {size / 1e9:.1f} GB or more, with {variable.path}, "
                    f"{tuple(variable.shape)}; training needs about four times as much as its weights, and this machine "
                    f"has {4 * largest / 1e9:.1f} GB"
                )
            plain(variable, initializer)
            variable.made_with, variable.began_as = initializer, _fingerprint(variable)

        keras.Variable._initialize_with_initializer = kept
        try:
            yield
        finally:
            keras.Variable._initialize_with_initializer = plain


def keep_loaded(model: keras.Model, loaded: Mapping[str, NDArray[Any]] | None = None) -> None:
    """Have the variables of `model` that got other values since they were made keep those: they were loaded, or computed.

    A model that was made from another one, with new variables, keeps those that were `loaded` there, by path.
    """
    for variable in model.weights:
        value = (loaded or {}).get(variable.path)
        if value is not None and value.shape == tuple(variable.shape):
            variable.loaded = value
        elif getattr(variable, "began_as", None) not in (None, _fingerprint(variable)):
            variable.loaded = np.asarray(variable)


def loaded_values(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Return what `keep_loaded` found, by the paths of variables."""
    return {variable.path: variable.loaded for variable in model.weights if hasattr(variable, "loaded")}


def _fingerprint(variable: keras.Variable) -> tuple[float, ...]:
    values = np.asarray(variable, np.float64).ravel()
    return float(values.sum()), float(np.square(values).sum()), *map(float, values[:2])


def draw(initializer: Any, variable: keras.Variable, seed: int) -> NDArray[Any]:
    """Return a value for `variable` that `initializer`, an object or a function, draws with `seed` in place of its own."""
    if isinstance(initializer, keras.initializers.Initializer):
        config = initializer.get_config()
        if "seed" in config:
            initializer = type(initializer).from_config({**config, "seed": seed})
    with seeded(seed, own_code=not initializer.__module__.startswith("keras.")):
        return np.asarray(initializer(tuple(variable.shape), dtype=variable.dtype))


def made_again(
    layer: keras.layers.Layer, make: Callable[[], keras.layers.Layer], seed: int
) -> list[NDArray[Any]]:
    """Return weights for `layer`, of a user's own class: those of another one that `make` returns, made with `seed`.

    The class may do more than give its variables initializers: assign what it computes or loads, draw by itself.

    Raises `UserError` where it has other weights each time.
    """
    values = _weights_of_another(layer, make, seed)
    if layer not in REPEATABLE:
        again = _weights_of_another(layer, make, seed)
        if not all(np.array_equal(one, other) for one, other in zip(values, again, strict=True)):
            raise UserError(
                f"{type(layer).__module__}:{type(layer).__name__} begins with other weights each time, whatever the "
                "seed: it must draw by initializers, keras.random, numpy.random, tf.random or random, "
                "not by a generator of its own without a seed"
            )
        REPEATABLE.add(layer)
    return values


def _weights_of_another(
    layer: keras.layers.Layer, make: Callable[[], keras.layers.Layer], seed: int
) -> list[NDArray[Any]]:
    with seeded(seed, own_code=True):
        other = make()
        other(keras.Input(batch_shape=layer.input.shape, dtype=layer.input.dtype))
        return [np.asarray(variable) for variable in other.weights]


@contextmanager
def seeded(seed: int, own_code: bool = False) -> Iterator[None]:
    """Within this context whatever Keras, NumPy and Python draw in this thread follows from `seed`.

    An initializer may be any function: a recurrent layer's bias joins the draws of others, one's own may draw by itself.
    Where `own_code`, users' code runs that may draw by TensorFlow itself.
    """
    module: Any = importlib.import_module(f"keras.src.backend.{keras.backend.backend()}.random")
    with PATCHED:
        plain, thread, draws = module.draw_seed, get_ident(), itertools.count()

        def drawn(own: Any) -> Any:
            if get_ident() != thread:
                return plain(own)
            number = next(draws)
            return plain(derive(seed, number) if number else seed)

        numpy_state, python_state = np.random.get_state(), random.getstate()
        np.random.seed(seed)
        random.seed(seed)
        if own_code:
            tf.random.set_seed(seed)  # only there: TensorFlow then prepares every graph again
        module.draw_seed = drawn
        try:
            yield
        finally:
            module.draw_seed = plain
            np.random.set_state(numpy_state)
            random.setstate(python_state)
