"""One answer across data sets: Student's t over their differences."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from pipeline.stats.across import across


def test_it_is_a_t_test_over_data_sets() -> None:
    differences = [0.4, 0.7, 0.5, 0.6]
    result = across({"a": differences}, margin=0.1)["a"]
    reference = scipy_stats.ttest_1samp(differences, 0)
    ends = reference.confidence_interval()
    assert result.p == pytest.approx(reference.pvalue) and result.mean == pytest.approx(0.55)
    assert (result.low, result.high) == (pytest.approx(ends.low), pytest.approx(ends.high))
    assert result.verdict == "better" and across({"a": differences}, 0.1, False)["a"].verdict == "worse"


def test_variants_are_corrected_for_each_other() -> None:
    values = {"a": [0.4, 0.7, 0.5], "b": [0.1, -0.1, 0.05]}
    alone = across({"a": values["a"]}, 0.0)["a"].p
    assert alone is not None and across(values, 0.0)["a"].p == pytest.approx(2 * alone)


def test_two_data_sets_allow_no_verdict() -> None:
    result = across({"a": [0.5, 0.5]}, 0.1)["a"]
    assert (result.p, result.low, result.verdict) == (None, None, "inconclusive")
    assert "fewer than three" in result.sentence("a")


def test_equal_within_the_margin() -> None:
    assert across({"a": [0.01, -0.01, 0.0, 0.005]}, margin=0.2)["a"].verdict == "practically equal"


def test_its_interval_covers_the_mean_of_such_data_sets() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        truths = 1.0 + random.normal(0, 0.8, 3)  # effects differ between data sets
        seen = [truth + random.normal(0, 0.4) for truth in truths]
        result = across({"a": seen}, 0.0)["a"]
        assert result.low is not None and result.high is not None
        covered += result.low <= 1.0 <= result.high
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)
