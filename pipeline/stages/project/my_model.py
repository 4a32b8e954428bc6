"""The model whose parts the study in params.yaml takes out: replace it by yours."""

import keras


def build(input_shape: tuple[int, ...], outputs: int, width: int = 32) -> keras.Model:
    """Return the model; ablations name its layers."""
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Flatten()(inputs)
    hidden = keras.layers.Dense(width, activation="relu", name="first")(hidden)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    hidden = keras.layers.Dense(width, activation="relu", name="extra")(hidden)
    return keras.Model(inputs, keras.layers.Dense(outputs, activation="softmax")(hidden))
