"""Which factors of a grid matter, alone and two at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import isfinite, prod

import numpy as np
from scipy.special import fdtrc

from pipeline.stats.student import ROUNDING, Floats


@dataclass(frozen=True)
class Effect:
    """What one factor, or two in interaction, explains of the variation between runs.

    `share` is eta squared, 0 to 1; `df` the degrees of freedom; `f` and `p` the F test against what is left,
    None where nothing is left to test against.
    """

    factors: tuple[str, ...]
    share: float
    df: int
    f: float | None
    p: float | None


@dataclass(frozen=True)
class Importance:
    """All effects of a grid, the largest first; with `seeds` and `rest` the shares add up to 1.

    `seeds` is the share of the replicates themselves (a lucky seed is lucky for all), `rest` that of chance
    and of interactions of three or more factors, `n` the number of seeds every cell has.
    """

    effects: tuple[Effect, ...]
    seeds: float
    rest: float
    n: int


def importance(
    levels: Mapping[str, Mapping[str, str]], measurements: Mapping[str, Mapping[int, float]]
) -> Importance | None:
    """Return the analysis of variance of a full grid, or None where no seed has a finite value in every cell.

    `levels` map variant -> factor -> level and name every combination exactly once; `measurements` map
    variant -> replicate seed -> value. Seeds are shared by all cells and therefore a block of their own.
    Source: R. A. Fisher, "The design of experiments" (1935). Raises ValueError when the combinations are no
    full grid.
    """
    cells, shape, names = _grid(levels)
    seeds = _complete_seeds([measurements.get(cell, {}) for cell in cells])
    if not seeds:
        return None
    values = np.array([[measurements[cell][seed] for seed in seeds] for cell in cells], dtype=np.float64)
    return _analyse(values.reshape(*shape, len(seeds)), names)


def _grid(levels: Mapping[str, Mapping[str, str]]) -> tuple[list[str], list[int], list[str]]:
    """Return the variants in the order of the grid's cells, its shape, and its factors."""
    names = list(dict.fromkeys(name for chosen in levels.values() for name in chosen))
    scales = [list(dict.fromkeys(chosen.get(name, "") for chosen in levels.values())) for name in names]
    variants = {tuple(chosen.get(name, "") for name in names): variant for variant, chosen in levels.items()}
    cells = list(product(*scales))
    missing = [cell for cell in cells if cell not in variants]
    if missing or len(levels) != len(cells):
        first = f"; missing: {' x '.join(missing[0])}" if missing else ""
        raise ValueError(
            f"a grid has each of its {len(cells)} cells once; received {len(levels)} variants{first}"
        )
    return [variants[cell] for cell in cells], [len(scale) for scale in scales], names


def _complete_seeds(cells: Sequence[Mapping[int, float]]) -> list[int]:
    finite = [{seed for seed, value in cell.items() if isfinite(value)} for cell in cells]
    return sorted(set.intersection(*finite)) if finite else []


def _analyse(values: Floats, names: Sequence[str]) -> Importance:
    """Split the variation of `values`, one axis a factor and the last one seeds, into effects."""
    deviations = values - values.mean()
    deviations[np.abs(deviations) <= ROUNDING * np.abs(values).max()] = 0.0
    kept = [axes for size in (1, 2) for axes in combinations(range(len(names)), size)]
    squares = [_squares(deviations, axes) for axes in kept]
    degrees = [prod(values.shape[axis] - 1 for axis in axes) for axes in kept]
    seeds = _squares(deviations, (len(names),))
    total = float((deviations**2).sum())
    left = total - seeds - sum(squares)
    rest = left if left > ROUNDING * total else 0.0
    rest_degrees = values.size - values.shape[-1] - sum(degrees)
    effects = [
        Effect(
            tuple(names[axis] for axis in axes),
            _share(square, total),
            df,
            *_f(square, df, rest, rest_degrees),
        )
        for axes, square, df in zip(kept, squares, degrees, strict=True)
    ]
    ranked = tuple(sorted(effects, key=lambda effect: -effect.share))
    return Importance(ranked, _share(seeds, total), _share(rest, total), values.shape[-1])


def _share(part: float, total: float) -> float:
    return part / total if total else 0.0


def _squares(deviations: Floats, kept: tuple[int, ...]) -> float:
    """Return the sum of squares of an effect: of its cell means, less what its single factors explain."""
    means = _means(deviations, kept)
    if len(kept) == 2:
        means = means - _means(deviations, kept[:1]) - _means(deviations, kept[1:])
    repeats = deviations.size / means.size
    return float((means**2).sum() * repeats)


def _means(deviations: Floats, kept: tuple[int, ...]) -> Floats:
    others = tuple(axis for axis in range(deviations.ndim) if axis not in kept)
    return np.asarray(deviations.mean(axis=others, keepdims=True), dtype=np.float64)


def _f(square: float, df: int, rest: float, rest_df: int) -> tuple[float | None, float | None]:
    if rest_df <= 0 or df <= 0 or rest == 0:
        return None, None
    f = (square / df) / (rest / rest_df)
    return f, float(fdtrc(df, rest_df, f))
