"""Learning-rate schedules as tables: one rate per step, known before training starts.

Every schedule is a pure function of the step, scaled by the optimizer's learning rate, so one table serves every engine.
The plateau rule alone depends on what training finds; it scales its (constant) table between epochs, see `engine.rules`.
"""

from collections.abc import Callable
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.params.schedules import our_names
from pipeline.plugins import is_plugin, load_object
from pipeline.store import root

Factors = NDArray[np.float64]
Rates = NDArray[np.float32]


def rates(schedule: Any, learning_rate: float, steps_per_epoch: int, epochs: int) -> Rates:
    """Return the learning rate of every step of a training, shape `[epochs * steps_per_epoch]`."""
    steps = np.arange(epochs * steps_per_epoch)
    if schedule.name not in our_names():
        return _keras_rates(schedule, learning_rate, steps)
    factors = _FACTORS[schedule.name](schedule, steps, steps_per_epoch)
    return (learning_rate * factors).astype(np.float32)


def constant(schedule: Any, steps: NDArray[np.int64], steps_per_epoch: int) -> Factors:  # noqa: ARG001
    """Return 1 throughout."""
    return np.ones(len(steps))


def power(schedule: Any, steps: NDArray[np.int64], steps_per_epoch: int) -> Factors:  # noqa: ARG001
    """Return `1 / (1 + t / steps) ** exponent`."""
    return np.asarray((1.0 + steps / schedule.steps) ** -schedule.exponent)


def exponential(schedule: Any, steps: NDArray[np.int64], steps_per_epoch: int) -> Factors:
    """Return `factor ** (epoch / epochs)`, the epoch counted in whole numbers or, `per: step`, in fractions."""
    epoch = steps / steps_per_epoch
    if schedule.per == "epoch":
        epoch = np.floor(epoch)
    return np.asarray(schedule.factor ** (epoch / schedule.epochs))


def piecewise(schedule: Any, steps: NDArray[np.int64], steps_per_epoch: int) -> Factors:
    """Return `factors[i]` from epoch `boundaries[i - 1]` up to, not including, `boundaries[i]`."""
    piece = np.searchsorted(schedule.boundaries, steps // steps_per_epoch, side="right")
    return np.asarray(schedule.factors, dtype=np.float64)[piece]


def one_cycle(schedule: Any, steps: NDArray[np.int64], steps_per_epoch: int) -> Factors:  # noqa: ARG001
    """Return Smith's 1cycle: up to 1, back to the start, then down to `final_factor` of the start, all linear.

    Source: Leslie N. Smith, "A disciplined approach to neural network hyper-parameters" (arXiv 1803.09820).
    """
    total = len(steps)
    top, back = schedule.up * total, (schedule.up + schedule.down) * total
    start = schedule.start_factor
    return np.interp(steps, [0, top, back, total], [start, 1.0, start, start * schedule.final_factor])


def cosine(schedule: Any, steps: NDArray[np.int64], steps_per_epoch: int) -> Factors:  # noqa: ARG001
    """Return a linear warm-up over a fraction of training, then half a cosine from 1 to `final_factor`.

    Source: Loshchilov and Hutter, "SGDR" (arXiv 1608.03983), one period.
    """
    total = len(steps)
    warmup = schedule.warmup * total
    progress = np.clip((steps - warmup) / max(total - warmup, 1), 0.0, 1.0)
    wave = schedule.final_factor + (1 - schedule.final_factor) * (1 + np.cos(np.pi * progress)) / 2
    rise = np.minimum((steps + 1) / max(warmup, 1), 1.0)
    return np.where(steps < warmup, rise, wave)


def _keras_rates(schedule: Any, learning_rate: float, steps: NDArray[np.int64]) -> Rates:
    import keras

    made = _keras_schedule(schedule, learning_rate)
    return np.asarray(keras.ops.map(made, keras.ops.convert_to_tensor(steps, "float32")), np.float32)


def _keras_schedule(schedule: Any, learning_rate: float) -> Any:
    """Return a schedule of Keras's, or the user's, which starts from `learning_rate` if it takes a start."""
    import keras

    own = is_plugin(schedule.name)
    kind: Any = (
        load_object(schedule.name, root()) if own else getattr(keras.optimizers.schedules, schedule.name)
    )
    starts = "initial_learning_rate" in signature(kind).parameters
    return kind(**{**({"initial_learning_rate": learning_rate} if starts else {}), **schedule.arguments})


_FACTORS: dict[str, Callable[[Any, NDArray[np.int64], int], Factors]] = {
    "constant": constant,
    "plateau": constant,
    "power": power,
    "exponential": exponential,
    "piecewise": piecewise,
    "one_cycle": one_cycle,
    "cosine": cosine,
}
