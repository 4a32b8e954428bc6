"""A stack's training and evaluation, compiled: what all backends share.

One template model is called for all models at once: the backend turns `stateless_call` on one model's weights into
batched operations on all. Gradients are taken inside, per model, so clipping and penalties stay per model. One
ordinary Keras optimizer updates the stacked arrays; its learning rate is a column with one number per model.

What depends on a backend is in `on_tensorflow.py` and `on_jax.py`: gradients, mapping over models, looping over steps.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from pipeline.build.objective import Objective
from pipeline.engine.fused.layout import Layout, layout
from pipeline.engine.fused.lifting import Lift, lifted

Arrays = Sequence[NDArray[Any]]
Stacked = tuple[list[NDArray[Any]], list[NDArray[Any]]]
"""The arrays of a stack: trainable ones by bucket, and the other state."""
Rows = dict[str, Any]
"""Tensors of the rows of a data set: inputs `x` (one, or several by name), targets `y`, `weights` where rows have any."""


class Column(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for each model of a stack, shape `[models, 1]`, set before an update is traced."""

    def __init__(self, models: int) -> None:
        self.value = ops.zeros([models, 1])

    def __call__(self, _: Any) -> Any:
        """Return the current rates; the step does not matter."""
        return self.value


class Program(ABC):
    """A compiled stack of `models` models with one graph; load it with weights, train it, read it, load it again.

    `optimizer` returns an optimizer for a learning rate. `clip` names the kind of clipping, if any. `class_weights`: how
    many classes have a weight while training. Where `whole`, whole epochs are compiled by XLA, else only updates. Not to
    be used by two threads at once.
    """

    def __init__(
        self,
        template: keras.Model,
        objective: Objective,
        optimizer: Callable[[Any], Any],
        models: int,
        clip: str | None = None,
        lifts: Sequence[Lift] = (),
        class_weights: int = 0,
        whole: bool = True,
    ) -> None:
        self.template, self.objective, self.models = template, objective, models
        self.clip, self.lifts, self.class_weights, self.whole = clip, lifts, class_weights, whole
        trainable = template.trainable_variables
        self.constraints = [variable.constraint for variable in trainable]
        self.layout = _layout(trainable, self.constraints)
        self.flat = [keras.Variable(array) for array in self._like_template(self.layout, trainable)]
        self.state = [_stacked(variable, models) for variable in template.non_trainable_variables]
        numbers = np.zeros([models, 1 + len(lifts) + class_weights], np.float32)
        self.numbers = keras.Variable(numbers, trainable=False)
        self.unmeasured = [
            [np.stack([np.asarray(variable)] * models) for variable in metric.variables]
            for metric in objective.metrics
        ]
        self.rate = Column(models)
        self.optimizer = optimizer(self.rate)
        self.optimizer.build(self.flat)
        self.fresh = [np.asarray(variable) for variable in self.optimizer.variables]

    @abstractmethod
    def epoch(self, rows: Rows, batches: NDArray[np.int32], rates: NDArray[np.float32]) -> list[Any]:
        """Train an epoch, or any number of steps; `batches` `[steps, models, batch]`, `rates` `[steps, models, 1]`.

        Return each model's mean loss over the batches and its metrics, shapes `[models]`.
        """

    def rest(self, rows: Rows, batch: NDArray[np.int32], rates: NDArray[np.float32]) -> list[Any]:
        """Train a step on what is left of an epoch, a smaller batch; see `epoch`."""
        return self.epoch(rows, batch, rates)

    @abstractmethod
    def evaluate(
        self, rows: Rows, chosen: NDArray[np.int32], counted: NDArray[np.float32], measured: Any
    ) -> tuple[Any, Any, Any]:
        """Return sums of loss over the rows `chosen` `[models, n]` where `counted` is 1, values of metrics, and penalties.

        `measured` are the values of the metrics before, `unmeasured` at first.
        """

    def results(self, measured: Sequence[Sequence[Any]]) -> list[NDArray[Any]]:
        """Return the metrics of the values of each, shapes `[models]`."""
        return [
            metric.results(values) for metric, values in zip(self.objective.metrics, measured, strict=True)
        ]

    @property
    def size(self) -> int:
        """How many numbers this program's variables hold, optimizer included."""
        return sum(int(np.prod(v.shape)) for v in (*self.flat, *self.state, *self.optimizer.variables))

    def load(
        self, trainable: Sequence[Arrays], state: Sequence[Arrays], numbers: Sequence[Sequence[float]]
    ) -> None:
        """Set each model's trainable variables, other state and numbers, and reset the optimizer.

        A model's numbers are its clipping limit (any number where nothing is clipped), then one for each lift, then the
        weights of its classes.
        """
        self.numbers.assign(np.asarray(numbers, np.float32))
        _assign(self.flat, self.layout.stack(trainable))
        _assign(self.state, [np.stack([model[index] for model in state]) for index in range(len(self.state))])
        _assign(self.optimizer.variables, self.fresh)

    def read(self) -> Stacked:
        """Return the current stacked arrays: trainable ones by bucket, and the other state."""
        return _arrays(self.flat), _arrays(self.state)

    def keep(self, kept: Stacked, which: NDArray[np.bool_]) -> Stacked:
        """Return `kept`, what was read before, with the current arrays of the models where `which` `[models]` is true."""
        if not which.any():
            return kept
        current = self.read()
        if not which.all():
            for old_arrays, new_arrays in zip(kept, current, strict=True):
                for old, new in zip(old_arrays, new_arrays, strict=True):
                    new[~which] = old[~which]
        return current

    def snapshot(self) -> list[NDArray[Any]]:
        """Return everything that training has changed, the optimizer's state included, to `restore` from."""
        return _arrays((*self.flat, *self.state, *self.optimizer.variables))

    def restore(self, arrays: Arrays) -> None:
        """Put back what `snapshot` returned, after `load` of the same jobs."""
        _assign((*self.flat, *self.state, *self.optimizer.variables), arrays)

    def states(self) -> list[list[NDArray[Any]]]:
        """Return of each model what `snapshot` has of it, and what all share."""
        arrays = self.snapshot()
        return [
            [np.asarray(array[slot]) if array.ndim else array for array in arrays]
            for slot in range(self.models)
        ]

    def restore_states(self, states: Sequence[Arrays]) -> None:
        """Put back what `states` returned of each model, which need not have been in one stack then."""
        together = zip(self.snapshot(), zip(*states, strict=True), strict=True)
        self.restore([np.stack(own) if array.ndim else own[0] for array, own in together])

    def _like_template(self, where: Layout, trainable: Any) -> list[NDArray[Any]]:
        return where.stack([[np.asarray(variable) for variable in trainable]] * self.models)

    def _objective(self, weights: Any, state: Any, batch: Rows, numbers: Any, measured: Any) -> Any:
        """Return one model's loss on its batch, and with it its new state and the values of its metrics."""
        outputs, changed, penalty = self._call(weights, state, batch["x"], numbers, training=True)
        losses = self.objective.losses(batch["y"], outputs) * self._counting(batch, numbers)
        state = [ops.cast(new, old.dtype) for new, old in zip(changed, state, strict=True)]
        return ops.mean(losses) + penalty, (state, self._measured(measured, batch, outputs))

    def _judge(self, flat: Any, state: Any, batch: Rows, counted: Any, numbers: Any, measured: Any) -> Any:
        """Return one model's sum of losses, the values of its metrics, and its penalty."""
        outputs, _, penalty = self._call(self.unpacked(flat), state, batch["x"], numbers, training=False)
        losses = self.objective.losses(batch["y"], outputs) * batch.get("weights", 1.0)
        return ops.sum(losses * counted), self._measured(measured, batch, outputs, counted), penalty

    def _measured(self, measured: Any, batch: Rows, outputs: Any, counted: Any = None) -> Any:
        """Return the values of one model's metrics with a batch added, in their own types."""
        return [
            [
                ops.cast(new, old.dtype)
                for new, old in zip(metric.updated(values, batch["y"], outputs, counted), values, strict=True)
            ]
            for metric, values in zip(self.objective.metrics, measured, strict=True)
        ]

    def _counting(self, batch: Rows, numbers: Any) -> Any:
        """Return how much each row of a batch counts while training: its weight, and that of its class."""
        weights = batch.get("weights", 1.0)
        if not self.class_weights:
            return weights
        return weights * ops.take(numbers[1 + len(self.lifts) :], batch["y"])

    def unpacked(self, flat: Any) -> Any:
        """Return one model's variables from its flat vectors."""
        return self.layout.unpack(flat, _split, ops.reshape)

    def packed(self, gradients: Any, numbers: Any) -> Any:
        """Return one model's gradients, clipped as configured, as flat vectors."""
        return self.layout.pack(_clipped(gradients, self.clip, numbers[0]), ops.concatenate, ops.reshape)

    def constrained(self, flat: Sequence[Any], for_all: Callable[[Any, Any], Any]) -> list[Any]:
        """Return the stacked arrays `flat` with each model's constraints applied; constrained variables have own arrays."""
        constraints = [self.constraints[bucket[0]] for bucket in self.layout.buckets]
        places = zip(flat, self.layout.buckets, constraints, strict=True)
        return [
            value if constraint is None else self._constrained(value, bucket[0], constraint, for_all)
            for value, bucket, constraint in places
        ]

    def _constrained(
        self, value: Any, index: int, constraint: Any, for_all: Callable[[Any, Any], Any]
    ) -> Any:
        shaped = ops.reshape(value, (self.models, *self.layout.shapes[index]))
        return ops.reshape(for_all(constraint, shaped), (self.models, -1))

    def _call(self, weights: Any, state: Any, inputs: Any, numbers: Any, training: bool) -> Any:
        """Return one model's outputs, new state and penalty."""
        with lifted(self.template, self.lifts, numbers[1 : 1 + len(self.lifts)], self._uniform):
            outputs, changed, penalties = self.template.stateless_call(
                weights, state, inputs, training=training, return_losses=True
            )
        return ops.cast(outputs, "float32"), changed, _sum(penalties)

    def _uniform(self, shape: Sequence[int], dtype: str, generator: Any) -> Any:
        """Return numbers in [0, 1), those that Keras's own layers would draw."""
        return keras.random.uniform(shape, dtype=dtype, seed=generator)


def _layout(trainable: Any, constraints: Sequence[Any]) -> Layout:
    return layout(
        [tuple(variable.shape) for variable in trainable],
        [constraint is not None for constraint in constraints],
    )


def _stacked(variable: Any, models: int) -> keras.Variable:
    array = np.asarray(variable)
    return keras.Variable(np.stack([array] * models), dtype=array.dtype.name, trainable=False)


def _assign(variables: Sequence[Any], arrays: Arrays) -> None:
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _arrays(variables: Sequence[Any]) -> list[NDArray[Any]]:
    return [np.array(variable) for variable in variables]


def _split(vector: Any, sizes: Sequence[int]) -> Any:
    return ops.split(vector, np.cumsum(sizes)[:-1].tolist())


def _sum(penalties: Sequence[Any]) -> Any:
    return sum((ops.cast(penalty, "float32") for penalty in penalties), start=ops.zeros([]))


def _clipped(gradients: Any, kind: str | None, limit: Any) -> Any:
    """Clip one model's gradients as Keras's optimizers do: by value, by each variable's norm, or by the global norm."""
    if kind == "clipvalue":
        return [ops.clip(gradient, -limit, limit) for gradient in gradients]
    if kind == "clipnorm":
        return [_shortened(gradient, _squares([gradient]), limit) for gradient in gradients]
    if kind == "global_clipnorm":
        squares = _squares(gradients)
        return [_shortened(gradient, squares, limit) for gradient in gradients]
    return gradients


def _squares(gradients: Sequence[Any]) -> Any:
    return sum(ops.sum(ops.square(gradient)) for gradient in gradients)


def _shortened(gradient: Any, squares: Any, limit: Any) -> Any:
    """Return `gradient` times `limit` over the norm with the square `squares`, or unchanged where that norm is smaller."""
    return gradient * (limit / ops.maximum(ops.sqrt(squares), limit))
