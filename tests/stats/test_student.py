"""Reference values: Student's own example of 1908, the hours of sleep won by ten patients under two drugs."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.stats.student import (
    difference_p,
    equivalence_p,
    holm,
    limits,
    paired,
    welch,
)

LAEVO = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
DEXTRO = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]

probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)
samples = st.lists(st.integers(-1000, 1000), min_size=2, max_size=8)


def test_paired_test_of_students_sleep_data() -> None:
    estimate = paired(LAEVO, DEXTRO)
    assert estimate.mean / estimate.error == pytest.approx(4.0621, abs=1e-4)
    assert difference_p(estimate) == pytest.approx(0.002833, abs=1e-6)
    assert limits(estimate) == pytest.approx((0.7001142, 2.4598858), abs=1e-6)


def test_welch_test_of_students_sleep_data() -> None:
    estimate = welch(LAEVO, DEXTRO)
    assert estimate.mean / estimate.error == pytest.approx(1.8608, abs=1e-4)
    assert estimate.df == pytest.approx(17.776, abs=1e-3)
    assert difference_p(estimate) == pytest.approx(0.07939, abs=1e-5)
    assert limits(estimate) == pytest.approx((-0.2054832, 3.3654832), abs=1e-6)
    assert estimate.deviation == pytest.approx(np.sqrt(np.var(LAEVO, ddof=1) + np.var(DEXTRO, ddof=1)))


def test_welch_with_unequal_numbers_agrees_with_scipy() -> None:
    expected = stats.ttest_ind(LAEVO, DEXTRO[:4], equal_var=False)
    estimate = welch(LAEVO, DEXTRO[:4])
    assert difference_p(estimate) == pytest.approx(expected.pvalue, rel=1e-9)
    assert estimate.n == 4


def test_equivalence_by_hand() -> None:
    """Mean and deviation 0.1, n = 5, margin 0.3: t = 0.2 / (0.1 / sqrt 5) = 4.472, 4 degrees of freedom."""
    differences = 0.1 + 0.1 * np.array([-2, -1, 0, 1, 2]) / np.sqrt(2.5)
    p = equivalence_p(paired(differences, np.zeros(5)), 0.3)
    assert p == pytest.approx(0.005528, abs=1e-6)


@pytest.mark.parametrize("margin", [0.5, 1.58, 3.0])
def test_equivalence_is_the_larger_of_two_one_sided_tests(margin: float) -> None:
    differences = np.array(LAEVO) - np.array(DEXTRO)
    above = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    assert equivalence_p(paired(LAEVO, DEXTRO), margin) == pytest.approx(max(above, below), rel=1e-9)


def test_equal_differences_leave_only_shuffling() -> None:
    estimate = paired([0.91, 0.81, 0.71], [0.9, 0.8, 0.7])
    assert estimate.deviation == 0
    assert difference_p(estimate) == 2 / 2**3
    assert equivalence_p(estimate, 0.02) == 1 / 2**3
    assert equivalence_p(estimate, 0.005) == 1
    assert np.isnan(limits(estimate)).all()


def test_constant_sides_leave_only_shuffling_to_welch_too() -> None:
    estimate = welch([2.0, 2.0, 2.0], [1.0, 1.0])
    assert difference_p(estimate) == pytest.approx(2 / 10)


@pytest.mark.parametrize(("seeds", "equivalence"), [(2, 1 / 4), (4, 1 / 16), (5, 0.0), (9, 0.0)])
def test_equal_results_are_identical_from_five_seeds_on(seeds: int, equivalence: float) -> None:
    estimate = paired([0.9] * seeds, [0.9] * seeds)
    assert difference_p(estimate) == 1
    assert equivalence_p(estimate, 0.002) == equivalence
    assert [float(end) for end in limits(estimate)] == [0, 0]


def test_holm_by_hand() -> None:
    """Sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, and the last may not fall below .06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(probabilities)
def test_holm_never_lowers_a_p_keeps_their_order_and_stays_below_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    assert np.all(adjusted >= p)
    assert np.all(adjusted <= np.minimum(np.array(p) * len(p), 1.0))
    assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0)


@given(probabilities, st.randoms())
def test_holm_does_not_depend_on_the_order(p: list[float], random: Random) -> None:
    order = list(range(len(p)))
    random.shuffle(order)
    assert holm(np.array(p)[order]).tolist() == holm(p)[order].tolist()


def test_every_axis_before_the_last_is_another_study() -> None:
    rng = np.random.default_rng(1)
    values, baseline = rng.normal(size=(4, 3, 5)), rng.normal(size=(4, 1, 5))
    together = paired(values, baseline)
    alone = paired(values[2, 1], baseline[2, 0])
    assert difference_p(together)[2, 1] == difference_p(alone)
    assert equivalence_p(together, 0.5)[2, 1] == equivalence_p(alone, 0.5)
    assert holm(difference_p(together))[2].tolist() == holm(difference_p(together)[2]).tolist()


@given(samples, st.integers(-10_000, 10_000), st.sampled_from([1e-3, 1.0, 1e4]))
def test_shift_and_scale_do_not_change_p(sample: list[int], shift: int, scale: float) -> None:
    variant, baseline = np.array(sample, float), np.zeros(len(sample))
    plain = difference_p(paired(variant, baseline))
    moved = difference_p(paired((variant + shift) * scale, (baseline + shift) * scale))
    assert moved == pytest.approx(plain, rel=1e-6, abs=1e-9)


@given(samples, st.integers(1, 500))
def test_exchanging_the_sides_mirrors_everything(sample: list[int], margin: int) -> None:
    ours, theirs = paired(sample, [0] * len(sample)), paired([0] * len(sample), sample)
    assert ours.mean == -theirs.mean
    assert difference_p(ours) == difference_p(theirs)
    assert equivalence_p(ours, margin) == equivalence_p(theirs, margin)
