"""Models as recipes of tests name them: `own_nets:pixels`."""

import keras


def pixels(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return one convolution from pixels to classes of pixels."""
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Conv2D(outputs, 1, activation="softmax")(inputs))


def joined(input_shape: dict[str, tuple[int, ...]], outputs: int) -> keras.Model:
    """Return a dense layer on several inputs next to each other."""
    inputs = {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}
    both = keras.layers.Concatenate()(list(inputs.values()))
    return keras.Model(inputs, keras.layers.Dense(outputs)(both))


def chained(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return two dense layers as a `Sequential` model."""
    layers = [keras.layers.Dense(3, activation="relu"), keras.layers.Dense(outputs)]
    return keras.Sequential([keras.Input(input_shape), *layers])


def nested(input_shape: tuple[int, ...], outputs: int) -> keras.Model:
    """Return a dense layer behind a model that was called on something else before."""
    inner, inputs = chained(input_shape, 4), keras.Input(input_shape)
    inner(keras.Input(input_shape))
    return keras.Model(inputs, keras.layers.Dense(outputs)(inner(inputs)))
