"""Trials that are ended early: which go on, judged by one rule after the same parts of their epochs for all variants.

A form of successive halving (K. Jamieson and A. Talwalkar, AISTATS 2016, arXiv 1502.07943) that leaves a third to the end:
what separates the best few shows late, and ending with one of six, as usual, chose far worse (docs/method.md).
"""

from collections.abc import Sequence
from math import ceil, isfinite
from statistics import fmean

from pipeline.core.metrics import Metric
from pipeline.params.types.tune import FEWEST_TO_STOP
from pipeline.runs.records import Curves

FIRST, SECOND = 0.15, 0.3
"""The parts of its epochs after which a trial may be ended."""
LAST = 3
"""Epochs whose mean decides: a single one is mostly noise."""


def cuts(trials: int, epochs: int) -> tuple[int, ...]:
    """Return the epochs after which trials of a search may be ended; none for few trials, and for a single epoch."""
    if trials < FEWEST_TO_STOP:
        return ()
    return tuple(sorted({max(1, round(part * epochs)) for part in (FIRST, SECOND)} - {epochs}))


def survivors(trials: int, cut: int, of: int) -> int:
    """Return how many of a search's `trials` go on after a cut, of `of` cuts: a half, after the last one a third."""
    return trials // 3 if cut == of - 1 else ceil(trials / 2)


def cost(trials: int, epochs: int) -> float:
    """Return which part of all epochs of a search is trained: at most a half from six epochs on, 1 without cuts."""
    places, alive, before, trained = cuts(trials, epochs), trials, 0, 0
    for cut, epoch in enumerate(places):
        trained += alive * (epoch - before)
        alive, before = survivors(trials, cut, len(places)), epoch
    return (trained + alive * (epochs - before)) / (trials * epochs)


def standing(curves: Sequence[Curves], metric: Metric) -> float:
    """Return how well a trial does so far, higher for better: the mean over its runs and their last epochs of `metric`."""
    last = [run[f"val_{metric.name}"][-LAST:] for run in curves]
    values = [value for run in last for value in run if isfinite(value)]
    return metric.score(fmean(values))
