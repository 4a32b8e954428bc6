import math
from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats

from pipeline.stats.factors import Effect, Importance, importance

Levels = dict[str, dict[str, str]]
Values = dict[str, dict[int, float]]


def grid(shape: dict[str, int]) -> Levels:
    cells = product(*(range(count) for count in shape.values()))
    return {"-".join(map(str, c)): dict(zip(shape, map(str, c), strict=True)) for c in cells}


def measured(levels: Levels, seeds: int = 4, noise: float = 0.3) -> Values:
    rng = np.random.default_rng(3)
    luck = rng.normal(size=seeds)
    return {
        variant: {
            s: float(sum(map(int, cell.values())) + luck[s] + rng.normal(0, noise)) for s in range(seeds)
        }
        for variant, cell in levels.items()
    }


def analyse(levels: Levels, values: Values) -> Importance:
    analysis = importance(levels, values)
    assert analysis is not None
    return analysis


def by_factors(analysis: Importance) -> dict[tuple[str, ...], Effect]:
    return {effect.factors: effect for effect in analysis.effects}


def residual(columns: list[np.ndarray], y: np.ndarray) -> float:
    design = np.column_stack([np.ones(len(y)), *columns])
    return float(((y - design @ np.linalg.lstsq(design, y, rcond=None)[0]) ** 2).sum())


def dummies(labels: list[object]) -> np.ndarray:
    kinds = sorted(set(labels), key=str)
    return np.array([[label == kind for kind in kinds[1:]] for label in labels], float)


@pytest.mark.parametrize("shape", [{"a": 2, "b": 3}, {"a": 2, "b": 2, "c": 3}])
def test_shares_and_p_are_those_of_nested_regressions(shape: dict[str, int]) -> None:
    levels = grid(shape)
    values = measured(levels)
    rows = [(cell, seed, values[name][seed]) for name, cell in levels.items() for seed in values[name]]
    y = np.array([value for _, _, value in rows])
    config = {
        kept: dummies([tuple(cell[f] for f in kept) for cell, _, _ in rows])
        for size in (1, 2)
        for kept in combinations(shape, size)
    }
    block = dummies([seed for _, seed, _ in rows])
    full = residual([block, *config.values()], y)
    total = residual([], y)
    effects = by_factors(analyse(levels, values))
    used = 4 - 1 + sum(effect.df for effect in effects.values())
    for kept, effect in effects.items():
        others = [c for other, c in config.items() if other != kept and not set(kept) < set(other)]
        square = residual([block, *others], y) - residual([block, *others, config[kept]], y)
        f = (square / effect.df) / (full / (len(y) - 1 - used))
        assert effect.share == pytest.approx(square / total, abs=1e-9)
        assert effect.p == pytest.approx(stats.f.sf(f, effect.df, len(y) - 1 - used), rel=1e-6)


def test_all_shares_add_up_to_one() -> None:
    analysis = analyse(grid({"a": 2, "b": 3, "c": 2}), measured(grid({"a": 2, "b": 3, "c": 2})))
    assert sum(effect.share for effect in analysis.effects) + analysis.seeds + analysis.rest == pytest.approx(
        1
    )
    assert list(analysis.effects) == sorted(analysis.effects, key=lambda effect: -effect.share)


def test_a_pure_interaction_is_nothing_else() -> None:
    levels = grid({"a": 2, "b": 2})
    xor = {"0-0": 0.0, "0-1": 1.0, "1-0": 1.0, "1-1": 0.0}
    analysis = analyse(levels, {name: {0: value, 1: value} for name, value in xor.items()})
    shares = {factors: effect.share for factors, effect in by_factors(analysis).items()}
    assert shares == pytest.approx({("a",): 0, ("b",): 0, ("a", "b"): 1})
    assert (analysis.seeds, analysis.rest) == (0, 0)


def test_hand_calculated_main_effects() -> None:
    """Cells 0 1 / 3 4: a moves by 3, b by 1, so their sums of squares are as 9 to 1."""
    levels = grid({"a": 2, "b": 2})
    cells = {"0-0": 0.0, "0-1": 1.0, "1-0": 3.0, "1-1": 4.0}
    effects = by_factors(analyse(levels, {name: {0: value} for name, value in cells.items()}))
    assert effects[("a",)].share == pytest.approx(0.9)
    assert effects[("b",)].share == pytest.approx(0.1)
    assert effects[("a", "b")].share == pytest.approx(0)


def test_without_replicates_nothing_is_left_to_test_against() -> None:
    levels = grid({"a": 2, "b": 2})
    assert all(effect.p is None for effect in analyse(levels, measured(levels, seeds=1)).effects)


@pytest.mark.parametrize("value", [0.9, 0.1, 1 / 3, 0.0])
def test_equal_results_everywhere_explain_nothing(value: float) -> None:
    levels = grid({"a": 2, "b": 3})
    analysis = analyse(levels, {name: dict.fromkeys(range(5), value) for name in levels})
    assert {(effect.share, effect.f, effect.p) for effect in analysis.effects} == {(0.0, None, None)}


def test_only_seeds_finished_in_every_cell_count() -> None:
    levels = grid({"a": 2, "b": 2})
    values = measured(levels)
    values["0-0"][2] = math.nan
    del values["1-1"][0]
    assert analyse(levels, values).n == 2
    assert importance(levels, values | {"0-1": {2: 0.5}}) is None
    assert importance(levels, {}) is None


def test_the_luck_of_a_seed_is_not_held_against_a_factor() -> None:
    levels = grid({"a": 2, "b": 2})
    plain = measured(levels)
    lucky = {name: {seed: value + 10 * seed for seed, value in row.items()} for name, row in plain.items()}
    p = by_factors(analyse(levels, plain))[("a",)].p
    assert by_factors(analyse(levels, lucky))[("a",)].p == pytest.approx(p)


def test_a_grid_with_a_hole_is_refused() -> None:
    levels = grid({"a": 2, "b": 2})
    del levels["1-0"]
    with pytest.raises(ValueError, match="got 3 variants; missing: 1 x 0"):
        importance(levels, {})
    with pytest.raises(ValueError, match="each of its 4 cells once; got 5"):
        importance(grid({"a": 2, "b": 2}) | {"again": {"a": "0", "b": "0"}}, {})
