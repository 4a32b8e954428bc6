"""The levels of several looks, against published tables, simulation and what they must not depend on."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from pipeline.stats.levels import Taken, _beyond, critical, last_level, level, statistic
from pipeline.stats.plans import Plan, looks_of

LOOKS = (5, 10, 20, 30)


def levels(alpha: float, looks: Sequence[int], pairs: Sequence[int] | None = None) -> list[float]:
    taken = [Taken(seeds, n, 0.0) for seeds, n in zip(looks, pairs or looks, strict=True)]
    return [level(alpha, (Plan(tuple(looks)),), taken[: index + 1]) for index in range(len(taken))]


@pytest.mark.parametrize(
    ("alpha", "looks", "expected"),
    [
        (0.05, LOOKS, (".008333", ".009459", ".01959", ".02585")),
        (0.025, LOOKS, (".004167", ".004571", ".009419", ".01209")),
        (0.05 / 9, LOOKS, (".0009259", ".0009688", ".001980", ".002411")),
        (0.05, (5, 10, 20), (".01250", ".01454", ".03021")),
        (0.025, (5, 10, 20), (".006250", ".006986", ".01444")),
        (0.05 / 9, (5, 10, 20), (".001389", ".001468", ".003005")),
    ],
)
def test_the_levels_are_those_of_the_method_to_every_digit(
    alpha: float, looks: tuple[int, ...], expected: Sequence[str]
) -> None:
    for found, written in zip(levels(alpha, looks), expected, strict=True):
        digits = len(written.lstrip(".").lstrip("0"))
        assert float(f"{found:.{digits}g}") == pytest.approx(float(written), rel=1e-12)


@given(alpha=st.floats(1e-4, 0.2), seeds=st.integers(2, 500))
def test_a_single_look_has_the_whole_level(alpha: float, seeds: int) -> None:
    assert levels(alpha, [seeds]) == [pytest.approx(alpha)]


@settings(max_examples=30, deadline=None)
@given(
    alpha=st.floats(1e-3, 0.06),
    factor=st.floats(1.05, 4.0),
    looks=st.sampled_from([LOOKS, (5, 10, 20), (4, 8)]),
)
def test_a_level_never_falls_as_alpha_grows(alpha: float, factor: float, looks: tuple[int, ...]) -> None:
    """Lowering the number of open variants must not make a rejection harder: the step-down method depends on it."""
    for lower, higher in zip(levels(alpha, looks), levels(factor * alpha, looks), strict=True):
        assert lower < higher


def rejected(differences: np.ndarray, looks: Sequence[int], pairs: Sequence[int], alpha: float) -> float:
    """Return the part of rows in which some look rejects."""
    hits = np.zeros(len(differences), bool)
    for at, n in zip(levels(alpha, looks, pairs), pairs, strict=True):
        drawn = differences[:, :n]
        t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / np.sqrt(n))
        hits |= np.abs(t) >= critical(at, n) if at > 0 else False
    return float(hits.mean())


@pytest.mark.parametrize(
    "pairs", [(5, 10, 20, 30), (4, 9, 18, 27), (5, 6, 8, 12), (3, 5, 8, 11), (5, 5, 10, 20)]
)
def test_all_looks_together_reject_a_true_null_in_five_per_cent_though_pairs_are_lost(
    pairs: tuple[int, ...],
) -> None:
    differences = np.random.default_rng(1).normal(size=(200_000, max(pairs)))
    assert rejected(differences, LOOKS, pairs, 0.05) == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("added", [1, 2, 3, 7])
def test_the_next_statistic_is_distributed_as_simulated(added: int) -> None:
    random, known, u = np.random.default_rng(2), 6, 0.35
    first = random.normal(size=(200_000, known))
    centred = first - first.mean(axis=1, keepdims=True)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    turned = u / np.sqrt(known) + np.sqrt(1 - u**2) * unit
    length = np.sqrt(random.chisquare(known, size=(200_000, 1)))
    both = np.hstack([length * turned, random.normal(size=(200_000, added))])
    later = both.sum(axis=1) / np.sqrt(both.shape[1] * np.square(both).sum(axis=1))
    for x in (0.1, 0.4, 0.7):
        expected = float(_beyond(x, np.array([u]), known, added)[0])
        assert (np.abs(later) >= x).mean() == pytest.approx(expected, abs=0.004)


def test_t_and_u_say_the_same() -> None:
    d = np.random.default_rng(3).normal(0.4, 1, 9)
    t = float(scipy_stats.ttest_1samp(d, 0).statistic)
    assert statistic(t, 9) == pytest.approx(d.sum() / np.sqrt(9 * np.square(d).sum()))


def test_looks_follow_the_plans() -> None:
    assert looks_of((Plan((5, 10, 20)),)) == (5, 10, 20)
    assert looks_of((Plan((5, 10, 20), changed=10), Plan((5, 10, 20, 40)))) == (5, 10, 20, 40)
    assert looks_of((Plan((5, 10, 20), changed=5), Plan((7, 14)))) == (5, 7, 14)
    assert looks_of((Plan((5,), changed=5), Plan((10,)))) == (5,), "a finished plan leaves nothing to spend"


def test_after_a_finished_plan_nothing_is_left() -> None:
    plans = (Plan((5,), changed=5), Plan((10,)))
    assert level(0.05, plans, [Taken(5, 5, 0.2), Taken(10, 10, 0.0)]) == 0.0


def test_what_is_left_is_spent_whatever_was_seen() -> None:
    """An unfinished plan may be changed by what was seen: the error stays, under the greediest of rules."""
    random = np.random.default_rng(4)
    differences = random.normal(size=(6_000, 60))
    hits = 0
    first = (Plan((5, 10, 20, 30)),)
    for row in differences:
        taken = [Taken(n, n, _u(row[:n])) for n in (5, 10)]
        if any(_rejects(row, first, taken[: k + 1]) for k in (0, 1)):
            hits += 1
            continue
        promising = abs(taken[1].u) > 0.3
        longer = (Plan((5, 10, 20, 30), changed=10), Plan((5, 10, 60) if promising else (5, 10, 15)))
        seeds = 60 if promising else 15
        hits += _rejects(row, longer, [*taken, Taken(seeds, seeds, 0.0)])
    assert hits / len(differences) == pytest.approx(0.05, abs=2.5 * np.sqrt(0.05 * 0.95 / len(differences)))


def test_an_unchanged_plan_declared_again_leaves_the_last_level_as_it_was() -> None:
    """Between its looks the same seeds are added, so what is left is spent on the same looks."""
    taken = [Taken(5, 5, 0.1), Taken(10, 10, 0.25), Taken(20, 20, 0.0)]
    same = (Plan((5, 10, 20), changed=10), Plan((5, 10, 20)))
    assert level(0.05, same, taken) == pytest.approx(level(0.05, (Plan((5, 10, 20)),), taken), rel=1e-4)


def test_the_last_level_is_that_of_the_last_look_planned() -> None:
    assert last_level(0.05, (Plan(LOOKS),), [Taken(5, 5, 0.2)]) == pytest.approx(levels(0.05, LOOKS)[-1])


def _u(values: np.ndarray) -> float:
    return float(values.sum() / np.sqrt(len(values) * np.square(values).sum()))


def _rejects(row: np.ndarray, plans: tuple[Plan, ...], taken: Sequence[Taken]) -> bool:
    at, n = level(0.05, plans, taken), taken[-1].pairs
    return at > 0 and abs(_u(row[:n])) >= statistic(critical(at, n), n)
