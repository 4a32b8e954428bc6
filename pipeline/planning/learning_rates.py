"""The learning rate of every step of a run, computed from its recipe without any training, for the report's figures.

Keras is imported only for schedules that are classes of Keras, or the user's own.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.build.schedules import rates
from pipeline.core.errors import DataError
from pipeline.core.native_logs import native_logs_to
from pipeline.data import catalogue
from pipeline.data.prepare import Prepared, load
from pipeline.engine.batches import steps_per_epoch
from pipeline.engine.datasets import split_of
from pipeline.params.types.phases import Phase
from pipeline.params.types.recipe import COMPILED, DataSpec
from pipeline.params.types.schedules import KerasSchedule
from pipeline.runs.records import PlannedRates
from pipeline.runs.resample import Resample
from pipeline.runs.run import Run

POINTS = 201
"""Points of a curve that are kept."""
DIGITS = 6
"""Significant digits that are kept."""


def planned_rates(run: Run, root: Path) -> list[PlannedRates]:
    """Return the learning rates of each phase of `run`; none where its data is not prepared in the study's folder `root`.

    Early stopping is ignored: rates are planned for all epochs.

    Example:
        >>> planned_rates(run, Path())[0].rates
    """
    try:
        prepared = load(run.context.dataset, root)
    except DataError:
        return []
    if run.recipe.optimizer.name == COMPILED:
        return []  # known only to the function that builds the model
    own = catalogue.is_user_defined(run.context.dataset)
    split_seed, resample = run.seeds.split, run.resample
    rows = [training_rows(phase.recipe.data, prepared, split_seed, own, resample) for phase in run.phases]
    return [_planned(phase, count, root) for phase, count in zip(run.phases, rows, strict=True)]


def training_rows(
    data: DataSpec,
    prepared: Prepared,
    split_seed: int,
    shuffles: bool = False,
    resample: Resample | None = None,
) -> int:
    """Return how many rows (or pairs) train; `shuffles`: whether random rows are held out where `data` does not say."""
    return data.pairs or len(split_of(data, prepared, split_seed, None, shuffles, resample).train)


def _planned(phase: Phase, rows: int, root: Path) -> PlannedRates:
    recipe = phase.recipe
    steps = steps_per_epoch(rows, recipe.training.batch_size)
    all_rates = _rates(phase, steps, root)
    shown = _steps_to_draw(all_rates)
    return PlannedRates(
        phase=phase.name,
        kind=recipe.schedule.name,
        steps_per_epoch=steps,
        epochs=tuple(_rounded(step / steps) for step in shown),
        rates=tuple(_rounded(all_rates[step]) for step in shown),
    )


def _rates(phase: Phase, steps: int, root: Path) -> NDArray[np.float32]:
    """Return the rate of every step; TensorFlow, which schedules of Keras start, logs to a file."""
    recipe = phase.recipe
    arguments = (recipe.schedule, recipe.optimizer.learning_rate, steps, recipe.training.epochs)
    if not isinstance(recipe.schedule, KerasSchedule):
        return rates(*arguments)
    with native_logs_to(root / "data" / ".tensorflow.log"):
        return rates(*arguments)


def _steps_to_draw(all_rates: NDArray[np.float32]) -> list[int]:
    """Return the steps to draw: evenly spread ones, and both sides of each change where changes are few."""
    last = len(all_rates) - 1
    jumps = np.flatnonzero(np.diff(all_rates))
    if len(jumps) < POINTS // 2:
        shown = np.unique([0, *jumps, *(jumps + 1), last])
    else:
        shown = np.linspace(0, last, min(POINTS, len(all_rates))).round().astype(int)
    return [int(step) for step in shown]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
