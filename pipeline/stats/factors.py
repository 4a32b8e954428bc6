"""The importance of the factors of a grid, alone and two at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import isfinite, prod

import numpy as np
from scipy.special import fdtrc

from pipeline.stats.student import ROUNDING, Floats


@dataclass(frozen=True)
class Effect:
    """The part of the variation between runs that one factor, or the interaction of two, explains.

    `share` is eta squared, 0 to 1; `df` the degrees of freedom; `f` and `p` the F test against the residual
    variation, None if there is none.
    """

    factors: tuple[str, ...]
    share: float
    df: int
    f: float | None
    p: float | None


@dataclass(frozen=True)
class Importance:
    """All effects of a grid, the largest first; with `seeds` and `rest` the shares add up to 1.

    `seeds` is the share of the replicates (a seed may be good or bad for all cells), `rest` that of chance and of
    interactions of three or more factors, `n` the number of seeds that every cell has.
    """

    effects: tuple[Effect, ...]
    seeds: float
    rest: float
    n: int


def importance(
    levels: Mapping[str, Mapping[str, str]],
    measurements: Mapping[str, Mapping[int, float]],
    independent: bool = True,
) -> Importance | None:
    """Return the analysis of variance of a full grid, or None if no seed has a finite value in every cell.

    `levels` maps variant -> factor -> level and contains every combination exactly once; `measurements` maps
    variant -> replicate seed -> value. Seeds are shared by all cells and are therefore a block. Nothing is tested where
    replicates are not `independent`.
    Source: R. A. Fisher, "The design of experiments" (1935). Raises ValueError if the combinations are not a
    full grid.
    """
    cells, shape, names = _grid(levels)
    seeds = _complete_seeds([measurements.get(cell, {}) for cell in cells])
    if not seeds:
        return None
    values = np.array([[measurements[cell][seed] for seed in seeds] for cell in cells], dtype=np.float64)
    found = _analyse(values.reshape(*shape, len(seeds)), names)
    if independent:
        return found
    return replace(found, effects=tuple(replace(effect, f=None, p=None) for effect in found.effects))


def _grid(levels: Mapping[str, Mapping[str, str]]) -> tuple[list[str], list[int], list[str]]:
    """Return the variants in the order of the grid's cells, its shape, and its factors."""
    names = list(dict.fromkeys(name for cell in levels.values() for name in cell))
    scales = [list(dict.fromkeys(cell.get(name, "") for cell in levels.values())) for name in names]
    variants = {tuple(cell.get(name, "") for name in names): variant for variant, cell in levels.items()}
    cells = list(product(*scales))
    missing = [cell for cell in cells if cell not in variants]
    if missing or len(levels) != len(cells):
        first = f"; missing: {' x '.join(missing[0])}" if missing else ""
        raise ValueError(
            f"a grid must have each of its {len(cells)} cells once; got {len(levels)} variants{first}"
        )
    return [variants[cell] for cell in cells], [len(scale) for scale in scales], names


def _complete_seeds(cells: Sequence[Mapping[int, float]]) -> list[int]:
    finite = [{seed for seed, value in cell.items() if isfinite(value)} for cell in cells]
    return sorted(set.intersection(*finite)) if finite else []


def _analyse(values: Floats, names: Sequence[str]) -> Importance:
    """Split the variation of `values` into effects; each axis is a factor, and the last one the seeds."""
    deviations = values - values.mean()
    deviations[np.abs(deviations) <= ROUNDING * np.abs(values).max()] = 0.0
    tested = [axes for size in (1, 2) for axes in combinations(range(len(names)), size)]
    squares = [_squares(deviations, axes) for axes in tested]
    degrees = [prod(values.shape[axis] - 1 for axis in axes) for axes in tested]
    seeds = _squares(deviations, (len(names),))
    total = float((deviations**2).sum())
    residual = total - seeds - sum(squares)
    rest = residual if residual > ROUNDING * total else 0.0
    rest_degrees = values.size - values.shape[-1] - sum(degrees)
    effects = [
        Effect(
            tuple(names[axis] for axis in axes),
            _share(square, total),
            df,
            *_f(square, df, rest, rest_degrees),
        )
        for axes, square, df in zip(tested, squares, degrees, strict=True)
    ]
    ranked = tuple(sorted(effects, key=lambda effect: -effect.share))
    return Importance(ranked, _share(seeds, total), _share(rest, total), values.shape[-1])


def _share(part: float, total: float) -> float:
    return part / total if total else 0.0


def _squares(deviations: Floats, axes: tuple[int, ...]) -> float:
    """Return the sum of squares of an effect: of its cell means, minus what its single factors explain."""
    means = _means(deviations, axes)
    if len(axes) == 2:
        means = means - _means(deviations, axes[:1]) - _means(deviations, axes[1:])
    repeats = deviations.size / means.size
    return float((means**2).sum() * repeats)


def _means(deviations: Floats, axes: tuple[int, ...]) -> Floats:
    others = tuple(axis for axis in range(deviations.ndim) if axis not in axes)
    return np.asarray(deviations.mean(axis=others, keepdims=True), dtype=np.float64)


def _f(square: float, df: int, rest: float, rest_df: int) -> tuple[float | None, float | None]:
    if rest_df <= 0 or df <= 0 or rest == 0:
        return None, None
    f = (square / df) / (rest / rest_df)
    return f, float(fdtrc(df, rest_df, f))
