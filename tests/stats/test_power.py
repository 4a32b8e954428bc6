import numpy as np
import pytest

from pipeline.stats.power import seeds_needed
from pipeline.stats.student import difference_p, equivalence_p, paired


@pytest.mark.parametrize(("effect", "published"), [(0.2, 199), (0.5, 34), (0.8, 15), (1.0, 10)])
def test_numbers_for_a_difference_are_cohens(effect: float, published: int) -> None:
    assert seeds_needed(effect, 1.0, margin=0.0) == published
    assert seeds_needed(-3 * effect, 3.0, margin=0.0) == published


def test_equality_needs_as_many_seeds_as_simulation_says() -> None:
    needed = seeds_needed(0.1, 1.0, margin=0.8)
    assert needed is not None
    rng = np.random.default_rng(0)
    settled = {n: _share_equal(rng, n) for n in (needed - 2, needed)}
    assert settled[needed] == pytest.approx(0.8, abs=0.03)
    assert settled[needed - 2] < 0.8


def _share_equal(rng: np.random.Generator, n: int) -> float:
    values = rng.normal(0.1, 1.0, size=(20_000, n))
    return float(np.mean(equivalence_p(paired(values, np.zeros_like(values)), 0.8) <= 0.05))


def test_power_at_the_number_returned_is_as_simulated_with_a_corrected_level() -> None:
    needed = seeds_needed(1.0, 1.0, margin=0.0, alpha=0.05 / 9)
    assert needed is not None
    values = np.random.default_rng(0).normal(1.0, 1.0, size=(20_000, needed))
    significant = difference_p(paired(values, np.zeros_like(values))) <= 0.05 / 9
    assert 0.79 < significant.mean() < 0.85


def test_the_quicker_of_difference_and_equality_counts() -> None:
    alone = seeds_needed(0.1, 1.0, margin=0.0)
    with_margin = seeds_needed(0.1, 1.0, margin=2.0)
    assert alone is not None
    assert with_margin is not None
    assert with_margin < 10 < alone


def test_what_a_thousand_seeds_cannot_settle_gives_none() -> None:
    assert seeds_needed(0.01, 1.0, margin=0.0) is None
    assert seeds_needed(0.0, 1.0, margin=0.01) is None


def test_huge_effects_need_few() -> None:
    assert seeds_needed(1e6, 1.0, margin=0.0) in {2, 3}


@pytest.mark.parametrize(("difference", "needed"), [(0.0, 5), (0.1, 5), (0.5, 6)])
def test_equal_differences_are_settled_by_shuffled_signs(difference: float, needed: int) -> None:
    assert seeds_needed(difference, 0.0, margin=0.2) == needed
