"""Models compared over splits and folds of one data set: how often two that are equally good are called different.

Both models are least squares on four features of eight that matter alike, drawn again with the data of each study; so
neither is better, and every difference is luck. See `benchmarks.statistics`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Case
from pipeline.stats.compare import LEVEL
from pipeline.stats.student import Floats, difference_p, paired

ROWS, FEATURES = 60, 4
NOISE = 1.0


@dataclass(frozen=True)
class Design:
    """Replicates over `splits` random splits with a part `test` of rows, or over `k` folds, `repeats` times."""

    name: str
    overlap: float
    splits: int = 0
    test: float = 0.0
    k: int = 0
    repeats: int = 0

    def tested(self, rng: np.random.Generator, studies: int) -> Iterator[NDArray[np.intp]]:
        """Yield the rows that each replicate tests, `[studies, rows]`."""
        for _ in range(self.splits):
            yield _shuffled(rng, studies)[:, : round(self.test * ROWS)]
        for _ in range(self.repeats):
            yield from np.split(_shuffled(rng, studies), self.k, axis=1)


DESIGNS = (
    Design("10 random splits, a fifth tested", 0.25, splits=10, test=0.2),
    Design("5 folds, twice", 0.25, k=5, repeats=2),
    Design("5 folds", 0.25, k=5, repeats=1),
)


def resampled(rng: np.random.Generator, studies: int) -> Iterator[Case]:
    """Yield for each design how often equal models are called different, by the corrected t test and by the plain one."""
    for design in DESIGNS:
        x = rng.normal(size=(studies, ROWS, 2 * FEATURES))
        y = x.sum(axis=-1) + NOISE * rng.normal(size=(studies, ROWS))
        errors = [_errors(x, y, tested) for tested in design.tested(rng, studies)]
        first, second = (np.stack([pair[model] for pair in errors], axis=-1) for model in (0, 1))
        for name, overlap in (("corrected", design.overlap), ("plain", 0.0)):
            rate = float(np.mean(difference_p(paired(first, second, overlap)) <= LEVEL))
            about = f"equal models called different, {design.name}, {name} t test"
            yield Case(about, studies, rate, most=0.06 if overlap else None)


def _shuffled(rng: np.random.Generator, studies: int) -> NDArray[np.intp]:
    return rng.permuted(np.tile(np.arange(ROWS), (studies, 1)), axis=1)


def _errors(x: Floats, y: Floats, tested: NDArray[np.intp]) -> Sequence[Floats]:
    """Return the mean squared errors on the tested rows of both models, `[studies]` each, fitted on the others."""
    test = np.zeros(y.shape)
    np.put_along_axis(test, tested, 1.0, axis=1)
    return [_error(x[..., :FEATURES], y, test), _error(x[..., FEATURES:], y, test)]


def _error(x: Floats, y: Floats, test: Floats) -> Floats:
    train = (1 - test)[..., None] * x
    moments = np.swapaxes(train, 1, 2) @ x
    weights = np.linalg.solve(moments, np.swapaxes(train, 1, 2) @ y[..., None])
    squares = (y - (x @ weights)[..., 0]) ** 2
    return np.asarray((test * squares).sum(axis=1) / test.sum(axis=1))
