"""The learning rate of every step of a run, from its recipe: what reports draw, without any training.

Keras is imported only for schedules that are classes of Keras, or the user's own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.build.schedules import rates
from pipeline.data import catalogue
from pipeline.data.prepare import load
from pipeline.data.split import split
from pipeline.engine.batches import steps_per_epoch
from pipeline.errors import DataError
from pipeline.params.phases import Phase
from pipeline.params.recipe import DataSpec
from pipeline.params.schedules import KerasSchedule
from pipeline.quiet import native_logs_to
from pipeline.runs import Run

POINTS = 201
DIGITS = 6


@dataclass(frozen=True)
class Timetable:
    """One phase's rates: `rates[i]` at `epochs[i]` (counted from 0, in fractions), thinned to what a figure can show.

    `kind` is the schedule's name; a plateau's rates are those it would have if the loss never stopped falling.
    """

    phase: str
    kind: str
    steps_per_epoch: int
    epochs: list[float]
    rates: list[float]

    def as_json(self) -> dict[str, Any]:
        """Return the timetable as plain data."""
        return vars(self)


def timetables(run: Run, root: Path) -> list[Timetable]:
    """Return a timetable for each phase of `run`, whose data lies prepared under `root`; none where it does not.

    Early stopping is left aside: rates are planned for all epochs.
    """
    try:
        labels = load(run.context.dataset, root).y_train
    except DataError:
        return []
    validation = catalogue.lookup(run.context.dataset, root).validation
    return [
        _timetable(phase, training_images(phase.recipe.data, labels, validation, run.seeds.split), root)
        for phase in run.phases
    ]


def training_images(data: DataSpec, labels: NDArray[np.int64], validation: int, split_seed: int) -> int:
    """Return how many images train, or pairs of them, as `pipeline.engine.views` would choose them.

    `validation`: how many images the data set itself holds out.
    """
    if data.pairs is not None:
        return data.pairs
    chosen = split(
        labels,
        validation=data.held_out(len(labels), validation),
        classes=data.classes,
        skip=data.skip,
        limit=data.limit,
        per_class=data.per_class,
        shuffle_seed=split_seed if data.split == "random" else None,
    )
    return len(chosen.train)


def _timetable(phase: Phase, images: int, root: Path) -> Timetable:
    recipe = phase.recipe
    steps = steps_per_epoch(images, recipe.training.batch_size)
    planned = _rates(phase, steps, root)
    shown = _shown(planned)
    return Timetable(
        phase=phase.name,
        kind=recipe.schedule.name,
        steps_per_epoch=steps,
        epochs=[_rounded(step / steps) for step in shown],
        rates=[_rounded(planned[step]) for step in shown],
    )


def _rates(phase: Phase, steps: int, root: Path) -> NDArray[np.float32]:
    recipe = phase.recipe
    arguments = (recipe.schedule, recipe.optimizer.learning_rate, steps, recipe.training.epochs)
    if not isinstance(recipe.schedule, KerasSchedule):
        return rates(*arguments)
    with native_logs_to(root / "data" / ".tensorflow.log"):
        return rates(*arguments)


def _shown(planned: NDArray[np.float32]) -> list[int]:
    """Return the steps to draw: evenly spread ones, and both sides of each change where changes are few."""
    last = len(planned) - 1
    even = np.linspace(0, last, min(POINTS, len(planned))).round().astype(int)
    jumps = np.flatnonzero(np.diff(planned)) if len(planned) > 1 else np.array([], int)
    if len(jumps) < POINTS // 2:  # steps: their edges are all there is to see
        even = np.unique([0, *jumps, *(jumps + 1), last])
    return [int(step) for step in even]


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
