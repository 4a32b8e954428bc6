"""Replicates that share rows which train: the corrected t test of Nadeau and Bengio."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.resampled import resampled
from pipeline.stats.compare import compare
from pipeline.stats.intervals import t_interval

A = [0.91, 0.94, 0.92, 0.95, 0.93, 0.96, 0.92, 0.94, 0.95, 0.93]
B = [0.90, 0.92, 0.92, 0.93, 0.93, 0.93, 0.91, 0.92, 0.94, 0.92]


def test_the_closed_form() -> None:
    differences = np.array(A) - np.array(B)
    error = np.sqrt((1 / 10 + 0.25) * differences.var(ddof=1))
    t = differences.mean() / error
    measured = {"b": dict(enumerate(B)), "a": dict(enumerate(A))}
    found = compare(measured, "b", 0.0, overlap=0.25)["a"]
    assert found.p == pytest.approx(2 * stats.t.sf(t, 9))
    half = stats.t.ppf(0.975, 9) * error
    assert found.difference is not None and found.difference.low is not None
    assert found.difference.low == pytest.approx(differences.mean() - half)
    assert found.p_signs is None and found.seeds_needed is None
    plain = compare(measured, "b", 0.0)["a"]
    assert plain.p is not None and found.p is not None and plain.p < found.p / 10
    mean = t_interval(A, overlap=0.25)
    assert mean.low is not None
    assert mean.mean - mean.low == pytest.approx(
        stats.t.ppf(0.975, 9) * np.std(A, ddof=1) * np.sqrt(0.1 + 0.25)
    )


def test_equal_steps_on_all_replicates_are_no_certainty() -> None:
    measured = {"b": dict(enumerate(B)), "a": {seed: value + 0.01 for seed, value in enumerate(B)}}
    assert compare(measured, "b", 0.0)["a"].verdict == "better"
    assert compare(measured, "b", 0.0, overlap=0.25)["a"].verdict == "inconclusive"


def test_equal_models_are_seldom_called_different() -> None:
    cases = {case.name: case for case in resampled(np.random.default_rng(7), 4000)}
    assert all(case.holds for case in cases.values())
    plain = [case.rate for name, case in cases.items() if "plain" in name and "twice" not in name]
    assert plain[0] > 0.2, "what this is about"
