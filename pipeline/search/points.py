"""Points of a search space that are known before any is tried: a quasi-random sequence, and a grid with its ends."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import keras_tuner
import numpy as np

from pipeline.params.types.tune import AnyRange, Choice, IntRange, LogRange

Values = dict[str, Any]

MOST_DRAWN = 1 << 16
"""Points drawn at most in search of some that differ."""


class ListedPoints(keras_tuner.Oracle):
    """An oracle of Keras Tuner that tries the points it is given, in their order, whatever their scores."""

    def __init__(self, points: Sequence[Values], **options: Any) -> None:
        super().__init__(max_trials=len(points), **options)
        self._points = points

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next point, as Keras Tuner asks for it."""
        return {"status": "RUNNING", "values": dict(self._points[int(trial_id)])}


def quasi_random(hyperparameters: keras_tuner.HyperParameters, count: int, seed: int) -> list[Values]:
    """Return at most `count` points, all different, of a scrambled Sobol sequence; fewer only where there are no more.

    Of any 2, 4, 8, … points each part of a range has its share, so a few trials cover all of it. The first points of a
    longer sequence are those of a shorter one. Source: Owen, Scrambled Sobol and Niederreiter-Xing points, 1998.
    """
    points: dict[str, Values] = {}
    drawn = max(count, 2)
    while len(points) < count and drawn <= MOST_DRAWN:
        for row in _sobol(len(hyperparameters.space), drawn, seed):
            values = {
                hp.name: hp.prob_to_value(at) for hp, at in zip(hyperparameters.space, row, strict=True)
            }
            points.setdefault(repr(values), values)
        drawn *= 4
    return list(points.values())[:count]


def _sobol(dimensions: int, count: int, seed: int) -> Any:
    from scipy.stats.qmc import Sobol  # half a second, which studies without a search need not pay

    sequence = Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    return sequence.random_base2(int(np.ceil(np.log2(count))))


def grid(spaces: Mapping[str, AnyRange], trials: int) -> list[Values]:
    """Return the points of the finest grid of at most `trials` points; each range has both its ends among its values.

    Where even the coarsest grid, of all choices and the two ends of each range, has more points, return `trials` of it
    that lie evenly between its first and its last.
    """
    counts = {path: _fewest(space) for path, space in spaces.items()}
    finer = True
    while finer:
        finer = False
        for path in sorted(counts, key=counts.__getitem__):
            more = {**counts, path: counts[path] + 1}
            if counts[path] < _most(spaces[path]) and prod(more.values()) <= trials:
                counts, finer = more, True
                break
    axes = [_values(space, counts[path]) for path, space in spaces.items()]
    points = [dict(zip(spaces, values, strict=True)) for values in product(*axes)]
    kept = np.linspace(0, len(points) - 1, min(trials, len(points))).round().astype(int)
    return [points[index] for index in kept]


def size(spaces: Mapping[str, AnyRange]) -> int:
    """Return how many different points a space has, or a large number where a range has no steps."""
    return prod(map(_most, spaces.values()))


def _whole(space: IntRange) -> range:
    low, high = space.int
    return range(low, high + 1, space.step)


def _fewest(space: AnyRange) -> int:
    return len(space.choice) if isinstance(space, Choice) else min(2, _most(space))


def _most(space: AnyRange) -> int:
    if isinstance(space, Choice):
        return len(space.choice)
    return len(_whole(space)) if isinstance(space, IntRange) else MOST_DRAWN


def _values(space: AnyRange, count: int) -> Iterator[Any]:
    """Return `count` values of a range, both ends among them, in equal steps on its own scale."""
    if isinstance(space, Choice):
        return iter(range(len(space.choice)))
    if isinstance(space, IntRange):
        whole = _whole(space)
        return (whole[round(at * (len(whole) - 1))] for at in np.linspace(0, 1, count))
    between = (
        np.geomspace(*space.log, count) if isinstance(space, LogRange) else np.linspace(*space.linear, count)
    )
    return map(float, between)
