"""Two models share a graph only where what they compute is the same."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from pipeline.tuner.trace import computation
from tests.tuner.kit import X


def chain(*layers: Any) -> keras.Model:
    return keras.Sequential([keras.Input((6,)), *layers])


def digest(*layers: Any) -> str:
    traced = computation(chain(*layers), X)
    assert traced is not None
    return traced.digest


def closure(factor: Any) -> keras.layers.Layer:
    class Closure(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * factor

    return Closure()


def activation(power: float) -> keras.layers.Layer:
    return keras.layers.Dense(3, activation=lambda inputs: keras.ops.relu(inputs) * power)


def frozen(which: int) -> list[keras.layers.Layer]:
    layers = [keras.layers.Dense(6), keras.layers.Dense(6)]
    layers[which].trainable = False
    return layers


def normalised(shift: float) -> keras.layers.Layer:
    layer = keras.layers.Normalization()
    layer.adapt(X + shift)
    return layer


class Block(keras.layers.Layer):
    """A layer in a layer."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.inner = keras.layers.Dense(6, kind)

    def call(self, inputs: Any) -> Any:
        return inputs + self.inner(inputs)


DIFFERENT: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "activations": (lambda: [keras.layers.Dense(3, "relu")], lambda: [keras.layers.Dense(3, "tanh")]),
    "a layer's name is its activation": (
        lambda: [keras.layers.Activation("relu", name="relu")],
        lambda: [keras.layers.Activation("tanh", name="tanh")],
    ),
    "numbers in closures": (lambda: [closure(1.0)], lambda: [closure(2.0)]),
    "arrays in closures": (lambda: [closure(np.arange(6.0))], lambda: [closure(np.arange(6.0)[::-1].copy())]),
    "closures of activations": (lambda: [activation(1.0)], lambda: [activation(2.0)]),
    "inner layers": (lambda: [Block("relu")], lambda: [Block("tanh")]),
    "sizes": (lambda: [keras.layers.Dense(3)], lambda: [keras.layers.Dense(4)]),
    "penalties": (
        lambda: [keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.1))],
        lambda: [keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.2))],
    ),
    "constraints": (
        lambda: [keras.layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(1))],
        lambda: [keras.layers.Dense(3, kernel_constraint=keras.constraints.MaxNorm(2))],
    ),
    "frozen layers": (lambda: frozen(0), lambda: frozen(1)),
    "constants of preprocessing": (lambda: [normalised(0)], lambda: [normalised(1)]),
    "order": (
        lambda: [keras.layers.Dense(6), keras.layers.ReLU()],
        lambda: [keras.layers.ReLU(), keras.layers.Dense(6)],
    ),
    "rates of noise": (lambda: [keras.layers.GaussianNoise(0.1)], lambda: [keras.layers.GaussianNoise(0.2)]),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_different_computations_have_different_digests(what: str) -> None:
    one, other = DIFFERENT[what]
    assert digest(*one()) == digest(*one())
    assert digest(*one()) != digest(*other())


def test_names_and_initial_weights_and_rates_of_dropout_do_not_count() -> None:
    one = digest(keras.layers.Dense(3, name="a"), keras.layers.Dropout(0.1), keras.layers.Dense(2, name="b"))
    two = digest(
        keras.layers.Dense(3, name="x", kernel_initializer="ones"),
        keras.layers.Dropout(0.7, seed=3),
        keras.layers.Dense(2, name="y"),
    )
    assert one == two
    assert one != digest(keras.layers.Dense(3), keras.layers.Dropout(0.0), keras.layers.Dense(2))


def test_tracing_leaves_the_rates_as_they_were() -> None:
    model = chain(keras.layers.Dropout(0.1))
    computation(model, X)
    assert model.layers[0].rate == 0.1


def counter() -> keras.layers.Layer:
    import tensorflow as tf

    calls = tf.Variable(1.0)

    class Counting(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * calls.assign_add(1.0)

    return Counting()


def python_code() -> keras.layers.Layer:
    import tensorflow as tf

    class Called(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return tf.ensure_shape(tf.numpy_function(lambda x: x, [inputs], tf.float32), inputs.shape)

        def compute_output_shape(self, shape: Any) -> Any:
            return shape

    return Called()


def unseeded() -> keras.layers.Layer:
    class Noise(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs + keras.random.normal(keras.ops.shape(inputs))

    return Noise()


@pytest.mark.parametrize("make", [counter, python_code, unseeded])
def test_what_depends_on_more_than_variables_and_inputs_has_none(make: Any) -> None:
    assert computation(chain(make()), X) is None


def test_convolutions_and_loops_are_seen_however_deep() -> None:
    inner = keras.Sequential([keras.layers.Conv2D(2, 3)])
    images = keras.Sequential([keras.Input((8, 8, 1)), inner, keras.layers.Flatten()])
    traced = computation(images, np.zeros((4, 8, 8, 1), np.float32))
    assert traced is not None and traced.convolves and not traced.loops
    series = keras.Sequential([keras.Input((8, 2)), keras.layers.LSTM(3)])
    traced = computation(series, np.zeros((4, 8, 2), np.float32))
    assert traced is not None and traced.loops
