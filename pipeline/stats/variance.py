"""Where the variance of runs comes from: what replicates differ by, or the seed of each run within them."""

from collections.abc import Iterable, Sequence
from math import isfinite

import numpy as np


def between_share(variants: Iterable[Iterable[Sequence[float]]]) -> float | None:
    """Return which part of the variance of one run is between replicates, from 0 to 1; the rest is within them.

    `variants` hold for each variant the values of the runs of each replicate; those that are not finite are left out. It is
    the intraclass correlation of a one-way analysis of variance with random effects, mean squares pooled over variants
    (R. A. Fisher, Statistical Methods for Research Workers, 1925). None where no replicate has two runs, or nothing varies.

    Example: `between_share([[[1.0, 1.0], [2.0, 2.0]]])` is 1: runs of one replicate agree.
    """
    between = within = sizes = 0.0
    between_df = within_df = 0
    for replicates in variants:
        groups = [
            np.array(finite)
            for values in replicates
            if len(finite := [value for value in values if isfinite(value)]) > 1
        ]
        if len(groups) < 2:
            continue
        counts = np.array([len(group) for group in groups])
        mean = np.concatenate(groups).mean()
        between += float(sum(len(group) * (group.mean() - mean) ** 2 for group in groups))
        within += float(sum(((group - group.mean()) ** 2).sum() for group in groups))
        between_df += len(groups) - 1
        within_df += int(counts.sum()) - len(groups)
        sizes += float(counts.sum() - (counts**2).sum() / counts.sum())
    if not between_df or between + within == 0:
        return None
    inside, each = within / within_df, sizes / between_df
    outside = max(0.0, (between / between_df - inside) / each)
    return outside / (outside + inside) if outside + inside else None
