"""A user's compiled models as one stack: which of them have one graph, and training them together."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.build.optimizer import clip_of
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.engine.environment import on_gpu
from pipeline.engine.fused.backends import program
from pipeline.engine.fused.elementwise import moves_elementwise
from pipeline.engine.fused.grouping import cut
from pipeline.engine.fused.memory import first_guess
from pipeline.engine.fused.program import Program
from pipeline.engine.fused.rows import averages
from pipeline.engine.fused.trainer import Programs, compiles_whole
from pipeline.engine.rules import Stopping
from pipeline.engine.workers import Workers
from pipeline.params.types.recipe import CLIPS
from pipeline.tuner.request import Request

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")
BATCH_SEED = 0
"""All trials train on the same batches, and differ only in their hyperparameters."""

EVALUATED = 1000
"""Rows evaluated at a time."""


@dataclass
class Fusible:
    """One execution of a trial: its model, its loss, and the signature that it shares with others of its stack."""

    trial_id: str
    execution: int
    model: keras.Model
    loss: Any
    signature: str


def fusible(trial_id: str, execution: int, model: Any, request: Request, objective: Any) -> Fusible | None:
    """Return the model ready to be fused, or None if the fused engine does not support a part of it."""
    if type(model) not in (keras.Model, keras.Sequential, keras.src.models.Functional) or not model.built:
        return None
    loss = _per_image(model.loss)
    sparse = type(loss).__name__.startswith("Sparse")
    known = loss is not None and sparse != request.one_hot and getattr(objective, "name", "") in FIGURES
    if not known or model.output_shape[-1] == 1 or not _plain(model.optimizer):
        return None
    return Fusible(trial_id, execution, model, loss, _signature(model, loss))


def train_together(stack: Sequence[Fusible], request: Request, objective: Any) -> list[dict[str, float]]:
    """Train models of one graph; return the metrics of each at its best epoch, whose weights it then has.

    Return an empty list if their optimizer cannot be shared.
    """
    if not moves_elementwise(_maker(stack[0].model.optimizer)):
        return []
    whole = compiles_whole(stack[0].model)
    parts = cut(stack, first_guess(stack[0].model, request.batch_size, on_gpu()) if whole else 1)
    sign = -1.0 if objective.direction == "min" else 1.0
    programs = Programs()

    def train(number: int) -> tuple[int, list[dict[str, float]]]:
        part = parts[number]
        lent = programs.take(len(part)) or _program(part)
        figures = _Training(part, lent, request, objective.name, sign).run()
        programs.put(len(part), lent)
        return number, figures

    side_by_side = Workers(keras.config.dtype_policy().name).each if whole and not on_gpu() else map
    by_part = dict(side_by_side(train, range(len(parts))))
    return [figures for number in range(len(parts)) for figures in by_part[number]]


def _program(stack: Sequence[Fusible]) -> Program:
    model = stack[0].model
    clip, _ = clip_of(model.optimizer)
    whole = compiles_whole(model)
    return program(model, stack[0].loss, _maker(model.optimizer), len(stack), clip, whole=whole)


@dataclass
class _Best:
    """The metrics of a trial at its best epoch so far, and the rule that may stop it."""

    stopping: Stopping | None
    score: float = -np.inf
    figures: dict[str, float] = field(default_factory=dict)
    over: bool = False


class _Training:
    """One stack in training."""

    def __init__(
        self, stack: Sequence[Fusible], lent: Program, request: Request, objective: str, sign: float
    ) -> None:
        self.stack, self.request, self.objective, self.sign = stack, request, objective, sign
        self.program = lent
        models = [execution.model for execution in stack]
        self.steps = steps_per_epoch(len(request.training), request.batch_size)
        self.program.load(
            [_values(m.trainable_variables) for m in models],
            [_values(m.non_trainable_variables) for m in models],
            [[clip_of(m.optimizer)[1]] for m in models],
        )
        self.rates = np.stack([_rates(model.optimizer, self.steps * request.epochs) for model in models])
        self.data = (keras.ops.convert_to_tensor(request.x), keras.ops.convert_to_tensor(request.y))
        self.best = [_Best(request.stopping()) for _ in stack]
        self.kept = self.program.read()

    def run(self) -> list[dict[str, float]]:
        for epoch in range(1, self.request.epochs + 1):
            self._epoch(epoch)
            if all(best.over for best in self.best):
                break
        self._give_back()
        return [best.figures for best in self.best]

    def _epoch(self, epoch: int) -> None:
        request, size = self.request, len(self.stack)
        drawn = batches(request.training, request.batch_size, epoch, BATCH_SEED)
        order = np.repeat(drawn[:, None, :], size, axis=1)
        rates = self.rates[:, (epoch - 1) * self.steps : epoch * self.steps].T[:, :, None]
        loss, accuracy = self.program.epoch(*self.data, order, np.ascontiguousarray(rates))
        val_loss, val_accuracy = self._evaluate()
        rows = np.stack([loss, accuracy, val_loss, val_accuracy], axis=1).tolist()
        keep = np.zeros(size, bool)
        for slot, (best, row) in enumerate(zip(self.best, rows, strict=True)):
            keep[slot] = self._judge(best, epoch, dict(zip(FIGURES, row, strict=True)))
        for kept, now in zip(self.kept, self.program.read(), strict=True):
            for old, new in zip(kept, now, strict=True):
                old[keep] = new[keep]

    def _judge(self, best: _Best, epoch: int, figures: dict[str, float]) -> bool:
        """Update a trial's best epoch with the metrics of another; return whether that is the best so far."""
        if best.over:
            return False
        score = self.sign * figures[self.objective]
        improved = not best.figures or score > best.score
        if improved:
            best.score, best.figures = score, figures
        if best.stopping is not None:
            _, best.over = best.stopping.after_epoch(epoch, figures[self.request.monitor])
        return improved

    def _evaluate(self) -> tuple[NDArray[Any], NDArray[Any]]:
        rows = [self.request.validation] * len(self.stack)
        return averages(self.program, self.data, rows, min(EVALUATED, len(rows[0])))

    def _give_back(self) -> None:
        """Assign each trial's best weights to its model."""
        trainable = self.program.layout.unstack(self.kept[0])
        for slot, execution in enumerate(self.stack):
            for variable, value in zip(execution.model.trainable_variables, trainable[slot], strict=True):
                variable.assign(value)
            for variable, array in zip(execution.model.non_trainable_variables, self.kept[1], strict=True):
                variable.assign(array[slot])


def _values(variables: Sequence[Any]) -> list[NDArray[Any]]:
    return [np.asarray(variable) for variable in variables]


def _per_image(loss: Any) -> Any:
    """Return a compiled loss as one that returns a value per image; None if it is not one of Keras's classes."""
    if isinstance(loss, str):
        camel = "".join(part.capitalize() for part in loss.split("_"))
        kind = getattr(keras.losses, camel, None)
        return kind(reduction=None) if kind is not None else None
    if isinstance(loss, keras.losses.Loss) and type(loss).__module__.startswith("keras."):
        return type(loss).from_config({**loss.get_config(), "reduction": None})
    return None


def _plain(optimizer: Any) -> bool:
    """Return whether an optimizer only updates: no averaging of weights, no loss scaling, no gradient accumulation."""
    steps = getattr(optimizer, "gradient_accumulation_steps", None)
    scale = getattr(optimizer, "loss_scale_factor", None)
    return isinstance(optimizer, keras.Optimizer) and not optimizer.use_ema and not steps and not scale


def _maker(optimizer: Any) -> Callable[[Any], Any]:
    """Return a function that makes such an optimizer for a learning rate, without clipping, which the engine does."""
    config = {key: value for key, value in optimizer.get_config().items() if key not in CLIPS}
    return lambda learning_rate: type(optimizer).from_config({**config, "learning_rate": learning_rate})


def _rates(optimizer: Any, steps: int) -> NDArray[np.float32]:
    """Return the learning rate of each step [steps], from a number or a schedule."""
    rate = optimizer._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        return np.asarray(keras.ops.map(rate, keras.ops.arange(steps, dtype="float32")), np.float32)
    return np.full(steps, float(keras.ops.convert_to_numpy(rate)), np.float32)


def _signature(model: keras.Model, loss: Any) -> str:
    """Return a text that is equal for models of one graph, even if layer names and initial weights differ."""
    config = _without_randomness(model.get_config())
    plain = _renamed(config, {name: f"#{number}" for number, name in enumerate(_names(config))})
    excluded = ("learning_rate", "name", *CLIPS)
    optimizer = {key: value for key, value in model.optimizer.get_config().items() if key not in excluded}
    parts = [
        type(model.optimizer).__name__,
        optimizer,
        clip_of(model.optimizer)[0],
        type(loss).__name__,
        loss.get_config(),
    ]
    return json.dumps([plain, parts], sort_keys=True, default=str)


def _without_randomness(config: Any) -> Any:
    """Return a model's configuration without what only decides its initial weights."""
    if isinstance(config, dict):
        return {
            key: _without_randomness(value)
            for key, value in config.items()
            if key != "seed" and not key.endswith("_initializer")
        }
    return [_without_randomness(item) for item in config] if isinstance(config, list | tuple) else config


def _names(config: Any) -> list[str]:
    """Return the names of the layers in a configuration, in order, without repetition."""
    if isinstance(config, list):
        return list(dict.fromkeys(name for item in config for name in _names(item)))
    if not isinstance(config, dict):
        return []
    own = [config["name"]] if isinstance(config.get("name"), str) and _is_layer(config) else []
    return list(dict.fromkeys([*own, *(name for value in config.values() for name in _names(value))]))


def _is_layer(config: Mapping[str, Any]) -> bool:
    """Return whether this is the configuration of a layer or a model, and not, for example, of a dtype policy."""
    return "dtype" in config or "layers" in config


def _renamed(config: Any, names: Mapping[str, str]) -> Any:
    if isinstance(config, dict):
        return {key: _renamed(value, names) for key, value in config.items()}
    if isinstance(config, list):
        return [_renamed(item, names) for item in config]
    return names.get(config, config) if isinstance(config, str) else config
