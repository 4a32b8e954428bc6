"""The one part of the fused engine that knows its backend: a stack's training and evaluation as TensorFlow graphs.

One template model is called for all models at once: `vectorized_map` turns `stateless_call` on one model's weights into
batched operations on all. Gradients are taken inside, per model, so clipping and penalties stay per model. One
ordinary Keras optimizer updates the stacked arrays; its learning rate is a column with one number a model.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.build.objective import correct, targets
from pipeline.engine.fused.layout import Layout, layout
from pipeline.engine.fused.lifting import Lift, lifted
from pipeline.engine.fused.memory import is_small

Arrays = Sequence[NDArray[Any]]


class Column(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate for each model of a stack, shape `[models, 1]`, set from outside before each step."""

    def __init__(self, models: int) -> None:
        self.value = tf.Variable(tf.zeros([models, 1]), trainable=False)

    def __call__(self, _: Any) -> tf.Tensor:
        """Return the rates now, whatever the step."""
        return tf.identity(self.value)


class Program:
    """A compiled stack of `models` models with one graph; load it with weights, train it, read it, load it again."""

    def __init__(
        self,
        template: keras.Model,
        loss: Any,
        optimizer: Any,
        models: int,
        clip: str | None = None,
        lifts: Sequence[Lift] = (),
    ) -> None:
        self.template, self.loss, self.models, self.clip, self.lifts = template, loss, models, clip, lifts
        self.units = template.output_shape[-1]
        trainable = template.trainable_variables
        self.constraints = [variable.constraint for variable in trainable]
        self.layout = _layout(trainable, self.constraints)
        self.flat = [keras.Variable(array) for array in self._like_template(self.layout, trainable)]
        self.state = [_stacked(variable, models) for variable in template.non_trainable_variables]
        self.numbers = tf.Variable(tf.zeros([models, 1 + len(lifts)]), trainable=False)
        self.rate = Column(models)
        self.optimizer = optimizer(self.rate)
        self.optimizer.build(self.flat)
        self.fresh = [np.asarray(variable) for variable in self.optimizer.variables]
        self._update = tf.function(self._update_step, jit_compile=True)
        self._epoch = tf.function(self._run_epoch, jit_compile=is_small(template))
        self._evaluate = tf.function(self._run_evaluation)  # compiling it costs more than it saves
        self.lock = Lock()  # two stacks of one graph take turns

    @property
    def size(self) -> int:
        """How many numbers this program's variables hold, optimizer included."""
        return sum(int(np.prod(v.shape)) for v in (*self.flat, *self.state, *self.optimizer.variables))

    def load(
        self, trainable: Sequence[Arrays], state: Sequence[Arrays], numbers: Sequence[Sequence[float]]
    ) -> None:
        """Put each model's trainable variables, other state and numbers in place, and reset the optimizer.

        A model's numbers are its clipping limit (anything where nothing is clipped), then one for each lift.
        """
        self.numbers.assign(np.asarray(numbers, np.float32))
        for variable, array in zip(self.flat, self.layout.stack(trainable), strict=True):
            variable.assign(array)
        for index, variable in enumerate(self.state):
            variable.assign(np.stack([model[index] for model in state]))
        for variable, array in zip(self.optimizer.variables, self.fresh, strict=True):
            variable.assign(array)

    def epoch(self, x: Any, y: Any, batches: NDArray[np.int32], rates: NDArray[np.float32]) -> Any:
        """Train one epoch; `batches` `[steps, models, batch]`, `rates` `[steps, models, 1]`.

        Returns each model's mean loss and accuracy over the epoch's batches, shapes `[models]`.
        """
        totals = self._epoch(x, y, tf.constant(batches), tf.constant(rates))
        return [np.asarray(total) / len(batches) for total in totals]

    def evaluate(self, x: Any, y: Any, rows: NDArray[np.int32], counted: NDArray[np.float32]) -> Any:
        """Return sums of loss and of correct answers over `rows` `[models, n]` where `counted` is 1, and penalties."""
        return [np.asarray(value) for value in self._evaluate(x, y, tf.constant(rows), tf.constant(counted))]

    def read(self) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
        """Return the stacked arrays as they are now: trainable ones by bucket, and the other state."""
        return [np.array(variable) for variable in self.flat], [variable.numpy() for variable in self.state]

    def _like_template(self, where: Layout, trainable: Any) -> list[NDArray[Any]]:
        return where.stack([[np.asarray(variable) for variable in trainable]] * self.models)

    def _run_epoch(self, x: Any, y: Any, batches: Any, rates: Any) -> Any:
        loss, accuracy = tf.zeros([self.models]), tf.zeros([self.models])
        for step in tf.range(batches.shape[0]):
            self.rate.value.assign(rates[step])
            images, labels = tf.gather(x, batches[step]), tf.gather(y, batches[step])
            flat = [variable.value for variable in self.flat]
            state = [variable.value() for variable in self.state]
            gradients, state, losses, hits = tf.vectorized_map(
                self._gradients, (flat, state, images, labels, self.numbers.value())
            )
            for variable, value in zip(self.state, state, strict=True):
                variable.assign(value)
            self._update(gradients)
            loss += losses
            accuracy += hits
        return loss, accuracy

    def _gradients(self, model: Any) -> Any:
        """Return one model's flat gradients, new state, loss and accuracy on its batch."""
        flat, state, images, labels, numbers = model
        weights = self.layout.unpack(flat, tf.split, tf.reshape)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            outputs, changed, penalty = self._call(weights, state, images, numbers, training=True)
            loss = tf.reduce_mean(self.loss(targets(labels, self.loss, self.units), outputs)) + penalty
        gradients = _clipped(tape.gradient(loss, weights), self.clip, numbers[0])
        accuracy = tf.reduce_mean(correct(labels, outputs, self.units))
        state = [tf.cast(new, old.dtype) for new, old in zip(changed, state, strict=True)]
        return self.layout.pack(gradients, tf.concat, tf.reshape), state, loss, accuracy

    def _call(self, weights: Any, state: Any, images: Any, numbers: Any, training: bool) -> Any:
        """Return one model's outputs, new state and penalty."""
        with lifted(self.lifts, numbers[1:]):
            outputs, changed, penalties = self.template.stateless_call(
                weights, state, images, training=training, return_losses=True
            )
        return tf.cast(outputs, tf.float32), changed, _sum(penalties)

    def _update_step(self, gradients: Any) -> None:
        self.optimizer.apply(gradients, self.flat)
        for variable, bucket in zip(self.flat, self.layout.buckets, strict=True):
            constraint = self.constraints[bucket[0]]
            if constraint is not None:
                shaped = tf.reshape(variable.value, (self.models, *self.layout.shapes[bucket[0]]))
                variable.assign(tf.reshape(tf.vectorized_map(constraint, shaped), (self.models, -1)))

    def _run_evaluation(self, x: Any, y: Any, rows: Any, counted: Any) -> Any:
        flat = [variable.value for variable in self.flat]
        state = [variable.value() for variable in self.state]
        data = (tf.gather(x, rows), tf.gather(y, rows), counted)
        return tf.vectorized_map(self._judge, (flat, state, *data, self.numbers.value()))

    def _judge(self, model: Any) -> Any:
        flat, state, images, labels, counted, numbers = model
        weights = self.layout.unpack(flat, tf.split, tf.reshape)
        outputs, _, penalty = self._call(weights, state, images, numbers, training=False)
        losses = self.loss(targets(labels, self.loss, self.units), outputs)
        hits = correct(labels, outputs, self.units)
        return tf.reduce_sum(losses * counted), tf.reduce_sum(hits * counted), penalty


def _layout(trainable: Any, constraints: Sequence[Any]) -> Layout:
    return layout(
        [tuple(variable.shape) for variable in trainable], [each is not None for each in constraints]
    )


def _stacked(variable: Any, models: int) -> tf.Variable:
    value = tf.convert_to_tensor(variable.value)
    return tf.Variable(tf.stack([value] * models), trainable=False)


def _sum(penalties: Sequence[Any]) -> Any:
    return (
        tf.add_n([tf.cast(penalty, tf.float32) for penalty in penalties]) if penalties else tf.constant(0.0)
    )


def _clipped(gradients: Any, kind: str | None, limit: Any) -> Any:
    """Clip one model's gradients as Keras's optimizers do: by value, by each variable's norm, or by the global norm."""
    if kind == "clipvalue":
        return [tf.clip_by_value(gradient, -limit, limit) for gradient in gradients]
    if kind == "clipnorm":
        return [tf.clip_by_norm(gradient, limit) for gradient in gradients]
    if kind == "global_clipnorm":
        return tf.clip_by_global_norm(gradients, limit)[0]
    return gradients
