"""Digits as sequences of eight rows, and two nets that read them."""

from typing import Any

import keras
import numpy as np
from keras import layers
from sklearn.datasets import load_digits


def rows() -> Any:
    """Return sequences [n, 8 steps, 8 features] and digits; every third writer's are for testing."""
    digits = load_digits()
    x = (digits.images / 16).astype("float32")
    test = np.arange(len(x)) % 3 == 2
    return (x[~test], digits.target[~test]), (x[test], digits.target[test])


def recurrent(input_shape: tuple[int, ...], outputs: int, units: int = 16) -> keras.Model:
    """Return an LSTM that is read after the last row."""
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax")(layers.LSTM(units)(inputs)))


def attention(
    input_shape: tuple[int, ...], outputs: int, width: int = 16, heads: int = 2, positions: bool = True
) -> keras.Model:
    """Return one block of a transformer over the rows."""
    inputs = keras.Input(input_shape)
    x = layers.Dense(width, name="embed")(inputs)
    if positions:
        steps = keras.ops.arange(input_shape[0])
        x = x + layers.Embedding(input_shape[0], width, name="positions")(steps)
    mixed = layers.MultiHeadAttention(heads, width // heads, name="attention")(x, x)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="skip")([x, mixed]))
    x = layers.Add(name="mlp_skip")([x, layers.Dense(width, activation="relu", name="mlp")(x)])
    flat = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax", name="head")(flat))
