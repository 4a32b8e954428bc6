"""Small functional models, drawn by Hypothesis: branches, merges, gates, shared layers, models within them."""

from collections.abc import Callable
from typing import Any

import keras
from hypothesis import strategies as st
from keras import layers

Plan = tuple[str, list[str]]
SHAPES = {"vector": (6,), "image": (4, 4, 2), "sequence": (5, 3)}
ONE: dict[str, Callable[[Any, str], Any]] = {
    "dense": lambda x, name: layers.Dense(4, activation="relu", name=name)(x),
    "same": lambda x, name: layers.Dense(x.shape[-1], use_bias=False, name=name)(x),
    "norm": lambda x, name: layers.BatchNormalization(name=name)(x),
    "layer_norm": lambda x, name: layers.LayerNormalization(name=name)(x),
    "drop": lambda x, name: layers.Dropout(0.5, name=name)(x),
    "activation": lambda x, name: layers.Activation("tanh", name=name)(x),
    "flatten": lambda x, name: layers.Flatten(name=name)(x),
    "gate": lambda x, name: x * layers.Dense(x.shape[-1], activation="sigmoid", name=name)(x),
    "skip": lambda x, name: layers.Add(name=f"{name}_add")([x, layers.Dense(x.shape[-1], name=name)(x)]),
    "split": lambda x, name: layers.Concatenate(name=f"{name}_join")([x, layers.Dense(3, name=name)(x)]),
    "twice": lambda x, name: _twice(x, layers.Dense(x.shape[-1], name=name)),
    "inner": lambda x, name: _inner(x, name),
    "ops": lambda x, name: keras.ops.maximum(x, layers.Dense(x.shape[-1], name=name)(x)) + 1.0,
}
OF_SHAPE: dict[str, dict[str, Callable[[Any, str], Any]]] = {
    "vector": {},
    "image": {
        "conv": lambda x, name: layers.Conv2D(3, 3, padding="same", name=name)(x),
        "pool": lambda x, name: layers.MaxPooling2D(2, padding="same", name=name)(x),
    },
    "sequence": {
        "attention": lambda x, name: x + layers.MultiHeadAttention(2, 2, name=name)(x, x),
        "conv": lambda x, name: layers.Conv1D(3, 2, padding="same", name=name)(x),
        "lstm": lambda x, name: layers.LSTM(3, return_sequences=True, name=name)(x),
    },
}


def _twice(x: Any, layer: Any) -> Any:
    return layer(layer(x))


def _inner(x: Any, name: str) -> Any:
    inputs = keras.Input(x.shape[1:])
    hidden = layers.Dense(4, activation="relu", name=f"{name}_a")(inputs)
    return keras.Model(inputs, layers.Dense(x.shape[-1], name=f"{name}_b")(hidden), name=name)(x)


def _plan(kind: str) -> st.SearchStrategy[Plan]:
    parts = st.sampled_from(sorted({**ONE, **OF_SHAPE[kind]}))
    return st.tuples(st.just(kind), st.lists(parts, min_size=1, max_size=6))


PLANS = st.sampled_from(sorted(SHAPES)).flatmap(_plan)
"""A kind of input and parts in order; models are built of them in the test, since Keras draws initial weights."""


def built(plan: Plan) -> keras.Model:
    """Return a model of the parts of a plan that fit, called by their names and places, and a head of two outputs."""
    kind, parts = plan
    inputs = x = keras.Input(SHAPES[kind])
    for place, part in enumerate(parts):
        if part in ONE or len(x.shape) == len(inputs.shape):
            x = {**ONE, **OF_SHAPE[kind]}[part](x, f"{part}{place}")
    flat = layers.Flatten()(x) if len(x.shape) > 2 else x
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="head")(flat))
