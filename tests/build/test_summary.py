"""The layer table, and which models are one and the same."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

from pipeline.build.initializers import initializers_kept
from pipeline.build.summary import LayerRow, computation_digest, layer_table, same_computation
from pipeline.core.errors import UserError


def net(
    *,
    prefix: str = "",
    units: int = 4,
    activation: Any = "relu",
    initializer: Any = "glorot_uniform",
    rate: float = 0.5,
    nested: bool = False,
    shared: bool = False,
    frozen: bool = False,
    swapped: bool = False,
) -> keras.Model:
    """A small net with a branch; each argument but `prefix` and `nested` changes what it computes."""
    inputs = keras.Input((4,), name=f"{prefix}row")
    body = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(units, activation=activation, kernel_initializer=initializer, name=f"{prefix}a"),
            layers.Dropout(rate, seed=len(prefix), name=f"{prefix}drop"),
        ]
    )
    x = inputs
    if nested:
        x = body(x)
    else:
        for layer in body.layers:
            x = layer(x)
    dense = layers.Dense(units, name=f"{prefix}b")
    dense.trainable = not frozen
    other = dense if shared else layers.Dense(units, name=f"{prefix}c")
    y = x - layers.Activation("tanh")(other(dense(x)))
    if swapped:
        y = layers.Activation("tanh")(other(dense(x))) - x
    return keras.Model(inputs, layers.Dense(1, name=f"{prefix}head")(y), name=f"{prefix}net")


def made(build: Callable[..., keras.Model], **options: Any) -> keras.Model:
    with initializers_kept():
        return build(**options)


def test_names_seeds_and_nesting_do_not_count() -> None:
    plain = made(net)
    for options in (
        {"prefix": "other_"},
        {"nested": True},
        {"initializer": keras.initializers.GlorotUniform(3)},
    ):
        assert same_computation(plain, made(net, **options)), options


@pytest.mark.parametrize(
    "options",
    [
        {"units": 5},
        {"activation": "gelu"},
        {"initializer": "he_normal"},
        {"rate": 0.4},
        {"shared": True},
        {"frozen": True},
        {"swapped": True},
    ],
)
def test_what_is_computed_counts(options: dict[str, Any]) -> None:
    assert not same_computation(made(net), made(net, **options))


class Own(layers.Layer):
    """A layer of a user's own that says nothing of its arguments in its configuration."""

    def __init__(self, factor: float = 1.0, initializer: Any = "ones", in_training: bool = False) -> None:
        super().__init__()
        self.factor, self.initializer, self.in_training = factor, initializer, in_training

    def build(self, input_shape: tuple[int, ...]) -> None:
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer=self.initializer)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * self.scale * (self.factor if training or not self.in_training else 1.0)

    def get_config(self) -> dict[str, Any]:
        return {}


class Subclassed(keras.Model):
    def __init__(self, use_gate: bool = False, units: int = 3, dead: bool = False, **options: Any) -> None:
        super().__init__()
        self.dense = layers.Dense(units, **options)
        self.norm = layers.BatchNormalization()
        self.drop = layers.Dropout(0.2)
        self.use_gate, self.dead = use_gate, dead

    def call(self, inputs: Any, training: bool = False) -> Any:
        x = self.drop(self.norm(self.dense(inputs), training=training), training=training)
        return x * keras.ops.sigmoid(x) if self.use_gate else x


def own(function: Any = None, **options: Any) -> keras.Model:
    inputs = keras.Input((4,))
    x = layers.Lambda(function)(inputs) if function else inputs
    return keras.Model(inputs, layers.Dense(2)(Own(**options)(x)))


def subclassed(**options: Any) -> keras.Model:
    model = Subclassed(**options)
    model(keras.Input((4,)))
    return model


def scaled(factor: float) -> Callable[[Any], Any]:
    return lambda tensor: tensor * factor


def filled(number: float) -> Callable[..., Any]:
    return lambda shape, dtype=None: keras.ops.full(shape, number, dtype=dtype)


@pytest.mark.parametrize(
    ("build", "same", "different"),
    [
        (own, {}, {"factor": 2.0}),
        (own, {}, {"factor": 2.0, "in_training": True}),
        (own, {}, {"initializer": "zeros"}),
        (own, {"initializer": filled(1.0)}, {"initializer": filled(2.0)}),
        (own, {"function": scaled(1.0)}, {"function": scaled(2.0)}),
        (subclassed, {"dead": True}, {"use_gate": True}),
        (subclassed, {"dead": True}, {"units": 4}),
        (subclassed, {"name": "other"}, {"kernel_initializer": "he_normal"}),
        (subclassed, {"name": "other"}, {"kernel_regularizer": "l2"}),
    ],
)
def test_ones_own_layers_and_models_are_traced(
    build: Callable[..., keras.Model], same: dict[str, Any], different: dict[str, Any]
) -> None:
    first = made(build, **same)
    assert same_computation(first, made(build, **same))
    assert not same_computation(first, made(build, **different))
    if build is subclassed:
        assert same_computation(first, made(build))


def test_a_digest_is_the_same_in_another_process() -> None:
    here = [computation_digest(made(build)) for build in (net, own, subclassed)]
    script = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from test_summary import *\n"
        "print(*(computation_digest(made(build)) for build in (net, own, subclassed)))"
    )
    folder = Path(__file__).parent
    command = [sys.executable, "-c", script, str(folder), str(folder.parents[1])]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "7"}, check=True
    )
    assert done.stdout.split() == here


def test_models_are_compared_that_have_no_values() -> None:
    with keras.StatelessScope(initialize_variables=False):
        one, other = made(net), made(net, units=5)
        assert same_computation(one, made(net, prefix="x"))
        assert not same_computation(one, other)
        assert same_computation(made(subclassed), made(subclassed))
        assert not same_computation(made(subclassed), made(subclassed, kernel_initializer="zeros"))


def test_a_training_step_of_ones_own_is_a_doubt() -> None:
    class Trains(keras.Model):
        def train_step(self, *_: Any) -> Any:
            raise NotImplementedError

    def build() -> keras.Model:
        inputs = keras.Input((4,))
        return Trains(inputs, layers.Dense(2)(inputs))

    assert not same_computation(made(build), made(build))


def test_a_subclassed_model_that_was_never_called_is_refused() -> None:
    with pytest.raises(UserError, match=r"called with keras\.Input"):
        computation_digest(Subclassed())


def test_the_table_shows_nested_layers_shapes_and_what_is_frozen() -> None:
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="conv")], name="inner")
    inner.trainable = False
    inputs = keras.Input((8, 8, 3), name="image")
    model = keras.Model(inputs, layers.Dense(2, name="head")(keras.ops.mean(inner(inputs), axis=(1, 2))))
    table = layer_table(model)
    assert table[0] == LayerRow("image", "InputLayer", "(None, 8, 8, 3)", 0, True)
    assert table[1:3] == [
        LayerRow("inner", "Sequential", "(None, 6, 6, 4)", 112, False),
        LayerRow("inner/conv", "Conv2D", "(None, 6, 6, 4)", 112, False),
    ]
    assert table[3].class_name == "Mean"
    assert table[4] == LayerRow("head", "Dense", "(None, 2)", 10, True)


def test_the_table_of_a_subclassed_model_leaves_unknown_shapes_open() -> None:
    model = Subclassed()
    model(np.zeros((1, 4), "float32"))
    assert [(row.output_shape, row.parameters) for row in layer_table(model)] == [
        ("?", 15),
        ("?", 12),
        ("?", 0),
    ]
