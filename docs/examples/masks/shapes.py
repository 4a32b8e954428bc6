"""Small pictures of squares and discs with a class for each pixel, and a small U-Net."""

from typing import Any

import keras
import numpy as np
from keras import layers

CLASSES = ["ground", "square", "disc"]


def shapes() -> Any:
    """Return pictures [n, 16, 16, 1] and maps [n, 16, 16] of ground, square and disc."""
    random = np.random.default_rng(0)
    x, y = random.random((400, 16, 16, 1), dtype="float32") / 2, np.zeros((400, 16, 16), "int64")
    rows, columns = np.mgrid[:16, :16]
    for number in range(400):
        row, column = random.integers(4, 12, 2)
        down, right, kind = abs(rows - row), abs(columns - column), 1 + number % 2
        inside = np.maximum(down, right) < 4 if kind == 1 else down**2 + right**2 < 16
        y[number][inside] = kind
        x[number][inside] += 0.5
    return (x[:300], y[:300]), (x[300:], y[300:])


shapes.class_names = CLASSES  # type: ignore[attr-defined]


def unet(input_shape: tuple[int, ...], outputs: int, width: int = 8) -> keras.Model:
    """Return a net that halves the picture, doubles it again and looks at the first features too."""
    inputs = keras.Input(input_shape)
    fine = layers.Conv2D(width, 3, padding="same", activation="relu", name="fine")(inputs)
    coarse = layers.Conv2D(2 * width, 3, padding="same", activation="relu")(layers.MaxPooling2D()(fine))
    up = layers.Conv2DTranspose(width, 2, strides=2, activation="relu", name="up")(coarse)
    both = layers.Add(name="skip")([up, layers.Conv2D(width, 1, name="bridge")(fine)])
    return keras.Model(inputs, layers.Conv2D(outputs, 1, activation="softmax", name="head")(both))
