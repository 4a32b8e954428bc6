"""Which rows replicates test: parts of all rows, classes in proportion, groups whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.data.resampling import fold_of, group_rows, split_rows

LABELS = np.repeat([0, 1, 2], [60, 30, 10])


@given(test=st.floats(0.05, 0.9), seed=st.integers(0, 1000))
def test_a_split_tests_its_part_with_classes_in_proportion(test: float, seed: int) -> None:
    rows = split_rows(LABELS, test, seed)
    assert len(rows) == round(test * 100) and list(rows) == sorted(set(rows.tolist()))
    counts = np.bincount(LABELS[rows], minlength=3)
    assert np.abs(counts - len(rows) * np.array([0.6, 0.3, 0.1])).max() <= 1


def test_splits_of_other_seeds_are_others() -> None:
    assert len({split_rows(LABELS, 0.2, seed).tobytes() for seed in range(20)}) == 20


@given(k=st.integers(2, 10), seed=st.integers(0, 100), grouped=st.booleans())
def test_folds_partition_all_rows(k: int, seed: int, grouped: bool) -> None:
    groups = np.arange(100) // 5 if grouped else None
    folds = [fold_of(LABELS, groups, number, k, seed, by_class=True) for number in range(k)]
    assert sorted(np.concatenate(folds).tolist()) == list(range(100))
    if groups is not None:
        owners = [set(groups[fold].tolist()) for fold in folds]
        assert sum(map(len, owners)) == len(set.union(*owners)), "no group is in two folds"


@given(test=st.floats(0.1, 0.8), seed=st.integers(0, 100))
def test_groups_are_on_one_side(test: float, seed: int) -> None:
    groups = np.random.default_rng(seed).integers(0, 12, 90)
    tested = group_rows(groups, test, seed)
    left = np.setdiff1d(np.arange(90), tested)
    assert len(tested) and len(left)
    assert not set(groups[tested].tolist()) & set(groups[left].tolist())


def test_impossible_parts_are_refused() -> None:
    with pytest.raises(DataError, match=r"replicates\.test: 0\.01 of 10 rows leaves none to test"):
        split_rows(LABELS[:10], 0.01, 0)
    with pytest.raises(DataError, match="over groups needs two groups or more"):
        group_rows(np.zeros(9, int), 0.2, 0)
    with pytest.raises(DataError, match="fold: must be k of n"):
        fold_of(LABELS[:3], None, 0, 5, 0, by_class=True)
