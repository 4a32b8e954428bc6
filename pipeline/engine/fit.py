"""The `fit` engine: Keras's own training loop, one run at a time, compiled once for each graph."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from pipeline.build.objective import correct, make_loss, targets
from pipeline.build.optimizer import make_optimizer
from pipeline.build.schedules import rates
from pipeline.build.weights import set_seed_states
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.engine.checkpoints import PhaseCheckpoint, histories_as_plain, replay
from pipeline.engine.history import History
from pipeline.engine.jobs import Job, OnEpoch, PhaseOutcome, Weights

MOST_STEPS_PER_EXECUTION = 200
EVALUATION_BATCH = 1000
"""Images evaluated at once."""


class Table(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate looked up by step in a table that can be replaced without compiling again.

    The table is a variable of the optimizer, so that backends which pass its state from step to step pass the table too.
    """

    rates: keras.Variable
    scale: keras.Variable

    def add_to(self, optimizer: keras.Optimizer, steps: int) -> None:
        """Add `steps` rates and a factor on them to the variables of an optimizer that is built."""
        self.rates = optimizer.add_variable((steps,), name="rates")
        self.scale = optimizer.add_variable((), initializer="ones", name="scale")

    def __call__(self, step: Any) -> Any:
        """Return the rate of `step`; after the last step of the table, that of the last step."""
        last = self.rates.shape[0] - 1
        return self.scale * ops.take(self.rates, ops.minimum(ops.cast(step, "int32"), last))

    def get_config(self) -> dict[str, Any]:
        """Return an empty config: the rates belong to one run."""
        return {}


class FitTrainer:
    """Trains jobs one after another with `keras.Model.fit`."""

    name: Literal["fit"] = "fit"
    exact = True

    def __init__(self) -> None:
        self._compiled: dict[str, _Compiled] = {}

    def train(
        self,
        template: keras.Model,
        signature: str,
        jobs: Sequence[Job],
        on_epoch: OnEpoch,
        checkpoint: PhaseCheckpoint,
    ) -> list[PhaseOutcome]:
        """Train the only job, with the model compiled for the first job of its graph."""
        if signature not in self._compiled:
            self._compiled[signature] = _Compiled(template, jobs[0])
        (job,) = jobs
        return [self._compiled[signature].train(job, on_epoch, checkpoint)]


class _Compiled:
    """A model compiled for one graph, which is loaded with one job after another."""

    def __init__(self, template: keras.Model, job: Job) -> None:
        self.model = template
        self.units = template.output_shape[-1]
        self.loss = make_loss(job.recipe)
        self.steps = steps_per_epoch(len(job.view.training), job.recipe.training.batch_size)
        self.table = Table()
        self.optimizer = make_optimizer(job.recipe.optimizer, self.table)
        self.optimizer.build(template.trainable_variables)
        self.table.add_to(self.optimizer, self.steps * job.recipe.training.epochs)
        self.fresh = [np.asarray(variable) for variable in self.optimizer.variables]
        self._compile(template)

    def _compile(self, model: keras.Model) -> None:
        model.compile(
            optimizer=self.optimizer,
            loss=_mean(self.loss, self.units),
            metrics=[_accuracy(self.units)],
            steps_per_execution=steps_per_execution(self.steps),
            jit_compile="auto",  # Keras knows that XLA does not pay on a CPU (docs/performance.md)
        )

    def train(self, job: Job, on_epoch: OnEpoch, checkpoint: PhaseCheckpoint) -> PhaseOutcome:
        history = History(job.recipe, job.view.validates)
        self._load(job)
        callback = _EpochEnd(self, history, on_epoch, checkpoint)
        epochs_done = callback.resume()
        self.model.fit(
            self._training_data(job, epochs_done),
            shuffle=False,
            initial_epoch=epochs_done,
            epochs=job.recipe.training.epochs,
            steps_per_epoch=self.steps,
            validation_data=_validation_data(job),
            callbacks=[callback],
            verbose=0,
        )
        self.model.set_weights(callback.kept)
        return PhaseOutcome(
            history.curves, callback.kept, history.kept_epoch, history.diverged, self._test(job, history)
        )

    def _load(self, job: Job) -> None:
        recipe = job.recipe
        self.model.set_weights(job.weights)
        set_seed_states(self.model, job.states)
        for variable, array in zip(self.optimizer.variables, self.fresh, strict=True):
            variable.assign(array)
        self.table.rates.assign(
            rates(recipe.schedule, recipe.optimizer.learning_rate, self.steps, recipe.training.epochs)
        )
        self.table.scale.assign(1.0)
        self.model.stop_training = False

    def state(self) -> list[NDArray[Any]]:
        """Return everything that training changes: weights, seed states, the optimizer's variables."""
        return [np.array(variable) for variable in self._changing()]

    def restore(self, state: Sequence[NDArray[Any]]) -> None:
        """Put back what `state` returned."""
        for variable, array in zip(self._changing(), state, strict=True):
            variable.assign(array)

    def _changing(self) -> list[keras.Variable]:
        return [*self.model.variables, *self.optimizer.variables]

    def _training_data(self, job: Job, epochs_done: int) -> tf.data.Dataset:
        training = job.recipe.training

        def epochs() -> Iterator[NDArray[np.int32]]:
            for epoch in range(epochs_done + 1, training.epochs + 1):
                yield batches(job.view.training, training.batch_size, epoch, job.batch_seed)

        # Python draws a whole epoch at a time: a call for each batch would cost more than the step.
        spec = tf.TensorSpec([self.steps, training.batch_size], tf.int32)
        order = tf.data.Dataset.from_generator(epochs, output_signature=spec).prefetch(1).unbatch()
        x, y = tf.constant(job.view.x), tf.constant(job.view.y)
        return order.map(lambda row: (tf.gather(x, row), tf.gather(y, row))).prefetch(8)

    def _test(self, job: Job, history: History) -> dict[str, float]:
        if not job.test or history.diverged:
            return {}
        data = _in_batches(job.view.x, job.view.y, job.view.test)
        metrics = self.model.evaluate(data, verbose=0, return_dict=True)
        return {"test_loss": float(metrics["loss"]), "test_accuracy": float(metrics["accuracy"])}


class _EpochEnd(keras.callbacks.Callback):
    """Applies the rules after each epoch."""

    def __init__(
        self, compiled: _Compiled, history: History, on_epoch: OnEpoch, checkpoint: PhaseCheckpoint
    ) -> None:
        super().__init__()
        self.compiled, self.history, self.report, self.checkpoint = compiled, history, on_epoch, checkpoint
        self.kept: Weights = compiled.model.get_weights()

    def resume(self) -> int:
        """Resume from the checkpoint, if there is one; return how many epochs are done."""
        saved = self.checkpoint.load()
        if saved is None:
            return 0
        count = len(self.kept)
        self.compiled.restore(saved.arrays[:-count])
        self.kept = saved.arrays[-count:]
        replay([self.history], saved.plain["histories"])
        return int(saved.plain["epoch"])

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Apply the rules to the metrics that Keras computed."""
        table = self.compiled.table
        metrics = {name: float(value) for name, value in (logs or {}).items()}
        rate = float(table(self.model.optimizer.iterations - 1))
        decision = self.history.after_epoch(metrics, rate)
        if decision.keep:
            self.kept = self.model.get_weights()
        table.scale.assign(decision.scale)
        self.model.stop_training = decision.over
        self.report([self.history.curves])
        if not decision.over and self.checkpoint.is_due():
            plain = {"epoch": epoch + 1, "histories": histories_as_plain([self.history])}
            self.checkpoint.save(plain, [*self.compiled.state(), *self.kept])


def steps_per_execution(steps: int) -> int:
    """Return how many steps to run between two returns to Python: a divisor, or Keras would train beyond an epoch's end."""
    return max(size for size in range(1, min(steps, MOST_STEPS_PER_EXECUTION) + 1) if steps % size == 0)


def _mean(loss: Any, units: int) -> Callable[[Any, Any], Any]:
    def per_image(labels: Any, predictions: Any) -> Any:
        return loss(targets(_flat(labels), loss, units), ops.cast(predictions, "float32"))

    return per_image


def _accuracy(units: int) -> Callable[[Any, Any], Any]:
    def accuracy(labels: Any, predictions: Any) -> Any:
        return correct(_flat(labels), predictions, units)

    return accuracy


def _flat(labels: Any) -> Any:
    return ops.reshape(ops.cast(labels, "int32"), [-1])


def _validation_data(job: Job) -> tf.data.Dataset | None:
    return _in_batches(job.view.x, job.view.y, job.view.validation) if job.view.validates else None


def _in_batches(x: NDArray[np.float32], y: NDArray[np.int32], rows: NDArray[Any]) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices((x[rows], y[rows])).batch(EVALUATION_BATCH).cache()
