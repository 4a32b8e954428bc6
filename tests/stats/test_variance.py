"""Where the variance of runs comes from, against components that are known."""

import numpy as np
import pytest

from pipeline.stats.variance import between_share


def test_runs_that_agree_within_replicates() -> None:
    assert between_share([[[1.0, 1.0], [2.0, 2.0]]]) == 1.0
    assert between_share([[[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]]) == 0.0


def test_it_is_fishers_intraclass_correlation() -> None:
    """Two groups of two: mean squares 8 between and 1 within give (8 - 1) / 2 = 3.5 between."""
    values = [[0.0, 2**0.5], [2.0 * 2**0.5, 3.0 * 2**0.5]]
    assert between_share([values]) == pytest.approx(3.5 / 4.5)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
def test_known_components_are_found(share: float) -> None:
    random = np.random.default_rng(3)
    variants = [
        (
            random.normal(size=(400, 1)) * share**0.5 + random.normal(size=(400, 3)) * (1 - share) ** 0.5
        ).tolist()
        for _ in range(3)
    ]
    assert between_share(variants) == pytest.approx(share, abs=0.05)


def test_nothing_can_be_said_of_single_runs() -> None:
    assert between_share([[[1.0], [2.0]]]) is None
    assert between_share([[[1.0, float("nan")], [2.0, 2.0]]]) is None
    assert between_share([[[1.0, 1.0], [1.0, 1.0]]]) is None
