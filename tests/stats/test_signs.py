"""The sign-flip test: exact, symmetric, and right where noise is skewed alike for both."""

import numpy as np
import pytest
from scipy import stats

from pipeline.stats.signs import sign_flip_p


def test_the_smallest_p_is_that_of_equal_signs() -> None:
    assert sign_flip_p([1.0] * 10) == pytest.approx(2 / 2**10)
    assert sign_flip_p([1.0] * 7) is None


@pytest.mark.parametrize("n", [9, 13, 30])
def test_it_agrees_with_scipys_permutation_test(n: int) -> None:
    d = np.random.default_rng(n).normal(0.4, 1, n)
    reference = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=20_000, rng=1)
    assert sign_flip_p(list(d)) == pytest.approx(reference.pvalue, abs=0.01)


def test_differences_of_one_skewed_distribution_are_rejected_in_five_per_cent() -> None:
    random = np.random.default_rng(3)
    p = [sign_flip_p(list(random.exponential(1, 10) - random.exponential(1, 10))) for _ in range(600)]
    assert np.mean([value is not None and value <= 0.05 for value in p]) == pytest.approx(0.05, abs=0.02)
