"""A stack as JAX functions: pure, compiled by XLA from the first step of an epoch to the last."""

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.fused.program import Program


class JaxProgram(Program):
    """See `Program`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._epoch = jax.jit(self._run_epoch, donate_argnums=0)
        self._evaluate = jax.jit(self._run_evaluation)

    def epoch(self, x: Any, y: Any, batches: NDArray[np.int32], rates: NDArray[np.float32]) -> Any:
        """See `Program`."""
        values, totals = self._epoch(self._values(), self.numbers.value, x, y, batches, rates)
        for variables, new in zip(self._variables(), values, strict=True):
            for variable, value in zip(variables, new, strict=True):
                variable.assign(value)
        return [np.asarray(total) / len(batches) for total in totals]

    def evaluate(self, x: Any, y: Any, rows: NDArray[np.int32], counted: NDArray[np.float32]) -> Any:
        """See `Program`."""
        flat, state, _ = self._values()
        sums = self._evaluate(flat, state, self.numbers.value, x, y, rows, counted)
        return [np.asarray(value) for value in sums]

    def _variables(self) -> Any:
        return self.flat, self.state, self.optimizer.variables

    def _values(self) -> Any:
        return tuple([variable.value for variable in variables] for variables in self._variables())

    def _run_epoch(self, values: Any, numbers: Any, x: Any, y: Any, batches: Any, rates: Any) -> Any:
        def step(values: Any, now: Any) -> Any:
            flat, state, optimizer = values
            rows, self.rate.value = now
            gradients, state, loss, hits = jax.vmap(self._gradients)(flat, state, x[rows], y[rows], numbers)
            flat, optimizer = self.optimizer.stateless_apply(optimizer, gradients, flat)
            flat = self.constrained(flat, lambda constraint, value: jax.vmap(constraint)(value))
            return (flat, state, optimizer), (loss, hits)

        values, (loss, hits) = jax.lax.scan(step, values, (batches, rates))
        return values, (loss.sum(axis=0), hits.sum(axis=0))

    def _gradients(self, flat: Any, state: Any, images: Any, labels: Any, numbers: Any) -> Any:
        """Return one model's flat gradients, new state, loss and accuracy on its batch."""
        differentiated = jax.value_and_grad(self._objective, has_aux=True)
        (loss, (state, hits)), gradients = differentiated(self.unpacked(flat), state, images, labels, numbers)
        return self.packed(gradients, numbers), state, loss, hits

    def _run_evaluation(
        self, flat: Any, state: Any, numbers: Any, x: Any, y: Any, rows: Any, counted: Any
    ) -> Any:
        return jax.vmap(self._judge)(flat, state, x[rows], y[rows], counted, numbers)
