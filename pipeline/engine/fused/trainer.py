"""The fused engine outside the graph: in each epoch the rates, the batches, which models stop, which weights are kept."""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal

import keras
import numpy as np

from pipeline.build.model import convolves
from pipeline.build.objective import objective
from pipeline.build.optimizer import clip_of, make_optimizer
from pipeline.build.schedules import rates
from pipeline.build.weights import seed_generators
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.engine.checkpoints import (
    PhaseCheckpoint,
    common_start,
    histories_as_plain,
    replay,
    unfinished,
)
from pipeline.engine.environment import on_gpu
from pipeline.engine.fused.backends import program
from pipeline.engine.fused.lifting import draws_otherwise, lifted_numbers, lifts
from pipeline.engine.fused.program import Program, Rows
from pipeline.engine.fused.training import StackTraining, Unit, by_step
from pipeline.engine.history import History
from pipeline.engine.jobs import Checkpoint, Job, OnEpoch, PhaseOutcome, Weights
from pipeline.engine.measured import SECONDS_PER_OPERATION, SECONDS_PER_STEP, TRAINED
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.tasks import metric_specs

EVALUATION_NUMBERS = 16_000_000
"""Numbers of input images held at once while evaluating."""
FEWEST_STEPS = 32
"""Steps that a measurement of several models takes at least."""
SECONDS_TO_COMPILE = 1.0
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
        size = _size(template, jobs)
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


def _size(template: keras.Model, jobs: Sequence[Job]) -> int:
    """Return the size that a stack is filled up to.

    Where some of a larger stack go on, that is the size of before, unless a program for fewer models would soon pay. A
    function of what is trained, so that a resumed study forms the same stacks.
    """
    size = stack_size(len(jobs))
    starts = common_start(FusedTrainer.name, [job.start for job in jobs])
    before = max((int(start.plain["models"]) for start in starts), default=size)
    job = jobs[0]
    batch = job.recipe.training.batch_size
    steps = steps_per_epoch(len(job.view.training), batch) * job.last_epoch
    per_step = SECONDS_PER_STEP + TRAINED * batch * template.count_params() * SECONDS_PER_OPERATION
    return before if before > size and (before - size) * steps * per_step < SECONDS_TO_COMPILE else size


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
    """One stack of jobs in training in one phase."""

    def __init__(self, program: Program, template: keras.Model, jobs: Sequence[Job], data: Rows) -> None:
        self.template, self.jobs, self.data = template, jobs, data
        recipe = jobs[0].recipe
        metrics = [spec.metric for spec in metric_specs(recipe, jobs[0].view.task)]
        self.histories = [History(job.recipe, metrics, job.view.validates) for job in jobs]
        units = [
            _unit(job, history, *_by_trainability(template, job))
            for job, history in zip(jobs, self.histories, strict=True)
        ]
        names = ["loss", *(metric.name for metric in metrics)]
        self.training = StackTraining(program, units, data, data, names, _chunk_length(jobs))

    def train(self, on_epoch: OnEpoch, checkpoint: PhaseCheckpoint) -> None:
        training = self.training
        for epoch in training.epochs(self._resume(checkpoint) + 1, self.jobs[0].last_epoch):
            on_epoch([history.curves for history in self.histories])
            if not training.over and checkpoint.is_due():
                plain = {"epoch": epoch, "histories": histories_as_plain(self.histories)}
                kept = [*training.kept[0], *training.kept[1]]
                checkpoint.save(plain, [*training.program.snapshot(), *kept])

    def _resume(self, checkpoint: PhaseCheckpoint) -> int:
        """Go on from the checkpoint, or else from what jobs start with, if anything; return how many epochs are done."""
        saved = checkpoint.load()
        if saved is None:
            return self._go_on(common_start(FusedTrainer.name, [job.start for job in self.jobs]))
        flat, state = (len(arrays) for arrays in self.training.kept)
        program, kept = saved.arrays[: -flat - state], saved.arrays[-flat - state :]
        self.training.program.restore(program)
        self.training.kept = kept[:flat], kept[flat:]
        replay(self.histories, saved.plain["histories"])
        return int(saved.plain["epoch"])

    def _go_on(self, starts: Sequence[Checkpoint]) -> int:
        if not starts:
            return 0
        self.training.go_on([start.arrays for start in starts])
        replay(self.histories, [start.plain["histories"][0] for start in starts])
        return int(starts[0].plain["epoch"])

    def seconds_per_step(self) -> float:
        """Measure steps with a learning rate of 0; the second time of two counts, since the first compiles.

        One model takes a whole epoch, whose program will train it; several models together take no more work than that.
        """
        (batches,), program, models = self.training.batches(1), self.training.program, len(self.jobs)
        batches = batches[: max(FEWEST_STEPS, len(batches) // models)]
        no_rates = by_step(np.zeros((models, len(batches)), np.float32))
        program.epoch(self.data, batches, no_rates)
        started = time.perf_counter()
        program.epoch(self.data, batches, no_rates)
        return (time.perf_counter() - started) / len(batches) / models

    def outcomes(self) -> list[PhaseOutcome]:
        """Return the outcome of each job, its kept weights evaluated on test data where the job requires it."""
        kept, states = self.training.kept_weights(), self._states()
        tests = self._tests(kept)
        return [
            PhaseOutcome(
                history.curves,
                _in_order(self.template, *weights),
                history.kept_epoch,
                history.diverged,
                {} if history.diverged else test,
                state,
            )
            for history, weights, test, state in zip(self.histories, kept, tests, states, strict=True)
        ]

    def _states(self) -> list[Checkpoint | None]:
        """Return what each job goes on from where its training was left unfinished."""
        until = self.jobs[0].until
        if until is None:
            return [None] * len(self.jobs)
        pairs = zip(self.histories, self.training.states(), strict=True)
        models = len(self.jobs)
        return [unfinished(FusedTrainer.name, until, history, arrays, models) for history, arrays in pairs]

    def _tests(self, kept: Sequence[tuple[Weights, Weights]]) -> list[dict[str, float]]:
        if not self.jobs[0].test:
            return [{} for _ in self.jobs]
        training = self.training
        trainable, state = zip(*kept, strict=True)
        training.program.load(trainable, state, [unit.numbers for unit in training.units])
        measured = training.named("test_", training.evaluate(self.data, [job.view.test for job in self.jobs]))
        return [
            {name: float(values[slot]) for name, values in measured.items()} for slot in range(len(self.jobs))
        ]


def _unit(job: Job, history: History, trainable: Weights, state: Weights) -> Unit:
    recipe, rows = job.recipe, job.view.training
    size, epochs = recipe.training.batch_size, recipe.training.epochs
    steps = steps_per_epoch(len(rows), size)
    return Unit(
        trainable,
        state,
        _numbers(job),
        rates(recipe.schedule, recipe.optimizer.learning_rate, steps, epochs),
        (job.batch_seed, id(rows)),  # jobs with one seed and one split share theirs
        lambda epoch: [batches(rows, size, epoch, job.batch_seed)],
        job.view.validation if job.view.validates else rows[:0],
        history,
    )


def _numbers(job: Job) -> list[float]:
    """Return a program's numbers for a model: the clipping limit, those that are lifted, the weights of classes."""
    weights = [] if job.class_weights is None else job.class_weights.tolist()
    return [clip_of(job.recipe.optimizer)[1], *lifted_numbers(job.recipe).values(), *weights]


def _chunk_length(jobs: Sequence[Job]) -> int:
    """Return how many rows to evaluate at once: one length for validation and test, so one graph."""
    numbers = len(jobs) * jobs[0].view.numbers_per_row
    longest = max(max(len(job.view.validation), len(job.view.test) * job.test) for job in jobs)
    return min(longest, max(32, EVALUATION_NUMBERS // numbers))


def _by_trainability(template: keras.Model, job: Job) -> tuple[Weights, Weights]:
    """Return a job's weights as the template's trainable variables and its other state, seed states included."""
    weights = {id(variable): array for variable, array in zip(template.weights, job.weights, strict=True)}
    for name, generator in seed_generators(template).items():
        weights[id(generator.state)] = job.states[name]
    return (
        [weights[id(variable)] for variable in template.trainable_variables],
        [weights[id(variable)] for variable in template.non_trainable_variables],
    )


def _in_order(template: keras.Model, trainable: Weights, state: Weights) -> Weights:
    """Return one model's weights in the order of the template's `weights`."""
    values = {
        id(variable): value for variable, value in zip(template.trainable_variables, trainable, strict=True)
    }
    values.update(
        {id(variable): value for variable, value in zip(template.non_trainable_variables, state, strict=True)}
    )
    return [values[id(variable)] for variable in template.weights]
