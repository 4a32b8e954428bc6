"""Models of one's own, as recipes of tests name them: `small_models:residual`."""

from typing import Any

import keras
from keras import layers


def residual(input_shape: tuple[int, ...], outputs: int, width: int = 4) -> keras.Model:
    """Return two residual blocks of convolutions with batch normalisation and squeeze and excitation."""
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(width, 3, padding="same", name="stem")(inputs)
    for block in range(2):
        y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same", use_bias=False)(x))
        y = layers.Activation("relu")(y)
        gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"se_{block}_pool")(y)
        gate = layers.Conv2D(width, 1, activation="sigmoid", name=f"se_{block}_gate")(gate)
        x = layers.Add()([x, layers.Multiply()([y, gate])])
    return keras.Model(
        inputs, layers.Dense(outputs, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    )


def recurrent(input_shape: tuple[int, ...], outputs: int, units: int = 5) -> keras.Model:
    """Return an LSTM over the rows of an image."""
    inputs = keras.Input(input_shape)
    rows = layers.Reshape(input_shape[:2])(inputs)
    hidden = layers.LSTM(units, dropout=0.1)(rows)
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax")(hidden))


def masked(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return a recurrent net over words of different lengths."""
    inputs = keras.Input(input_shape, dtype="int32")
    hidden = layers.Bidirectional(layers.GRU(3))(layers.Embedding(9, 4, mask_zero=True)(inputs))
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax")(hidden))


def attention(input_shape: tuple[int, ...], outputs: int, heads: int = 2) -> keras.Model:
    """Return a block of attention over the rows of an image."""
    inputs = keras.Input(input_shape)
    rows = layers.Dense(6)(layers.Reshape(input_shape[:2])(inputs))
    mixed = layers.LayerNormalization()(
        layers.Add()([rows, layers.MultiHeadAttention(heads, 3, dropout=0.1)(rows, rows)])
    )
    return keras.Model(inputs, layers.Dense(outputs, activation="softmax")(layers.Flatten()(mixed)))


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """A model whose graph is in `call`, with a weight of its own beside those of its layers."""

    def __init__(self, outputs: int, units: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.flatten = layers.Flatten()
        self.hidden = layers.Dense(units, activation="tanh")
        self.drop = layers.Dropout(0.2)
        self.head = layers.Dense(outputs, activation="softmax")
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.head(self.scale * self.drop(self.hidden(self.flatten(inputs)), training=training))


def two_inputs(input_shape: dict[str, tuple[int, ...]], outputs: int, units: int = 4) -> keras.Model:
    """Return a model of several inputs by name."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}
    hidden = [layers.Dense(units, activation="tanh")(each) for each in inputs.values()]
    return keras.Model(inputs, layers.Dense(outputs)(layers.Concatenate()(hidden)))


def many_labels(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return one probability for each label."""
    return keras.Sequential([keras.Input(input_shape), layers.Dense(outputs, activation="sigmoid")])


def pixels(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return a class for each pixel."""
    inputs = keras.Input(input_shape)
    hidden = layers.Conv2D(3, 3, padding="same", activation="relu")(inputs)
    return keras.Model(inputs, layers.Conv2D(outputs, 1, activation="softmax")(hidden))


def kappa(targets: Any, outputs: Any) -> Any:
    """Return a metric of one's own, one number for each row."""
    return keras.ops.mean(keras.ops.abs(targets - outputs), axis=-1)
