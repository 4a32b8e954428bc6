"""The nets of the benchmarks that are no chains of layers, as a params file names them: `benchmarks.nets:residual`."""

import keras
from keras import layers

Shape = tuple[int, ...]


def residual(input_shape: Shape, outputs: int, width: int = 8, blocks: int = 2) -> keras.Model:
    """Return residual blocks of two convolutions each."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(width, 3, padding="same")(inputs)
    for _ in range(blocks):
        y = layers.Activation("relu")(layers.BatchNormalization()(x))
        y = layers.Conv2D(width, 3, padding="same", use_bias=False)(y)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        x = layers.Add()([x, layers.Conv2D(width, 3, padding="same")(y)])
    return keras.Model(
        inputs, layers.Dense(outputs, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    )


def lstm(input_shape: Shape, outputs: int, units: int = 16) -> keras.Model:
    """Return an LSTM over the rows of an image."""
    inputs = keras.Input(input_shape)
    hidden = layers.LSTM(units)(layers.Reshape(input_shape[:2])(inputs))
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax")(hidden))


def attention(input_shape: Shape, outputs: int, heads: int = 2, width: int = 16) -> keras.Model:
    """Return a block of attention over the rows of an image, and a dense one."""
    inputs = keras.Input(input_shape)
    x = layers.Dense(width)(layers.Reshape(input_shape[:2])(inputs))
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(heads, width // heads)(x, x)]))
    x = layers.Add()([x, layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(x))])
    return keras.Model(
        inputs, layers.Dense(outputs, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    )
