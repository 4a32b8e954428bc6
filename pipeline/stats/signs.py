"""A paired test without an assumption about the distribution: how often would as large a mean come with random signs?

Exact where both variants have one distribution, so that each difference is as likely to be its own negative. It is shown
with the t test from eight pairs on: with fewer it cannot be small.
"""

from collections.abc import Sequence

import numpy as np

FEWEST = 8
EXACT = 14
DRAWS = 20_000


def sign_flip_p(differences: Sequence[float]) -> float | None:
    """Return the two-sided p of the sign-flip test of a mean; None for fewer than eight differences.

    All signs are tried up to 14 pairs, 20,000 random ones beyond. Source: R. A. Fisher, "The design of experiments" (1935).

    Example: `sign_flip_p([1.0] * 10)` is 2 / 2**10.
    """
    values = np.asarray(differences, np.float64)
    n = len(values)
    if n < FEWEST:
        return None
    if n <= EXACT:
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
        sums = np.abs((1 - 2 * bits) @ values)
        return float(np.mean(sums >= abs(values.sum()) * (1 - 1e-12)))
    signs = np.random.default_rng(n).choice([-1.0, 1.0], size=(DRAWS, n))
    beyond = np.abs(signs @ values) >= abs(values.sum()) * (1 - 1e-12)
    return float((beyond.sum() + 1) / (DRAWS + 1))
