"""The learning-rate range test: a short training whose rate grows from far too low to far too high.

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
from pipeline.engine.batches import batches, steps_per_epoch
from pipeline.params.evaluation import RateRange
from pipeline.probes.subject import Subject
from pipeline.runs import Run
from pipeline.seeds import derive

FEWEST_STEPS = 100
SMOOTHED_OVER = 1 / 50  # of the range of rates, on its logarithmic axis, as a deviation
DIVERGED = 4.0  # times the loss at the start
JUDGED = 5  # losses averaged to tell a divergence from an unlucky batch
BELOW_THE_TURN = 10.0
LEFT = 1 / 20  # of the fall, by which the loss has left its lowest point
POINTS = 160

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Suggestion:
    """A rate to train with. `turning`: the rate from which the loss, `smoothed`, climbs; `fell`: whether it ever fell."""

    rate: float
    turning: float
    fell: bool
    smoothed: Floats


def find_rate(subject: Subject, run: Run, settings: RateRange) -> dict[str, Any]:
    """Return `rates` and, at each, a batch's `losses` before the step and these `smoothed`; and what is `suggested`."""
    rates, losses = range_test(subject, run, settings)
    found = suggest(rates, losses)
    shown = np.unique(np.linspace(0, len(rates) - 1, min(len(rates), POINTS)).round().astype(int))
    return {
        "rates": rates[shown].tolist(),
        "losses": losses[shown].tolist(),
        "smoothed": found.smoothed[shown].tolist(),
        "suggested": found.rate,
        "turning": found.turning,
        "fell": found.fell,
        "range": [settings.low, settings.high],
    }


def range_test(subject: Subject, run: Run, settings: RateRange) -> tuple[Floats, Floats]:
    """Return the rates that were tried in order, and the loss of each batch before its step, up to a divergence."""
    view, batch, model = subject.view, subject.recipe.training.batch_size, subject.model
    steps = max(FEWEST_STEPS, settings.epochs * steps_per_epoch(len(view.training), batch))
    rates = np.geomspace(settings.low, settings.high, steps)
    subject.load(subject.start(run), derive(run.seeds.dropout, 0))
    model.compile(
        make_optimizer(subject.recipe.optimizer, settings.low),
        loss=subject.loss(),
        jit_compile=keras.backend.backend()
        == "jax",  # without, JAX runs eagerly; XLA does not pay for 100 steps elsewhere
    )
    order = (
        rows
        for epoch in count(1)
        for rows in batches(view.training, batch, epoch, derive(run.seeds.batches, 0))
    )
    losses: list[float] = []
    for rate, rows in zip(rates, order, strict=False):
        model.optimizer.learning_rate = rate
        model.reset_metrics()  # else each loss is the mean of all so far
        losses.append(float(model.train_on_batch(view.x[rows], view.y[rows])))
        if has_diverged(losses):
            break
    kept = np.isfinite(losses)
    return rates[: len(losses)][kept], np.array(losses)[kept]


def has_diverged(losses: list[float]) -> bool:
    """Tell whether the last loss is not finite, or the last few are four times as high as the first few."""
    if not np.isfinite(losses[-1]):
        return True
    first, last = np.mean(losses[:JUDGED]), np.mean(losses[-JUDGED:])
    return len(losses) >= 2 * JUDGED and bool(last > DIVERGED * abs(first))


def suggest(rates: Floats, losses: Floats) -> Suggestion:
    """Return a tenth of the rate from which the smoothed loss climbs, but no less than the lowest rate tried.

    It climbs from where it has left its lowest point by a twentieth of its fall: the bottom may be long and flat. Beyond,
    training is unstable; a tenth of that rate is where textbooks put the rate to train with (A. Géron, Hands-On Machine
    Learning, 2nd ed., ch. 11). The steepest descent, the other common rule, moves far with the noise of single batches.
    `rates` ascend by a constant factor; `losses` are finite and stop where training diverged. Raises `ValueError` without
    any.
    """
    if not len(losses):
        raise ValueError("a suggestion needs at least one finite loss; received none")
    smoothed = gaussian_filter1d(losses, max(1.0, SMOOTHED_OVER * len(losses)), mode="nearest")
    lowest = int(np.argmin(smoothed))
    climbs = smoothed[lowest:] > smoothed[lowest] + LEFT * (smoothed[0] - smoothed[lowest])
    turning = float(rates[lowest + int(np.argmax(climbs)) - 1 if climbs.any() else -1])
    fell = bool(smoothed[lowest] < 0.98 * smoothed[0])
    return Suggestion(max(turning / BELOW_THE_TURN, float(rates[0])), turning, fell, smoothed)
