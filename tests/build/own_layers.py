"""Layers of a project's own, for tests: layers in layers, and initial values that no attribute tells of."""

import random
from typing import Any

import keras
import numpy as np
import tensorflow as tf


class Block(keras.layers.Layer):
    """A layer with layers in it, two of one kind, and a dropout."""

    def __init__(self, units: int = 4, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.one, self.two = keras.layers.Dense(units, "relu"), keras.layers.Dense(units)
        self.drop = keras.layers.Dropout(0.5)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.drop(self.two(self.one(inputs)), training=training)

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], self.units)


class Nested(keras.layers.Layer):
    """Blocks in a list, deeper still."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.blocks = [Block(6), Block(6)]

    def call(self, inputs: Any, training: bool = False) -> Any:
        for block in self.blocks:
            inputs = block(inputs, training=training)
        return inputs


class Drawn(keras.layers.Layer):
    """Weights from initializers of all kinds, none kept as an attribute: names, objects, functions of Keras and NumPy."""

    def build(self, shape: Any) -> None:
        size = (shape[-1], shape[-1])
        self.named = self.add_weight(shape=size, initializer="he_normal", name="named")
        self.fixed = self.add_weight(
            shape=size, initializer=keras.initializers.RandomNormal(seed=1), name="fixed"
        )
        self.function = self.add_weight(
            shape=size,
            initializer=lambda shape, dtype=None: keras.random.normal(shape, dtype=dtype),
            name="function",
        )
        self.by_numpy = self.add_weight(
            shape=size,
            initializer=lambda shape, dtype=None: np.random.normal(size=shape).astype(dtype),
            name="numpy",
        )
        self.zeros = self.add_weight(shape=size, initializer="zeros", name="zeros")

    def call(self, inputs: Any) -> Any:
        return inputs @ (self.named + self.fixed + self.function + self.by_numpy + self.zeros)


class Assigned(keras.layers.Layer):
    """Weights that begin with other values than their initializers give, drawn by several libraries."""

    def build(self, shape: Any) -> None:
        size = (shape[-1], shape[-1])
        self.loaded = self.add_weight(shape=size, name="loaded")
        self.loaded.assign(np.full(size, 0.1))
        self.assigned = self.add_weight(shape=size, name="assigned")
        self.assigned.assign(np.random.normal(size=size))
        self.array = self.add_weight(shape=size, initializer=np.random.normal(size=size), name="array")
        self.python = self.add_weight(shape=size, name="python")
        self.python.assign([[random.random() for _ in range(size[1])] for _ in range(size[0])])
        self.by_tensorflow = self.add_weight(
            shape=size,
            initializer=lambda shape, dtype=None: tf.random.normal(shape).numpy().astype(dtype),
            name="tensorflow",
        )

    def call(self, inputs: Any) -> Any:
        return inputs @ (self.loaded + self.assigned + self.array + self.python + self.by_tensorflow)


class Unseeded(keras.layers.Layer):
    """Weights from a generator that no seed reaches."""

    def build(self, shape: Any) -> None:
        values = np.random.default_rng().normal(size=(shape[-1], 3))
        self.kernel = self.add_weight(shape=values.shape, initializer=values, name="kernel")

    def call(self, inputs: Any) -> Any:
        return inputs @ self.kernel
