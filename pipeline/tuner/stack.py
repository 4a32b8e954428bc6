"""A user's compiled models as one stack: which of them have one graph, and training them together."""

import copy
import json
from collections import deque
from collections.abc import Mapping, Sequence
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
from pipeline.engine.fused.trainer import Programs
from pipeline.engine.fused.training import StackTraining, Unit
from pipeline.engine.jobs import Weights
from pipeline.engine.rules import Decision
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
FIGURES = ("loss", "accuracy")
"""What is measured of every model; one without metrics logs no accuracy."""
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
    parts = ("", "val_") if len(request.validation) else ("",)
    logged = _logs(metrics, {part + name: 0.0 for part in parts for name in FIGURES})
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
        trained = _train(part, lent)
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
    """An execution of a trial in training: the logs of its epochs, and which one was the best."""

    execution: Fusible
    callbacks: Sequence[keras.callbacks.Callback]
    logs: list[dict[str, float]] = field(default_factory=list)
    best: int | None = None
    """The index of the best epoch in `logs`; None as long as the objective was never a number."""
    scale: float = 1.0

    @property
    def model(self) -> keras.Model:
        """The model that is trained, and the best weights of which it has in the end."""
        return self.execution.model

    @property
    def over(self) -> bool:
        """Whether a callback stopped it."""
        return bool(self.model.stop_training)

    def after_epoch(self, metrics: dict[str, float], _: float) -> Decision:
        """Add the logs of an epoch; the best so far, by Keras Tuner's own comparison, is kept."""
        objective, logs = self.execution.objective, _logs(self.execution.metrics, metrics)
        self.logs.append(logs)
        worst = -np.inf if objective.direction == "max" else np.inf
        before = worst if self.best is None else objective.get_value(self.logs[self.best])
        if objective.better_than(objective.get_value(logs), before):
            self.best = len(self.logs) - 1
        for callback in self.callbacks:
            callback.on_epoch_end(self._first_epoch + len(self.logs) - 1, logs)
        return Decision(self.scale, keep=self.best == len(self.logs) - 1, over=self.over)

    def give_back(self, trainable: Weights, state: Weights) -> None:
        """Assign the best weights to the model, and the number of its steps to its optimizer."""
        model, request = self.model, self.execution.request
        variables = (*model.trainable_variables, *model.non_trainable_variables)
        for variable, value in zip(variables, (*trainable, *state), strict=True):
            variable.assign(value)
        model.optimizer.build(model.trainable_variables)
        steps = steps_per_epoch(len(request.training), request.batch_size)
        model.optimizer.iterations.assign_add(steps * (1 + (self.best or 0)))

    @property
    def _first_epoch(self) -> int:
        return self.execution.request.initial_epoch

    def replay(self, *_: Any, callbacks: Sequence[Any], **__: Any) -> keras.callbacks.History:
        """Return what `fit` would have returned, and let Keras Tuner's callback save the weights of the best epoch."""
        del self.model.fit
        for callback in callbacks:
            if isinstance(callback, SaveBestEpoch) and self.best is not None:
                callback.set_model(self.model)
                callback.on_epoch_end(self._first_epoch + self.best, self.logs[self.best])
        history = keras.callbacks.History()
        history.set_model(self.model)
        history.on_train_begin()
        for epoch, logs in enumerate(self.logs, self._first_epoch):
            history.on_epoch_end(epoch, logs)
        self.model.history = history
        return history


def _train(stack: Sequence[Fusible], lent: Program) -> list[Trained]:
    """Train models of one key with a program of theirs; each has then the weights of its best epoch."""
    request = stack[0].request
    trained = [Trained(execution, _callbacks(request, execution.model)) for execution in stack]
    training = StackTraining(
        lent,
        [_unit(execution, rules) for execution, rules in zip(stack, trained, strict=True)],
        request.training.tensors,
        request.validation.tensors if len(request.validation) else request.training.tensors,
        FIGURES,
        min(EVALUATED, max(1, len(request.validation))),
    )
    deque(training.epochs(1, request.epochs - request.initial_epoch), maxlen=0)
    for rules, (trainable, state) in zip(trained, training.kept_weights(), strict=True):
        rules.give_back(trainable, state)
    return trained


def _unit(execution: Fusible, rules: Trained) -> Unit:
    model, request = execution.model, execution.request
    size, rows = request.batch_size, len(request.training)
    whole = rows // size * size

    def batches(epoch: int) -> list[NDArray[np.int32]]:
        order = _order(rows, request.initial_epoch + epoch - 1, execution.execution)
        return [order[:whole].reshape(-1, size), order[whole:].reshape(-1, max(1, rows - whole))]

    steps = steps_per_epoch(rows, size) * (request.epochs - request.initial_epoch)
    return Unit(
        _values(model.trainable_variables),
        _values(model.non_trainable_variables),
        [clip_of(model.optimizer)[1], *(layer.rate for layer in dropouts(model))],
        learning_rates(model.optimizer, steps),
        execution.execution,
        batches,
        np.arange(len(request.validation), dtype=np.int32),
        rules,
    )


def _order(rows: int, epoch: int, execution: int) -> NDArray[np.int32]:
    """Return the order of rows in an epoch: one for all trials, so that they differ in their hyperparameters alone."""
    return np.random.default_rng([execution, epoch]).permutation(rows).astype(np.int32)


def _logs(metrics: Sequence[str], figures: Mapping[str, float]) -> dict[str, float]:
    """Return figures as `fit` logs them; `metrics` are the model's own name of the accuracy, or none."""
    names = {"loss": "loss", **dict.fromkeys(("accuracy",) if metrics else (), *metrics)}
    logs = {
        f"{part}{own}": figures[part + name]
        for part in ("", "val_")
        for name, own in names.items()
        if part + name in figures
    }
    return dict(sorted(logs.items()))


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
