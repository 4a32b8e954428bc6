"""A small net for long series."""

import keras
from keras import layers


def convolved(input_shape: tuple[int, ...], outputs: int, kernel: int = 5, filters: int = 8) -> keras.Model:
    """Return a convolution over time, its mean and a softmax."""
    inputs = keras.Input(input_shape)
    x = layers.Conv1D(filters, kernel, activation="relu", name="filters")(inputs)
    x = layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax", name="head")(x))
