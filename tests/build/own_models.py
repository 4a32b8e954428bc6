"""Functions of one's own that build models, good and bad ones: `own_models:plain`."""

from typing import Any

import keras
import numpy as np
from keras import layers


def plain(input_shape: tuple[int, ...], outputs: int, width: int = 4) -> keras.Model:
    inputs = keras.Input(input_shape)
    hidden = layers.Dense(width, activation="relu")(layers.Flatten()(inputs))
    gate = layers.Dense(width, activation="sigmoid", name="gate")(hidden)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax")(layers.Multiply()([hidden, gate])))


def loading(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return a model with a backbone that was trained before."""
    model = plain(input_shape, outputs)
    model.layers[2].kernel.assign(np.full(model.layers[2].kernel.shape, 0.5))
    return model


def compiled(hp: Any) -> keras.Model:
    model = keras.Sequential([layers.Flatten()])
    for index in range(hp.Int("layers", 1, 3)):
        model.add(layers.Dense(hp.Int(f"units_{index}", 4, 16)))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(
        keras.optimizers.Adam(hp.Float("rate", 1e-4, 1e-1), beta_1=0.8, clipnorm=2.0),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.AUC(curve="PR", name="pr_auc")],
    )
    return model


def raising() -> keras.Model:
    raise ValueError("no such\nluck")


def no_model(outputs: int) -> int:
    return outputs


def other_shape(input_shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), layers.Flatten(), layers.Dense(7)])


def two_outputs(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    inputs = keras.Input(input_shape)
    flat = layers.Flatten()(inputs)
    return keras.Model(inputs, [layers.Dense(outputs)(flat), layers.Dense(outputs)(flat)])


def other_input(outputs: int) -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.Dense(outputs)])


def with_anything(**anything: Any) -> keras.Model:
    return plain((8, 8, 1), 10, **anything)


def pixels(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Conv2D(outputs, 1, activation="softmax")(inputs))


def of_all_kinds(hp: Any) -> keras.Model:
    """Declare a hyperparameter of each kind; some only under a choice, and constants."""
    hp.Fixed("constant", 3)
    hp.Choice("alone", [1])
    hp.Int("width", 4, 16, step=4)
    hp.Int("doubled", 2, 8, step=2, sampling="log")
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Float("momentum", 0.0, 0.9)
    hp.Float("dropped", 0.0, 0.5, step=0.25)
    if hp.Boolean("gated"):
        hp.Choice("gate", ["sigmoid", "tanh"])
    return plain((8, 8, 1), 10)


def dotted(hp: Any) -> keras.Model:
    hp.Boolean("a.b")
    return plain((8, 8, 1), 10)


def raising_hp(hp: Any) -> keras.Model:
    hp.Boolean("gated")
    raise ValueError("no\nluck")
