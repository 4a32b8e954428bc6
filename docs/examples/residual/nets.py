"""A residual net with squeeze and excitation, as one writes it with Keras's functional API."""

import keras
from keras import layers


def residual(input_shape: tuple[int, ...], outputs: int, width: int = 8, blocks: int = 2) -> keras.Model:
    """Return a stem, `blocks` residual blocks and a softmax."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(width, 3, padding="same", activation="relu", name="stem")(inputs)
    for number in range(1, blocks + 1):
        x = block(x, width, number)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax", name="head")(x))


def block(x: keras.KerasTensor, width: int, number: int) -> keras.KerasTensor:
    """Return `x` plus what two convolutions make of it, each channel weighted by squeeze and excitation."""
    y = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}_1")(x)
    y = layers.BatchNormalization(momentum=0.9, name=f"norm{number}_1")(y)
    y = layers.Activation("relu", name=f"relu{number}")(y)
    y = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"conv{number}_2")(y)
    y = layers.BatchNormalization(momentum=0.9, name=f"norm{number}_2")(y)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"se{number}_squeeze")(y)
    gate = layers.Conv2D(width, 1, activation="sigmoid", name=f"se{number}_excite")(gate)
    y = layers.Multiply(name=f"se{number}_scale")([y, gate])
    return layers.Add(name=f"add{number}")([x, y])
