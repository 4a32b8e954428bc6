"""A stack as TensorFlow graphs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.engine.environment import on_gpu
from pipeline.engine.fused.philox import uniform
from pipeline.engine.fused.program import Program

LARGEST_SEED = 2**31 - 2
"""Keras takes its seeds modulo this number."""
NOT_COMPILABLE = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
"""Raised by XLA before it has run anything, where it does not know an operation of a layer or a loss."""


class TensorFlowProgram(Program):
    """See `Program`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._update = tf.function(self._update_step, jit_compile=True)
        self._epoch = tf.function(self._run_epoch, jit_compile=self.whole)
        self._rest = tf.function(self._run_epoch)  # a single step is not worth compiling
        self._evaluate = tf.function(self._run_evaluation)  # compiling it costs more than it saves

    def epoch(self, x: Any, y: Any, batches: NDArray[np.int32], rates: NDArray[np.float32]) -> Any:
        """See `Program`."""
        arguments = (x, y, tf.constant(batches), tf.constant(rates))
        try:
            totals = self._epoch(*arguments)
        except NOT_COMPILABLE:
            if not self.whole:
                raise
            self.whole, self._epoch = False, tf.function(self._run_epoch)
            totals = self._epoch(*arguments)
        return [total.numpy() / len(batches) for total in totals]

    def rest(self, x: Any, y: Any, batch: NDArray[np.int32], rates: NDArray[np.float32]) -> Any:
        """See `Program`."""
        return [total.numpy() for total in self._rest(x, y, tf.constant(batch), tf.constant(rates))]

    def evaluate(self, x: Any, y: Any, rows: NDArray[np.int32], counted: NDArray[np.float32]) -> Any:
        """See `Program`."""
        return [value.numpy() for value in self._evaluate(x, y, tf.constant(rows), tf.constant(counted))]

    def _run_epoch(self, x: Any, y: Any, batches: Any, rates: Any) -> Any:
        loss, accuracy = tf.zeros([self.models]), tf.zeros([self.models])
        for step in tf.range(batches.shape[0]):
            images, labels = tf.gather(x, batches[step]), tf.gather(y, batches[step])
            gradients, state, losses, hits = self._for_all(
                self._gradients, (*self._variables(), images, labels, self._numbers())
            )
            for variable, value in zip(self.state, state, strict=True):
                variable.assign(value)
            self._update(gradients, rates[step])
            loss += losses
            accuracy += hits
        return loss, accuracy

    def _gradients(self, model: Any) -> Any:
        """Return one model's flat gradients, new state, loss and accuracy on its batch."""
        flat, state, images, labels, numbers = model
        weights = self.unpacked(flat)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss, (state, accuracy) = self._objective(weights, state, images, labels, numbers)
        return self.packed(tape.gradient(loss, weights), numbers), state, loss, accuracy

    def _update_step(self, gradients: Any, rates: Any) -> None:
        self.rate.value = rates
        self.optimizer.apply(gradients, self.flat)
        if any(constraint is not None for constraint in self.constraints):
            values = self.constrained([variable.value for variable in self.flat], self._for_all)
            for variable, value in zip(self.flat, values, strict=True):
                variable.assign(value)

    def _run_evaluation(self, x: Any, y: Any, rows: Any, counted: Any) -> Any:
        data = (tf.gather(x, rows), tf.gather(y, rows), counted)
        return self._for_all(lambda model: self._judge(*model), (*self._variables(), *data, self._numbers()))

    def _uniform(self, shape: Sequence[int], dtype: str, generator: Any) -> Any:
        """See `Program`."""
        if not self.whole or dtype != "float32" or on_gpu():
            return super()._uniform(shape, dtype, generator)
        return uniform(shape, tf.cast(generator.next() % LARGEST_SEED, tf.int32))

    def _variables(self) -> Any:
        return [variable.value.value() for variable in self.flat], [v.value.value() for v in self.state]

    def _numbers(self) -> Any:
        return self.numbers.value.value()

    def _for_all(self, function: Callable[[Any], Any], models: Any) -> Any:
        """Return `function` of each model, stacked; a single model is not mapped over, since that would be slower."""
        if self.models > 1:
            return tf.vectorized_map(function, models)
        results = function(tf.nest.map_structure(lambda array: array[0], models))
        return tf.nest.map_structure(lambda array: array[None], results)
