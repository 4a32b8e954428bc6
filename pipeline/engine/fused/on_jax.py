"""A stack as JAX functions: pure, compiled by XLA from the first step of an epoch to the last."""

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from pipeline.engine.fused.program import Program, Rows


class JaxProgram(Program):
    """See `Program`."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._epoch = jax.jit(self._run_epoch, donate_argnums=0)
        self._evaluate = jax.jit(self._run_evaluation)

    def epoch(self, rows: Rows, batches: NDArray[np.int32], rates: NDArray[np.float32]) -> list[Any]:
        """See `Program`."""
        values, (loss, measured) = self._epoch(
            self._values(), self.numbers.value, self.unmeasured, rows, batches, rates
        )
        for variables, new in zip(self._variables(), values, strict=True):
            for variable, value in zip(variables, new, strict=True):
                variable.assign(value)
        return [np.asarray(loss) / len(batches), *self.results(jax.tree.map(np.asarray, measured))]

    def evaluate(
        self, rows: Rows, chosen: NDArray[np.int32], counted: NDArray[np.float32], measured: Any
    ) -> tuple[Any, Any, Any]:
        """See `Program`."""
        flat, state, _ = self._values()
        result = self._evaluate(flat, state, self.numbers.value, rows, chosen, counted, measured)
        sums, measured, penalties = jax.tree.map(np.asarray, result)
        return sums, measured, penalties

    def _variables(self) -> Any:
        return self.flat, self.state, self.optimizer.variables

    def _values(self) -> Any:
        return tuple([variable.value for variable in variables] for variables in self._variables())

    def _run_epoch(
        self, values: Any, numbers: Any, unmeasured: Any, rows: Rows, batches: Any, rates: Any
    ) -> Any:
        def step(carried: Any, now: Any) -> Any:
            (flat, state, optimizer), measured = carried
            chosen, self.rate.value = now
            batch = _gathered(rows, chosen)
            gradients, state, loss, measured = jax.vmap(self._gradients)(
                flat, state, batch, numbers, measured
            )
            flat, optimizer = self.optimizer.stateless_apply(optimizer, gradients, flat)
            flat = self.constrained(flat, lambda constraint, value: jax.vmap(constraint)(value))
            return ((flat, state, optimizer), measured), loss

        (values, measured), loss = jax.lax.scan(step, (values, unmeasured), (batches, rates))
        return values, (loss.sum(axis=0), measured)

    def _gradients(self, flat: Any, state: Any, batch: Rows, numbers: Any, measured: Any) -> Any:
        """Return one model's flat gradients, new state, loss and values of metrics on its batch."""
        differentiated = jax.value_and_grad(self._objective, has_aux=True)
        (loss, (state, measured)), gradients = differentiated(
            self.unpacked(flat), state, batch, numbers, measured
        )
        return self.packed(gradients, numbers), state, loss, measured

    def _run_evaluation(
        self, flat: Any, state: Any, numbers: Any, rows: Rows, chosen: Any, counted: Any, measured: Any
    ) -> Any:
        return jax.vmap(self._judge)(flat, state, _gathered(rows, chosen), counted, numbers, measured)


def _gathered(rows: Rows, chosen: Any) -> Rows:
    gathered: Rows = jax.tree.map(lambda array: array[chosen], rows)
    return gathered
