"""A user's compiled models as one stack: which of them have one graph, and training them together."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras_tuner.src.engine.tuner_utils import SaveBestEpoch
from numpy.typing import NDArray

from pipeline.build.objective import Objective, accuracy, form_for
from pipeline.build.optimizer import clip_of
from pipeline.engine.batches import steps_per_epoch
from pipeline.engine.environment import on_gpu
from pipeline.engine.fused.backends import program
from pipeline.engine.fused.elementwise import moves_elementwise
from pipeline.engine.fused.grouping import cut
from pipeline.engine.fused.lifting import Lift, draws_otherwise, dropouts
from pipeline.engine.fused.memory import first_guess
from pipeline.engine.fused.program import Program
from pipeline.engine.fused.rows import averages
from pipeline.engine.fused.trainer import Programs
from pipeline.engine.workers import Workers
from pipeline.tuner.compiled import (
    accuracy_names,
    is_compiled_plainly,
    learning_rates,
    optimizer_maker,
    optimizer_settings,
    row_loss,
)
from pipeline.tuner.request import Request
from pipeline.tuner.trace import computation

EVALUATED = 1000
"""Rows evaluated at a time."""
KINDS = (keras.Model, keras.Sequential, keras.src.models.Functional)
"""Models whose training loop is Keras's own."""


@dataclass
class Fusible:
    """One execution of a trial: its model, what it is trained on and with, and the key that its stack shares."""

    trial_id: str
    execution: int
    model: keras.Model
    request: Request
    objective: Any
    loss: Any
    metrics: list[str]
    compiles: bool
    """Whether XLA compiles whole epochs of it."""
    key: str


def fusible(trial_id: str, execution: int, model: Any, request: Request, objective: Any) -> Fusible | None:
    """Return the model ready to be fused; None where that might give something else than Keras Tuner's own way."""
    if (
        type(model) not in KINDS
        or not model.compiled
        or "fit" in vars(model)
        or not is_compiled_plainly(model)
    ):
        return None
    model._symbolic_build(data_batch=request.example)
    single = isinstance(model.output_shape, tuple) and len(model.inputs) == 1
    loss = row_loss(model, request) if single else None
    metrics = accuracy_names(model, request) if single else None
    if loss is None or metrics is None or not model.trainable_variables:
        return None
    logged = _logs(metrics, [0.0] * (4 if len(request.validation) else 2))
    computed = computation(model, request.training.x) if objective.has_value(logged) else None
    if computed is None or computed.loops or not _is_elementwise(model.optimizer):
        return None
    shared = [computed.digest, _training_key(model, loss), request.epochs, request.initial_epoch]
    return Fusible(
        trial_id,
        execution,
        model,
        request,
        objective,
        loss,
        metrics,
        on_gpu() or not (computed.convolves or draws_otherwise(model)),
        json.dumps(shared, sort_keys=True, default=str),
    )


def _training_key(model: keras.Model, loss: Any) -> list[Any]:
    optimizer = model.optimizer
    of_optimizer = [type(optimizer).__name__, optimizer_settings(optimizer), clip_of(optimizer)[0]]
    return [*of_optimizer, type(loss).__name__, loss.get_config()]


_ELEMENTWISE: dict[str, bool] = {}


def _is_elementwise(optimizer: Any) -> bool:
    key = json.dumps([type(optimizer).__name__, optimizer_settings(optimizer)], sort_keys=True, default=str)
    if key not in _ELEMENTWISE:
        _ELEMENTWISE[key] = moves_elementwise(optimizer_maker(optimizer))
    return _ELEMENTWISE[key]


def train_together(stack: Sequence[Fusible], programs: Programs) -> None:
    """Train models of one key, and give each a `fit` that returns what its training gave, see `Trained`."""
    whole = stack[0].compiles
    parts = cut(stack, first_guess(stack[0].model, stack[0].request.batch_size, on_gpu()) if whole else 1)

    def train(part: Sequence[Fusible]) -> list[Trained]:
        key = (part[0].key, len(part))
        lent = programs.take(key) or _program(part, whole)
        trained = _Training(part, lent).run()
        programs.put(key, lent)
        return trained

    side_by_side = Workers(keras.config.dtype_policy().name).each if whole and not on_gpu() else map
    for trained in list(side_by_side(train, parts)):
        for outcome in trained:
            outcome.model.fit = outcome.replay


def _program(stack: Sequence[Fusible], whole: bool) -> Program:
    model = stack[0].model
    lifts = [Lift((layer,), "rate") for layer in dropouts(model)]
    clip, _ = clip_of(model.optimizer)
    units = model.output_shape[-1]
    objective = Objective(
        stack[0].loss, [accuracy("classes", units)], form_for(stack[0].loss, "classes", units)
    )
    maker = optimizer_maker(model.optimizer)
    return program(model, objective, maker, len(stack), clip, lifts, whole=whole)


@dataclass
class Trained:
    """A trained model, with the weights of its best epoch, and the logs of all its epochs."""

    model: keras.Model
    objective: Any
    first_epoch: int
    logs: list[dict[str, float]] = field(default_factory=list)
    best: int | None = None
    """The index of the best epoch in `logs`; None as long as the objective was never a number."""

    def after_epoch(self, logs: dict[str, float]) -> bool:
        """Add the logs of an epoch; return whether it is the best so far, by Keras Tuner's own comparison."""
        self.logs.append(logs)
        worst = -np.inf if self.objective.direction == "max" else np.inf
        before = worst if self.best is None else self.objective.get_value(self.logs[self.best])
        if self.objective.better_than(self.objective.get_value(logs), before):
            self.best = len(self.logs) - 1
        return self.best == len(self.logs) - 1

    def replay(self, *_: Any, callbacks: Sequence[Any], **__: Any) -> keras.callbacks.History:
        """Return what `fit` would have returned, and let Keras Tuner's callback save the weights of the best epoch."""
        del self.model.fit
        for callback in callbacks:
            if isinstance(callback, SaveBestEpoch) and self.best is not None:
                callback.set_model(self.model)
                callback.on_epoch_end(self.first_epoch + self.best, self.logs[self.best])
        history = keras.callbacks.History()
        history.set_model(self.model)
        history.on_train_begin()
        for epoch, logs in enumerate(self.logs, self.first_epoch):
            history.on_epoch_end(epoch, logs)
        self.model.history = history
        return history


class _Training:
    """One stack in training."""

    def __init__(self, stack: Sequence[Fusible], lent: Program) -> None:
        self.stack, self.program, self.request = stack, lent, stack[0].request
        request, models = self.request, [execution.model for execution in stack]
        self.steps = steps_per_epoch(len(request.training), request.batch_size)
        self.program.load(
            [_values(model.trainable_variables) for model in models],
            [_values(model.non_trainable_variables) for model in models],
            [[clip_of(m.optimizer)[1], *(layer.rate for layer in dropouts(m))] for m in models],
        )
        self.epochs = range(request.initial_epoch, request.epochs)
        self.rates = np.stack([learning_rates(m.optimizer, self.steps * len(self.epochs)) for m in models])
        self.trained = [Trained(e.model, e.objective, request.initial_epoch) for e in stack]
        self.callbacks = [_callbacks(request, model) for model in models]
        self.kept = self.program.read()

    def run(self) -> list[Trained]:
        for epoch in self.epochs:
            self._train_epoch(epoch)
            if all(execution.model.stop_training for execution in self.stack):
                break
        self._give_back()
        return self.trained

    def _train_epoch(self, epoch: int) -> None:
        figures = [*self._steps(epoch), *(self._evaluate() if len(self.request.validation) else ())]
        keep = np.zeros(len(self.stack), bool)
        for slot, execution in enumerate(self.stack):
            if execution.model.stop_training:
                continue
            logs = _logs(execution.metrics, [float(values[slot]) for values in figures])
            keep[slot] = self.trained[slot].after_epoch(logs)
            for callback in self.callbacks[slot]:
                callback.on_epoch_end(epoch, logs)
        self.kept = self.program.keep(self.kept, keep)

    def _steps(self, epoch: int) -> Any:
        """Train an epoch, its last batch smaller where the rows do not fill it; return mean losses and accuracies."""
        size, rows = self.request.batch_size, len(self.request.training)
        order = np.stack([_order(rows, epoch, execution.execution) for execution in self.stack])
        first = (epoch - self.request.initial_epoch) * self.steps
        rates = self.rates[:, first : first + self.steps].T[:, :, None]
        whole = rows // size
        full = order[:, : whole * size].reshape(len(self.stack), whole, size).swapaxes(0, 1)
        rest = order[None, :, whole * size :]
        sums = np.zeros((2, len(self.stack)))
        parts = ((self.program.epoch, full, rates[:whole]), (self.program.rest, rest, rates[whole:]))
        for train, batches, of_batches in parts:
            if batches.size:
                arguments = np.ascontiguousarray(batches), np.ascontiguousarray(of_batches)
                means = train(self.request.training.tensors, *arguments)
                sums += np.stack(means) * batches.shape[0] * batches.shape[2]
        return sums / rows

    def _evaluate(self) -> list[NDArray[Any]]:
        rows = [np.arange(len(self.request.validation), dtype=np.int32)] * len(self.stack)
        return averages(self.program, self.request.validation.tensors, rows, min(EVALUATED, len(rows[0])))

    def _give_back(self) -> None:
        """Assign each trial's best weights to its model, and the number of its steps to its optimizer."""
        trainable = self.program.layout.unstack(self.kept[0])
        for slot, (execution, trained) in enumerate(zip(self.stack, self.trained, strict=True)):
            model = execution.model
            for variable, value in zip(model.trainable_variables, trainable[slot], strict=True):
                variable.assign(value)
            for variable, array in zip(model.non_trainable_variables, self.kept[1], strict=True):
                variable.assign(array[slot])
            model.optimizer.build(model.trainable_variables)
            model.optimizer.iterations.assign_add(self.steps * (1 + (trained.best or 0)))


def _order(rows: int, epoch: int, execution: int) -> NDArray[np.int32]:
    """Return the order of rows in an epoch: one for all trials, so that they differ in their hyperparameters alone."""
    return np.random.default_rng([execution, epoch]).permutation(rows).astype(np.int32)


def _logs(metrics: Sequence[str], figures: Sequence[float]) -> dict[str, float]:
    """Return figures (loss and accuracy, then the same of the validation data, if any) as `fit` logs them.

    `metrics` are the name of the accuracy, or none; then only losses are logged.
    """
    losses = dict(zip(("loss", "val_loss"), figures[::2], strict=False))
    accuracies = {
        name: figure
        for own in metrics
        for name, figure in zip((own, f"val_{own}"), figures[1::2], strict=False)
    }
    return dict(sorted({**losses, **accuracies}.items()))


def _callbacks(request: Request, model: keras.Model) -> list[keras.callbacks.EarlyStopping]:
    """Return a copy of each callback for one model; the weights of its best epoch are kept here, not by callbacks."""
    model.stop_training = False
    copies = copy.deepcopy(list(request.callbacks))
    for callback in copies:
        callback.restore_best_weights = False
        callback.set_model(model)
        callback.on_train_begin()
    return copies


def _values(variables: Sequence[Any]) -> list[NDArray[Any]]:
    return [np.asarray(variable) for variable in variables]
