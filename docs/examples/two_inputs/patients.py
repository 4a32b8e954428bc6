"""Patients with two kinds of inputs, and a net that joins them."""

from typing import Any

import keras
from keras import layers
from sklearn.datasets import load_diabetes

BODY = slice(0, 4)  # age, sex, body mass index, blood pressure
BLOOD = slice(4, 10)  # six serum values


def patients() -> Any:
    """Return a mapping of two arrays to the progress of diabetes."""
    data, target = load_diabetes(return_X_y=True)
    x = {"body": 20 * data[:, BODY], "blood": 20 * data[:, BLOOD]}
    train, test = slice(0, 340), slice(340, None)
    return tuple(({name: array[part] for name, array in x.items()}, target[part]) for part in (train, test))


def joined(
    input_shape: dict[str, tuple[int, ...]], outputs: int, units: int = 16, deep: bool = True
) -> keras.Model:
    """Return a branch for each input there is, joined at the end."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}
    branches = [
        layers.Dense(units, activation="relu", name=f"{name}_branch")(each) for name, each in inputs.items()
    ]
    x = layers.Concatenate(name="join")(branches) if len(branches) > 1 else branches[0]
    if deep:
        x = layers.Dense(units, activation="relu", name="joint")(x)
    return keras.Model(inputs, layers.Dense(outputs, name="head")(x))
