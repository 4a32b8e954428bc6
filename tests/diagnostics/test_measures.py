"""Measures of probabilities against closed forms."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, log_loss

from pipeline.diagnostics import measures
from pipeline.store.diagnostics import rounded


def drawn(seed: int, images: int = 200, classes: int = 4) -> tuple[measures.Floats, measures.Labels]:
    generator = np.random.default_rng(seed)
    return generator.dirichlet(np.ones(classes), images), generator.integers(classes, size=images)


def test_accuracy_and_likelihood_are_those_of_scikit_learn() -> None:
    probabilities, labels = drawn(0)
    assert measures.accuracy(probabilities, labels) == (probabilities.argmax(1) == labels).mean()
    assert measures.negative_log_likelihood(probabilities, labels) == pytest.approx(
        log_loss(labels, probabilities)
    )


def test_likelihood_of_an_impossible_answer_is_finite() -> None:
    loss = measures.negative_log_likelihood(np.array([[1.0, 0.0]]), np.array([1]))
    assert loss == pytest.approx(-np.log(1e-7))


def test_entropy_is_zero_for_certainty_and_the_logarithm_for_equal_probabilities() -> None:
    certain, equal = np.eye(5)[:1], np.full((1, 5), 0.2)
    np.testing.assert_allclose(measures.entropy(np.vstack([certain, equal])), [0, np.log(5)], atol=1e-9)


def test_calibration_error_of_a_hand_counted_table() -> None:
    # Ten answers at 0.75 of which five are right, thirty at 0.95 all right: (10 * 0.25 + 30 * 0.05) / 40.
    probabilities = np.array([[0.75, 0.25]] * 10 + [[0.95, 0.05]] * 30)
    labels = np.array([0, 1] * 5 + [0] * 30)
    table = measures.reliability(probabilities, labels)
    assert table[7].tolist() == [10, 7.5, 5] and table[9].tolist() == [30, pytest.approx(28.5), 30]
    assert table.sum(axis=0)[0] == 40
    assert measures.expected_calibration_error(table) == pytest.approx((10 * 0.25 + 30 * 0.05) / 40)


def test_answers_drawn_from_their_own_probabilities_are_calibrated() -> None:
    probabilities, _ = drawn(1, images=20_000)
    generator = np.random.default_rng(2)
    labels = (probabilities.cumsum(axis=1) > generator.random((20_000, 1))).argmax(axis=1)
    assert measures.expected_calibration_error(measures.reliability(probabilities, labels)) < 0.015


@pytest.mark.parametrize(("confidence", "index"), [(0.5, 4), (0.50001, 5), (1.0, 9), (0.25, 2)])
def test_bins_hold_their_upper_end(confidence: float, index: int) -> None:
    rest = (1 - confidence) / 7
    table = measures.reliability(np.array([[confidence] + [rest] * 7]), np.array([0]))
    assert table[:, 0].argmax() == index


def test_outputs_become_probabilities() -> None:
    single = measures.as_probabilities(np.array([[0.2], [1.0]]))
    np.testing.assert_allclose(single, [[0.8, 0.2], [0, 1]])
    scores = measures.as_probabilities(np.array([[-1.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_allclose(scores, [[1 / (1 + np.e**2), 1 / (1 + np.e**-2)], [0.5, 0.5]])
    rates = measures.as_probabilities(np.array([[1.0, 3.0]]))
    np.testing.assert_allclose(rates, [[0.25, 0.75]])
    probabilities, _ = drawn(3)
    np.testing.assert_allclose(measures.as_probabilities(probabilities), probabilities)


def test_confusion_has_right_classes_as_rows() -> None:
    _, labels = drawn(4)
    _, predicted = drawn(5)
    assert (
        measures.confusion(predicted, labels, 4) == confusion_matrix(labels, predicted, labels=range(4))
    ).all()


def test_outcomes_are_cut_to_six_digits_at_any_depth() -> None:
    assert rounded({"a": [1 / 3, {"b": 1e-12 / 3}], "c": None, "d": 7, "e": "x", "f": True}) == {
        "a": [0.333333, {"b": 3.33333e-13}],
        "c": None,
        "d": 7,
        "e": "x",
        "f": True,
    }
