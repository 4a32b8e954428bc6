"""The fused engine outside the graph: in each epoch the rates, the batches, which models stop, which weights are kept."""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.model import convolves
from pipeline.build.objective import objective
from pipeline.build.optimizer import clip_of, make_optimizer
from pipeline.build.schedules import rates
from pipeline.build.weights import seed_generators
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.engine.checkpoints import PhaseCheckpoint, histories_as_plain, replay
from pipeline.engine.environment import on_gpu
from pipeline.engine.fused.backends import program
from pipeline.engine.fused.lifting import draws_otherwise, lifted_numbers, lifts
from pipeline.engine.fused.program import Program, Rows
from pipeline.engine.fused.rows import averages
from pipeline.engine.history import History
from pipeline.engine.jobs import Job, OnEpoch, PhaseOutcome, Weights
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tasks import metric_specs

EVALUATION_NUMBERS = 16_000_000
"""Numbers of input images held at once while evaluating."""
FEWEST_STEPS = 32
"""Steps that a measurement of several models takes at least."""
KEPT_NUMBERS = 200_000_000
"""Numbers in the variables of all compiled programs that are kept."""


class FusedTrainer:
    """Trains stacks of jobs with one graph; keeps the programs it compiled and used last, by graph and size."""

    name: Literal["fused"] = "fused"
    exact = False

    def __init__(self) -> None:
        self._idle = Programs()
        self._resident: dict[str, Rows] = {}
        self._lock = Lock()

    def train(
        self,
        template: keras.Model,
        signature: str,
        jobs: Sequence[Job],
        on_epoch: OnEpoch,
        checkpoint: PhaseCheckpoint,
    ) -> list[PhaseOutcome]:
        """Train all jobs; the stack is filled up to a size that other stacks are likely to share."""
        size = stack_size(len(jobs))
        padded = [*jobs, *[jobs[0]] * (size - len(jobs))]
        with self._borrowed(template, signature, padded) as program:
            stack = _Stack(program, template, padded, self._on_device(jobs[0]))
            stack.train(lambda curves: on_epoch(curves[: len(jobs)]), checkpoint)
            return stack.outcomes()[: len(jobs)]

    def seconds_per_step(self, template: keras.Model, signature: str, job: Job, size: int) -> float:
        """Measure how many seconds a step of `job`'s training takes per model in a stack of `size`."""
        with self._borrowed(template, signature, [job] * size) as program:
            stack = _Stack(program, template, [job] * size, self._on_device(job))
            return stack.seconds_per_step()

    @contextmanager
    def _borrowed(self, template: keras.Model, signature: str, jobs: Sequence[Job]) -> Iterator[Program]:
        """Lend a program to one stack; stacks of one graph that train at the same time have one each."""
        key = (signature, len(jobs))
        program = self._idle.take(key) or _program(template, jobs)
        yield program
        self._idle.put(key, program)

    def _on_device(self, job: Job) -> Rows:
        """Return the inputs and targets as tensors, kept for the next stack that uses the same ones."""
        view = job.view
        with self._lock:
            if view.pool not in self._resident:
                self._resident.clear()  # one data set at a time: two might not fit
                arrays = {"x": view.x, "y": view.y, "weights": view.weights}
                self._resident[view.pool] = keras.tree.map_structure(
                    keras.ops.convert_to_tensor,
                    {name: array for name, array in arrays.items() if array is not None},
                )
            return self._resident[view.pool]


class Programs:
    """Compiled programs that are not in use, by graph and size; the oldest are dropped, so that their memory is bounded."""

    def __init__(self) -> None:
        self._idle: list[tuple[Hashable, Program]] = []
        self._lock = Lock()

    def take(self, key: Hashable) -> Program | None:
        """Remove and return a program with that key; None where there is none."""
        with self._lock:
            for index, (own_key, program) in enumerate(self._idle):
                if own_key == key:
                    del self._idle[index]
                    return program
            return None

    def put(self, key: Hashable, program: Program) -> None:
        """Keep a program; it is then the newest, which is kept even if it is too large."""
        with self._lock:
            self._idle.append((key, program))
            while len(self._idle) > 1 and sum(idle.size for _, idle in self._idle) > KEPT_NUMBERS:
                self._idle.pop(0)


def _program(template: keras.Model, jobs: Sequence[Job]) -> Program:
    recipe, view, class_weights = jobs[0].recipe, jobs[0].view, jobs[0].class_weights
    clip, _ = clip_of(recipe.optimizer)
    return program(
        template,
        objective(recipe, view.task, template.output_shape[-1], view.unit),
        _optimizer_maker(recipe),
        len(jobs),
        clip,
        lifts(template, recipe),
        0 if class_weights is None else len(class_weights),
        whole=compiles_whole(template),
    )


def compiles_whole(template: keras.Model) -> bool:
    """Return whether XLA compiles whole epochs: that is faster, except for two kinds of nets on a CPU.

    Convolutions get far slower; and in TensorFlow other random layers than dropouts would draw slowly, and other numbers
    than in `fit`.
    """
    draws = keras.backend.backend() == "tensorflow" and draws_otherwise(template)
    return on_gpu() or not (convolves(template) or draws)


def stack_size(jobs: int) -> int:
    """Return the size a stack of `jobs` is filled up to: few sizes, so few graphs, at most a third wasted.

    Sizes are 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, … A function of the number of jobs alone, so a resumed study forms the
    same stacks.
    """
    size = 1
    while size < jobs:
        size = size * 3 // 2 if size & (size - 1) == 0 and size > 1 else _next_power_of_two(size)
    return size


def full_size(most: int) -> int:
    """Return the largest size up to `most` at which a stack is not filled up."""
    return max(size for size in range(1, most + 1) if stack_size(size) == size)


def _next_power_of_two(size: int) -> int:
    return 1 << size.bit_length()


def _optimizer_maker(recipe: Recipe) -> Callable[[Any], Any]:
    return lambda learning_rate: make_optimizer(recipe.optimizer, learning_rate, clip=False)


class _Stack:
    """One stack in training in one phase."""

    def __init__(self, program: Program, template: keras.Model, jobs: Sequence[Job], data: Rows) -> None:
        self.program, self.template, self.jobs, self.data = program, template, jobs, data
        recipe = jobs[0].recipe
        self.epochs: int = recipe.training.epochs
        self.batch: int = recipe.training.batch_size
        self.steps = steps_per_epoch(len(jobs[0].view.training), self.batch)
        metrics = [spec.metric for spec in metric_specs(recipe, jobs[0].view.task)]
        self.names = ["loss", *(metric.name for metric in metrics)]
        self.histories = [History(job.recipe, metrics, job.view.validates) for job in jobs]
        self.table = np.stack(
            [
                rates(job.recipe.schedule, job.recipe.optimizer.learning_rate, self.steps, self.epochs)
                for job in jobs
            ]
        )
        self.numbers = [_numbers(job) for job in jobs]
        self.program.load(*_by_trainability(template, jobs), self.numbers)
        self.kept = self.program.read()

    def train(self, on_epoch: OnEpoch, checkpoint: PhaseCheckpoint) -> None:
        for epoch in range(self._resume(checkpoint) + 1, self.epochs + 1):
            self._train_epoch(epoch)
            on_epoch([history.curves for history in self.histories])
            if all(history.over for history in self.histories):
                return
            if checkpoint.is_due():
                plain = {"epoch": epoch, "histories": histories_as_plain(self.histories)}
                checkpoint.save(plain, [*self.program.snapshot(), *self.kept[0], *self.kept[1]])

    def _resume(self, checkpoint: PhaseCheckpoint) -> int:
        """Resume from the checkpoint, if there is one; return how many epochs are done."""
        saved = checkpoint.load()
        if saved is None:
            return 0
        flat, state = len(self.kept[0]), len(self.kept[1])
        program, kept = saved.arrays[: -flat - state], saved.arrays[-flat - state :]
        self.program.restore(program)
        self.kept = kept[:flat], kept[flat:]
        replay(self.histories, saved.plain["histories"])
        return int(saved.plain["epoch"])

    def seconds_per_step(self) -> float:
        """Measure steps with a learning rate of 0; the second time of two counts, since the first compiles.

        One model takes a whole epoch, whose program will train it; several models together take no more work than that.
        """
        steps = min(self.steps, max(FEWEST_STEPS, self.steps // len(self.jobs)))
        batches, no_rates = self._batches(1)[:steps], _by_step(np.zeros_like(self.table[:, :steps]))
        self.program.epoch(self.data, batches, no_rates)
        started = time.perf_counter()
        self.program.epoch(self.data, batches, no_rates)
        return (time.perf_counter() - started) / steps / len(self.jobs)

    def _train_epoch(self, epoch: int) -> None:
        scales = np.array([history.scale for history in self.histories], np.float32)
        table = self.table[:, (epoch - 1) * self.steps : epoch * self.steps] * scales[:, None]
        trained = self.program.epoch(self.data, self._batches(epoch), _by_step(table))
        measured = {**self._named("", trained), **self._validate()}
        keep = np.zeros(len(self.jobs), bool)
        for slot, history in enumerate(self.histories):
            if not history.over:
                metrics = {name: float(values[slot]) for name, values in measured.items()}
                keep[slot] = history.after_epoch(metrics, float(table[slot, -1])).keep
        self.kept = self.program.keep(self.kept, keep)

    def _validate(self) -> dict[str, Any]:
        """Return each model's metrics on validation rows; none where none are held out."""
        if not self.jobs[0].view.validates:
            return {}
        return self._named("val_", self._evaluate([job.view.validation for job in self.jobs]))

    def _named(self, part: str, measured: Sequence[Any]) -> dict[str, Any]:
        """Return measurements of a part of the data by name."""
        return {f"{part}{name}": values for name, values in zip(self.names, measured, strict=True)}

    def _batches(self, epoch: int) -> NDArray[np.int32]:
        """Return this epoch's batches, `[steps, models, batch]`; jobs with one seed and one split share theirs."""
        drawn: dict[tuple[int, int], NDArray[np.int32]] = {}
        for job in self.jobs:
            key = (job.batch_seed, id(job.view.training))
            if key not in drawn:
                drawn[key] = batches(job.view.training, self.batch, epoch, job.batch_seed)
        return np.stack([drawn[job.batch_seed, id(job.view.training)] for job in self.jobs], axis=1)

    def _evaluate(self, rows: Sequence[NDArray[np.int32]]) -> list[NDArray[Any]]:
        """Return each model's mean loss and metrics over its `rows`."""
        return averages(self.program, self.data, rows, _chunk_length(self.jobs))

    def outcomes(self) -> list[PhaseOutcome]:
        """Return the outcome of each job, its kept weights evaluated on test data where the job requires it."""
        trainable = self.program.layout.unstack(self.kept[0])
        state = [[array[slot] for array in self.kept[1]] for slot in range(len(self.jobs))]
        tests = self._tests(trainable, state)
        return [
            PhaseOutcome(
                history.curves,
                _in_order(self.template, trainable[slot], state[slot]),
                history.kept_epoch,
                history.diverged,
                {} if history.diverged else tests[slot],
            )
            for slot, history in enumerate(self.histories)
        ]

    def _tests(self, trainable: Sequence[Weights], state: Sequence[Weights]) -> list[dict[str, float]]:
        if not self.jobs[0].test:
            return [{} for _ in self.jobs]
        self.program.load(trainable, state, self.numbers)
        measured = self._named("test_", self._evaluate([job.view.test for job in self.jobs]))
        return [
            {name: float(values[slot]) for name, values in measured.items()} for slot in range(len(self.jobs))
        ]


def _numbers(job: Job) -> list[float]:
    """Return a program's numbers for a model: the clipping limit, those that are lifted, the weights of classes."""
    weights = [] if job.class_weights is None else job.class_weights.tolist()
    return [clip_of(job.recipe.optimizer)[1], *lifted_numbers(job.recipe).values(), *weights]


def _by_step(table: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(table.T[:, :, None], dtype=np.float32)


def _chunk_length(jobs: Sequence[Job]) -> int:
    """Return how many rows to evaluate at once: one length for validation and test, so one graph."""
    numbers = len(jobs) * jobs[0].view.numbers_per_row
    longest = max(max(len(job.view.validation), len(job.view.test) * job.test) for job in jobs)
    return min(longest, max(32, EVALUATION_NUMBERS // numbers))


def _by_trainability(template: keras.Model, jobs: Sequence[Job]) -> tuple[list[Weights], list[Weights]]:
    """Return each job's weights as the template's trainable variables and its other state, seed states included."""
    indexes = {id(variable): index for index, variable in enumerate(template.weights)}
    generators = {id(generator.state): name for name, generator in seed_generators(template).items()}
    trainable = [
        [job.weights[indexes[id(variable)]] for variable in template.trainable_variables] for job in jobs
    ]
    state = [
        [
            job.weights[indexes[id(variable)]]
            if id(variable) in indexes
            else job.states[generators[id(variable)]]
            for variable in template.non_trainable_variables
        ]
        for job in jobs
    ]
    return trainable, state


def _in_order(template: keras.Model, trainable: Weights, state: Weights) -> Weights:
    """Return one model's weights in the order of the template's `weights`."""
    values = {
        id(variable): value for variable, value in zip(template.trainable_variables, trainable, strict=True)
    }
    values.update(
        {id(variable): value for variable, value in zip(template.non_trainable_variables, state, strict=True)}
    )
    return [values[id(variable)] for variable in template.weights]
