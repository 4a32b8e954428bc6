"""The `fit` engine: Keras's own training loop, one run at a time, compiled once for each graph."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from pipeline.build.objective import Judge, Objective, as_in_views, objective
from pipeline.build.optimizer import make_optimizer
from pipeline.build.schedules import rates
from pipeline.build.weights import seed_generators, set_seed_states
from pipeline.core.metrics import Task
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.engine.checkpoints import (
    PhaseCheckpoint,
    common_start,
    histories_as_plain,
    replay,
    unfinished,
)
from pipeline.engine.history import History
from pipeline.engine.jobs import Checkpoint, Job, OnEpoch, PhaseOutcome, Weights
from pipeline.params.types.tasks import metric_specs

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
        self.objective = objective(job.recipe, job.view.task, template.output_shape[-1], job.view.unit)
        self.task = job.view.task
        self.metrics = [spec.metric for spec in metric_specs(job.recipe, job.view.task)]
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
            loss=_loss(self.objective),
            metrics=[_OfTargets(metric, self.task) for metric in self.objective.metrics],
            steps_per_execution=steps_per_execution(self.steps),
            jit_compile="auto",  # Keras knows that XLA does not pay on a CPU (docs/performance.md)
        )

    def train(self, job: Job, on_epoch: OnEpoch, checkpoint: PhaseCheckpoint) -> PhaseOutcome:
        history = History(job.recipe, self.metrics, job.view.validates)
        self._load(job)
        callback = _EpochEnd(self, history, on_epoch, checkpoint)
        epochs_done = callback.resume(job.start)
        self.model.fit(
            self._training_data(job, epochs_done),
            shuffle=False,
            initial_epoch=epochs_done,
            epochs=job.last_epoch,
            steps_per_epoch=self.steps,
            validation_data=_validation_data(job),
            callbacks=[callback],
            verbose=0,
        )
        state = None
        if job.until is not None:
            state = unfinished(FitTrainer.name, job.until, history, [*self.state(), *callback.kept])
        self.model.set_weights(callback.kept)
        return PhaseOutcome(
            history.curves,
            callback.kept,
            history.kept_epoch,
            history.diverged,
            self._test(job, history),
            state,
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
            for epoch in range(epochs_done + 1, job.last_epoch + 1):
                yield batches(job.view.training, training.batch_size, epoch, job.batch_seed)

        if job.view.is_streamed:
            count = self.steps * (job.last_epoch - epochs_done)
            return _streamed(
                lambda: (rows for order in epochs() for rows in order), count, job, training=True
            )
        # Python draws a whole epoch at a time: a call for each batch would cost more than the step.
        spec = tf.TensorSpec([self.steps, training.batch_size], tf.int32)
        order = tf.data.Dataset.from_generator(epochs, output_signature=spec).prefetch(1).unbatch()
        arrays = _arrays(job)
        return order.map(lambda chosen: _as_fit_takes(_gathered(arrays, chosen))).prefetch(8)

    def _test(self, job: Job, history: History) -> dict[str, float]:
        if not job.test or history.diverged:
            return {}
        data = _in_batches(job, job.view.test)
        metrics = self.model.evaluate(data, verbose=0, return_dict=True)
        return {f"test_{name}": float(value) for name, value in metrics.items()}


class _EpochEnd(keras.callbacks.Callback):
    """Applies the rules after each epoch."""

    def __init__(
        self, compiled: _Compiled, history: History, on_epoch: OnEpoch, checkpoint: PhaseCheckpoint
    ) -> None:
        super().__init__()
        self.compiled, self.history, self.report, self.checkpoint = compiled, history, on_epoch, checkpoint
        self.kept: Weights = compiled.model.get_weights()

    def resume(self, start: Checkpoint | None) -> int:
        """Go on from the checkpoint, or else from `start`, if there is one; return how many epochs are done."""
        saved = self.checkpoint.load() or next(iter(common_start(FitTrainer.name, [start])), None)
        if saved is None:
            return 0
        count = len(self.kept)
        self.compiled.restore(saved.arrays[:-count])
        self.kept = saved.arrays[-count:]
        replay([self.history], saved.plain["histories"])
        return int(saved.plain["epoch"])

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Remember the seeds: recurrent layers draw while they evaluate too, and the other engine forgets that."""
        generators = seed_generators(self.model)
        self.seeds = {name: np.array(generator.state) for name, generator in generators.items()}

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Put the seeds back."""
        set_seed_states(self.model, self.seeds)

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


def _loss(objective: Objective) -> Callable[[Any, Any], Any]:
    def per_row(targets: Any, outputs: Any) -> Any:
        return objective.losses(as_in_views(targets, outputs, objective.form.task), outputs)

    return per_row


class _OfTargets(keras.metrics.Metric):
    """A metric that gets targets as views hold them; of one with a number for each class, the mean."""

    def __init__(self, judge: Judge, task: Task) -> None:
        super().__init__(name=judge.name)
        self.judge, self.task = judge, task
        self.metric = judge.metric

    def update_state(self, targets: Any, outputs: Any, sample_weight: Any = None) -> None:  # noqa: ARG002
        """Add a batch; rows all count alike, as in `compile(metrics=...)`."""
        targets = as_in_views(targets, outputs, self.task)
        self.metric.update_state(self.judge.form(targets), self.judge.predicted(outputs))

    def result(self) -> Any:
        """Return the metric of the batches so far."""
        return ops.mean(ops.cast(self.metric.result(), "float32"))

    def reset_state(self) -> None:
        """Forget the batches so far."""
        self.metric.reset_state()


def _arrays(job: Job) -> dict[str, Any]:
    """Return inputs, targets and weights of all rows; those of classes count while training."""
    view, weights = job.view, job.view.weights
    if job.class_weights is not None:
        of_classes = job.class_weights[np.maximum(view.y, 0)]
        weights = of_classes if weights is None else weights * of_classes
    arrays = {"x": view.x, "y": view.y, "weights": weights}
    tensors: dict[str, Any] = tf.nest.map_structure(
        tf.constant, {name: array for name, array in arrays.items() if array is not None}
    )
    return tensors


def _streamed(
    chosen: Callable[[], Iterator[NDArray[Any]]], count: int, job: Job, training: bool = False
) -> tf.data.Dataset:
    """Return `count` batches of the `chosen` rows that are read from disk as they are needed."""
    view = job.view
    of_classes = job.class_weights if training else None

    def batches_read() -> Iterator[tuple[Any, ...]]:
        for rows in chosen():
            batch = view.rows(rows)
            if of_classes is not None:
                batch["weights"] = batch.get("weights", 1.0) * of_classes[batch["y"]]
            yield _as_fit_takes(batch)

    example = view.rows(view.training[:1])
    if of_classes is not None:
        example["weights"] = of_classes[:1]
    signature = tf.nest.map_structure(
        lambda array: tf.TensorSpec([None, *array.shape[1:]], array.dtype), _as_fit_takes(example)
    )
    data = tf.data.Dataset.from_generator(batches_read, output_signature=signature)
    return data.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def _gathered(arrays: dict[str, Any], chosen: Any) -> dict[str, Any]:
    gathered: dict[str, Any] = tf.nest.map_structure(lambda tensor: tf.gather(tensor, chosen), arrays)
    return gathered


def _as_fit_takes(rows: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(rows[name] for name in ("x", "y", "weights") if name in rows)


def _validation_data(job: Job) -> tf.data.Dataset | None:
    return _in_batches(job, job.view.validation) if job.view.validates else None


def _in_batches(job: Job, rows: NDArray[Any]) -> tf.data.Dataset:
    view = job.view
    if view.is_streamed:
        size = job.recipe.training.batch_size
        starts = range(0, len(rows), size)
        return _streamed(lambda: (rows[at : at + size] for at in starts), len(starts), job)
    data = tf.data.Dataset.from_tensor_slices(_as_fit_takes(view.rows(rows)))
    return data.batch(EVALUATION_BATCH).cache()
