"""A stack as TensorFlow graphs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.engine.environment import on_gpu
from pipeline.engine.fused.philox import uniform
from pipeline.engine.fused.program import Program, Rows

LARGEST_SEED = 2**31 - 2
"""Keras takes its seeds modulo this number."""
NOT_COMPILABLE = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
"""Raised by XLA before it has run anything, where it does not know an operation of a layer or a loss."""


class TensorFlowProgram(Program):
    """See `Program`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._update = _graph(self._update_step, jit_compile=True)
        self._epoch = _graph(self._run_epoch, jit_compile=self.whole)
        self._rest = _graph(self._run_epoch)  # a single step is not worth compiling
        self._evaluate = _graph(self._run_evaluation)  # compiling it costs more than it saves

    def epoch(self, rows: Rows, batches: NDArray[np.int32], rates: NDArray[np.float32]) -> list[Any]:
        """See `Program`."""
        arguments = (rows, tf.constant(batches), tf.constant(rates))
        try:
            loss, measured = self._epoch(*arguments)
        except NOT_COMPILABLE:
            if not self.whole:
                raise
            self.whole, self._epoch = False, _graph(self._run_epoch)
            loss, measured = self._epoch(*arguments)
        return [loss.numpy() / len(batches), *self.results(tf.nest.map_structure(_array, measured))]

    def rest(self, rows: Rows, batch: NDArray[np.int32], rates: NDArray[np.float32]) -> list[Any]:
        """See `Program`."""
        loss, measured = self._rest(rows, tf.constant(batch), tf.constant(rates))
        return [loss.numpy(), *self.results(tf.nest.map_structure(_array, measured))]

    def evaluate(
        self, rows: Rows, chosen: NDArray[np.int32], counted: NDArray[np.float32], measured: Any
    ) -> tuple[Any, Any, Any]:
        """See `Program`."""
        result = self._evaluate(rows, tf.constant(chosen), tf.constant(counted), _tensors(measured))
        sums, measured, penalties = tf.nest.map_structure(_array, result)
        return sums, measured, penalties

    def _run_epoch(self, rows: Rows, batches: Any, rates: Any) -> Any:
        def step(number: Any, loss: Any, measured: Any) -> Any:
            gradients, state, losses, measured = self._for_all(
                self._gradients,
                (*self._variables(), _gathered(rows, batches[number]), self._numbers(), measured),
            )
            for variable, value in zip(self.state, state, strict=True):
                variable.assign(value)
            self._update(gradients, rates[number])
            return number + 1, loss + losses, measured

        steps, start = batches.shape[0], (0, tf.zeros([self.models]), _tensors(self.unmeasured))
        _, loss, measured = tf.while_loop(
            lambda number, *_: number < steps, step, start, maximum_iterations=steps
        )
        return loss, measured

    def _gradients(self, model: Any) -> Any:
        """Return one model's flat gradients, new state, loss and values of metrics on its batch."""
        flat, state, batch, numbers, measured = model
        weights = self.unpacked(flat)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss, (state, measured) = self._objective(weights, state, batch, numbers, measured)
        return self.packed(tape.gradient(loss, weights), numbers), state, loss, measured

    def _update_step(self, gradients: Any, rates: Any) -> None:
        self.rate.value = rates
        self.optimizer.apply(gradients, self.flat)
        if any(constraint is not None for constraint in self.constraints):
            values = self.constrained([variable.value for variable in self.flat], self._for_all)
            for variable, value in zip(self.flat, values, strict=True):
                variable.assign(value)

    def _run_evaluation(self, rows: Rows, chosen: Any, counted: Any, measured: Any) -> Any:
        models = (*self._variables(), _gathered(rows, chosen), counted, self._numbers(), measured)
        return self._for_all(lambda model: self._judge(*model), models)

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


def _graph(function: Callable[..., Any], jit_compile: bool = False) -> Any:
    """Return a function as a graph; without AutoGraph, as in Keras's own training: to convert all code takes seconds."""
    return tf.function(function, autograph=False, jit_compile=jit_compile)


def _gathered(rows: Rows, chosen: Any) -> Rows:
    gathered: Rows = tf.nest.map_structure(lambda tensor: tf.gather(tensor, chosen), rows)
    return gathered


def _tensors(measured: Any) -> Any:
    return [[tf.convert_to_tensor(array) for array in values] for values in measured]


def _array(tensor: Any) -> NDArray[Any]:
    return np.asarray(tensor)
