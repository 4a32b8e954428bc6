"""Learning-rate schedules as tables: one rate per step, known before training starts.

Every schedule is a pure function of the step, scaled by the optimizer's learning rate, so one table is used by every
engine. Only the plateau rule depends on the training; it scales its (constant) table between epochs, see `engine.rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.plugins import is_plugin, load_object
from pipeline.core.project import root
from pipeline.params.types.schedules import (
    AnySchedule,
    Constant,
    Cosine,
    Exponential,
    KerasSchedule,
    OneCycle,
    Piecewise,
    Plateau,
    Power,
)

Factors = NDArray[np.float64]
Rates = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Clock:
    """The steps of a training, counted from 0, and how many there are in an epoch."""

    steps: NDArray[np.int64]
    steps_per_epoch: int


def rates(schedule: AnySchedule, learning_rate: float, steps_per_epoch: int, epochs: int) -> Rates:
    """Return the learning rate of every step of a training, shape `[epochs * steps_per_epoch]`.

    Example: `rates(Exponential(name="exponential", epochs=2), 0.1, steps_per_epoch=5, epochs=4)`.
    """
    clock = Clock(np.arange(epochs * steps_per_epoch), steps_per_epoch)
    if isinstance(schedule, KerasSchedule):
        return _keras_rates(schedule, learning_rate, clock.steps)
    factors = _FACTORS[type(schedule)](schedule, clock)
    return (learning_rate * factors).astype(np.float32)


def constant(_: Constant | Plateau, clock: Clock) -> Factors:
    """Return 1 throughout."""
    return np.ones(len(clock.steps))


def power(schedule: Power, clock: Clock) -> Factors:
    """Return `1 / (1 + t / steps) ** exponent`."""
    return np.asarray((1.0 + clock.steps / schedule.steps) ** -schedule.exponent)


def exponential(schedule: Exponential, clock: Clock) -> Factors:
    """Return `factor ** (epoch / epochs)`, the epoch counted in whole numbers or, `per: step`, in fractions."""
    epoch = clock.steps / clock.steps_per_epoch
    if schedule.per == "epoch":
        epoch = np.floor(epoch)
    return np.asarray(schedule.factor ** (epoch / schedule.epochs))


def piecewise(schedule: Piecewise, clock: Clock) -> Factors:
    """Return `factors[i]` from epoch `boundaries[i - 1]` up to, not including, `boundaries[i]`."""
    piece = np.searchsorted(schedule.boundaries, clock.steps // clock.steps_per_epoch, side="right")
    return np.asarray(schedule.factors, dtype=np.float64)[piece]


def one_cycle(schedule: OneCycle, clock: Clock) -> Factors:
    """Return Smith's 1cycle: up to 1, back to the start, then down to `final_factor` times the start, all linear.

    Source: Leslie N. Smith, "A disciplined approach to neural network hyper-parameters" (arXiv 1803.09820).
    """
    total = len(clock.steps)
    top, back = schedule.up * total, (schedule.up + schedule.down) * total
    start = schedule.start_factor
    return np.asarray(
        np.interp(clock.steps, [0, top, back, total], [start, 1.0, start, start * schedule.final_factor])
    )


def cosine(schedule: Cosine, clock: Clock) -> Factors:
    """Return a linear warm-up over a fraction of training, then half a cosine from 1 to `final_factor`.

    Source: Loshchilov and Hutter, "SGDR" (arXiv 1608.03983), one period.
    """
    total = len(clock.steps)
    warmup = schedule.warmup * total
    progress = np.clip((clock.steps - warmup) / max(total - warmup, 1), 0.0, 1.0)
    wave = schedule.final_factor + (1 - schedule.final_factor) * (1 + np.cos(np.pi * progress)) / 2
    rise = np.minimum((clock.steps + 1) / max(warmup, 1), 1.0)
    return np.asarray(np.where(clock.steps < warmup, rise, wave))


def _keras_rates(schedule: KerasSchedule, learning_rate: float, steps: NDArray[np.int64]) -> Rates:
    import keras

    function = _keras_schedule(schedule, learning_rate)
    return np.asarray(keras.ops.map(function, keras.ops.convert_to_tensor(steps, "float32")), np.float32)


def _keras_schedule(schedule: KerasSchedule, learning_rate: float) -> Any:
    """Return a schedule of Keras or of the user, which starts from `learning_rate` if it takes an initial rate."""
    import keras

    constructor: Any = (
        load_object(schedule.name, root())
        if is_plugin(schedule.name)
        else getattr(keras.optimizers.schedules, schedule.name)
    )
    takes_rate = "initial_learning_rate" in signature(constructor).parameters
    defaults = {"initial_learning_rate": learning_rate} if takes_rate else {}
    return constructor(**{**defaults, **schedule.arguments})


_FACTORS: dict[type, Callable[[Any, Clock], Factors]] = {
    Constant: constant,
    Plateau: constant,
    Power: power,
    Exponential: exponential,
    Piecewise: piecewise,
    OneCycle: one_cycle,
    Cosine: cosine,
}
