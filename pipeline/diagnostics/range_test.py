"""The learning-rate range test: a short training during which the rate grows from far too low to far too high.

Source: Leslie N. Smith, "Cyclical learning rates for training neural networks" (arXiv 1506.01186), section 3.3.
"""

from dataclasses import dataclass
from itertools import count
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from pipeline.build.optimizer import make_optimizer
from pipeline.diagnostics.model import DiagnosedModel
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.params.types.evaluation import RateRange
from pipeline.runs.run import Run
from pipeline.runs.seeds import derive

FEWEST_STEPS = 100
SMOOTHING = 1 / 50
"""The deviation of the Gaussian that smooths losses, as a part of the range of rates on its logarithmic axis."""
DIVERGED = 4.0
"""Training has diverged when the loss is this many times the loss at the start."""
AVERAGED = 5
"""Losses that are averaged, to tell a divergence from an unlucky batch."""
TURNING_TO_SUGGESTED = 10.0
"""The suggested rate is the turning point divided by this."""
LEFT = 1 / 20
"""The part of its fall by which the loss must have climbed from its lowest point."""
FELL = 0.98
"""The loss counts as fallen when its lowest point is below this part of its first value."""
POINTS = 160
"""Points of the curve that are kept."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """A suggested learning `rate`. `turning`: the rate from which the `smoothed` loss climbs; `fell`: whether it fell."""

    rate: float
    turning: float
    fell: bool
    smoothed: Floats


def find_rate(model: DiagnosedModel, run: Run, settings: RateRange) -> dict[str, Any]:
    """Return the outcome of a range test, with the rate that it suggests.

    `rates`, and at each a batch's `losses` before the step and these `smoothed`; `suggested`, `turning` and `fell` as in
    `Suggestion`; `nan_rate` as in `range_test`; the `range` of rates asked for. Raises `ValueError` where not even the
    first loss is finite.
    """
    rates, losses, nan_rate = range_test(model, run, settings)
    suggestion = suggest(rates, losses)
    shown = np.unique(np.linspace(0, len(rates) - 1, min(len(rates), POINTS)).round().astype(int))
    return {
        "rates": rates[shown].tolist(),
        "losses": losses[shown].tolist(),
        "smoothed": suggestion.smoothed[shown].tolist(),
        "suggested": suggestion.rate,
        "turning": suggestion.turning,
        "fell": suggestion.fell,
        "nan_rate": nan_rate,
        "range": [settings.low, settings.high],
    }


def range_test(model: DiagnosedModel, run: Run, settings: RateRange) -> tuple[Floats, Floats, float | None]:
    """Return the rates that were tried, in order, and each batch's loss before its step, until training diverged.

    With them the rate at which the loss was no number any more (NaN or infinite): the test goes on until then. None where
    it never was.
    """
    view, batch_size, keras_model = model.view, model.recipe.training.batch_size, model.keras_model
    steps = max(FEWEST_STEPS, settings.epochs * steps_per_epoch(len(view.training), batch_size))
    rates = np.geomspace(settings.low, settings.high, steps)
    model.load(model.initial_weights(run), derive(run.seeds.dropout, 0))
    _compile(model, settings.low)
    order = (
        rows
        for epoch in count(1)
        for rows in batches(view.training, batch_size, epoch, derive(run.seeds.batches, 0))
    )
    losses: list[float] = []
    until: int | None = None
    for rate, rows in zip(rates, order, strict=False):
        keras_model.optimizer.learning_rate = rate
        keras_model.reset_metrics()  # else each loss is the mean of all so far
        batch = view.rows(rows)
        losses.append(float(keras_model.train_on_batch(batch["x"], batch["y"], batch.get("weights"))))
        if until is None and has_diverged(losses):
            until = len(losses)
        if not np.isfinite(losses[-1]):
            break
    tried = np.array(losses[:until])
    finite = np.isfinite(tried)
    nan_rate = None if np.isfinite(losses[-1]) else float(rates[len(losses) - 1])
    return rates[: len(tried)][finite], tried[finite], nan_rate


def _compile(model: DiagnosedModel, rate: float) -> None:
    # Without compilation, JAX would run eagerly; elsewhere XLA does not pay for 100 steps.
    jit_compile = keras.backend.backend() == "jax"
    optimizer = make_optimizer(model.recipe.optimizer, rate)
    model.keras_model.compile(optimizer, loss=model.loss(), jit_compile=jit_compile)


def has_diverged(losses: list[float]) -> bool:
    """Return whether the last loss is not finite, or the last few are four times as high as the first few."""
    if not np.isfinite(losses[-1]):
        return True
    first, last = np.mean(losses[:AVERAGED]), np.mean(losses[-AVERAGED:])
    return len(losses) >= 2 * AVERAGED and bool(last > DIVERGED * abs(first))


def suggest(rates: Floats, losses: Floats) -> Suggestion:
    """Return a tenth of the rate from which the smoothed loss climbs, but at least the lowest rate tried.

    It climbs from where it has risen from its lowest point by a twentieth of its fall: the bottom may be long and flat.
    Beyond, training is unstable; a tenth of that rate is where textbooks put the rate to train with (A. Géron, Hands-On
    Machine Learning, 2nd ed., ch. 11). The steepest descent, the other common rule, moves far with the noise of single
    batches. `rates` ascend by a constant factor; `losses` are finite and end where training diverged. Raises `ValueError`
    without any.

    Example:
        >>> suggest(np.geomspace(1e-5, 10, 100), losses).rate
    """
    if not len(losses):
        raise ValueError("a suggestion needs at least one finite loss; received none")
    smoothed = gaussian_filter1d(losses, max(1.0, SMOOTHING * len(losses)), mode="nearest")
    lowest = int(np.argmin(smoothed))
    climbs = smoothed[lowest:] > smoothed[lowest] + LEFT * (smoothed[0] - smoothed[lowest])
    turning = float(rates[lowest + int(np.argmax(climbs)) - 1 if climbs.any() else -1])
    fell = bool(smoothed[lowest] < FELL * smoothed[0])
    return Suggestion(max(turning / TURNING_TO_SUGGESTED, float(rates[0])), turning, fell, smoothed)
