"""The suggested rate, on made-up curves."""

import numpy as np
import pytest

from pipeline.diagnostics.range_test import has_diverged, suggest

RATES = np.geomspace(1e-5, 10, 300)


def valley(turn: float) -> np.ndarray:
    """Return a loss that falls with the logarithm of the rate down to `turn`, then rises."""
    return np.asarray(1 + np.abs(np.log10(RATES / turn)) / 3)


@pytest.mark.parametrize("turn", [1e-2, 0.3, 2.0])
def test_a_tenth_of_the_turning_point_is_suggested(turn: float) -> None:
    suggestion = suggest(RATES, valley(turn))
    # As steep on both sides, it is left by a twentieth of its fall after a twentieth of its left side; smoothing adds some.
    assert suggestion.turning == pytest.approx(turn * (turn / 1e-5) ** 0.05, rel=0.25)
    assert suggestion.rate == pytest.approx(suggestion.turning / 10) and suggestion.fell


def test_noise_of_single_batches_moves_it_little() -> None:
    noise = np.random.default_rng(0).normal(0, 0.15, len(RATES))
    assert 0.05 < suggest(RATES, valley(0.1) + noise).turning < 0.4


def test_a_flat_bottom_is_left_at_its_end() -> None:
    losses = np.interp(np.log10(RATES), [-5, -3, -1, 0, 1], [2.3, 0.5, 0.5, 2.3, 9.0])
    assert suggest(RATES, losses).turning == pytest.approx(0.1, rel=0.3)


def test_a_loss_that_blows_up_hides_nothing() -> None:
    losses = valley(0.1) + np.where(RATES > 0.5, 1e30, 0)
    assert 0.05 < suggest(RATES, losses).turning < 0.3


def test_a_loss_that_never_falls_suggests_the_lowest_rate_and_is_reported_as_such() -> None:
    suggestion = suggest(RATES, np.geomspace(1, 9, len(RATES)))
    assert (suggestion.rate, suggestion.fell) == (RATES[0], False)
    assert not suggest(RATES, np.ones(len(RATES))).fell


def test_a_loss_that_falls_to_the_end_turns_there() -> None:
    suggestion = suggest(RATES, np.linspace(2, 1, len(RATES)))
    assert suggestion.turning == RATES[-1] and suggestion.rate == pytest.approx(1.0)


def test_nothing_to_judge_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one finite loss"):
        suggest(RATES[:0], RATES[:0])
    assert suggest(RATES[:1], np.ones(1)).rate == RATES[0]


@pytest.mark.parametrize(
    ("losses", "diverged"),
    [
        ([2.3, np.nan], True),
        ([2.3, np.inf], True),
        ([2.3] * 20, False),
        ([2.3] * 10 + [50.0], True),
        ([2.3] * 10 + [20.0], False),
        ([0.1] * 3 + [5.0], False),
    ],
)
def test_divergence_is_not_confused_with_an_unlucky_batch(losses: list[float], diverged: bool) -> None:
    assert has_diverged(losses) is diverged
