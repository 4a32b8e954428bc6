"""Which rows are tested where each replicate tests another part of all rows."""

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.data.split import Indices, Labels, fold_rows, group_fold, stratified_sample


def split_rows(labels: Labels, test: float, seed: int) -> Indices:
    """Return a random part `test` of all rows, ascending; all classes of `labels` [n] in proportion.

    Raises `DataError` where that leaves no row on one side.

    Example: `split_rows(np.array([0, 1] * 50), 0.2, seed=0)` are 20 rows, ten of each class.
    """
    count = round(test * len(labels))
    if not 0 < count < len(labels):
        raise DataError(
            f"replicates.test: {test:g} of {len(labels)} rows leaves none to test, or none to train"
        )
    return stratified_sample(labels, count, seed).astype(np.int32)


def group_rows(groups: NDArray[np.integer], test: float, seed: int) -> Indices:
    """Return the rows of a random part `test` of all `groups` [n], ascending; raises `DataError` for a single group."""
    from sklearn.model_selection import GroupShuffleSplit

    if len(np.unique(groups)) < 2:
        raise DataError("replicates: over groups needs two groups or more; the data have one")
    splitter = GroupShuffleSplit(1, test_size=test, random_state=seed)
    ((_, tested),) = splitter.split(np.empty((len(groups), 0)), groups=groups)
    return np.sort(tested).astype(np.int32)


def fold_of(
    labels: Labels, groups: NDArray[np.integer] | None, number: int, k: int, seed: int, *, by_class: bool
) -> Indices:
    """Return the rows of fold `number` of `k`, of whole groups where there are any; raises `DataError` as `split` does."""
    if groups is None:
        rows = fold_rows(labels, (number, k), seed)
    else:
        rows = group_fold(labels, groups, number, k, seed, exact=True, by_class=by_class)
    return np.sort(rows).astype(np.int32)
