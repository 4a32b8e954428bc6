"""The e-process for the t statistic: its formula, its inverse, and its error however often it is looked at."""

from math import exp, inf, log, sqrt

import numpy as np
import pytest

from pipeline.stats.anytime import anytime_critical, anytime_level, evidence


def test_the_formula_is_that_of_the_paper() -> None:
    t, n = 2.5, 12
    r = 1 / (n + 1)
    expected = sqrt(r) * ((1 + t**2 / (n - 1)) / (1 + r * t**2 / (n - 1))) ** (n / 2)
    assert exp(evidence(t, n)) == pytest.approx(expected)


@pytest.mark.parametrize("n", [5, 12, 40])
def test_the_critical_t_is_where_the_evidence_suffices(n: int) -> None:
    t = anytime_critical(0.05, n)
    assert evidence(t, n) == pytest.approx(log(20))
    assert 0 < anytime_level(0.05, n) < 0.05


def test_very_few_pairs_can_show_nothing() -> None:
    assert anytime_critical(0.001, 2) == inf and anytime_level(0.001, 2) == 0.0


def test_looking_after_every_seed_is_wrong_in_less_than_five_per_cent() -> None:
    random, hits = np.random.default_rng(5), 0
    studies = 4000
    critical = {n: anytime_critical(0.05, n) for n in range(2, 31)}
    for row in random.normal(size=(studies, 30)):
        sums, squares = np.cumsum(row), np.cumsum(row**2)
        hits += any(_t(sums[n - 1], squares[n - 1], n) >= critical[n] for n in range(2, 31))
    assert hits / studies <= 0.05


def _t(total: float, squares: float, n: int) -> float:
    mean = total / n
    return float(abs(mean) / sqrt((squares / n - mean**2) / (n - 1)))
