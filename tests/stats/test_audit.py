from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.stats import audit
from pipeline.stats.formatting import MetricFormat

ACCURACY = MetricFormat("val_accuracy", is_fraction=True)

RATE = "optimizer.learning_rate"


@pytest.mark.parametrize(
    ("domain", "value", "end"),
    [
        ({"log": [1e-4, 1e-1]}, 1.2e-4, "lower"),
        ({"log": [1e-4, 1e-1]}, 0.09, "upper"),
        ({"log": [1e-4, 1e-1]}, 4e-3, None),
        ({"log": [1e-4, 1e-1]}, 2e-4, None),
        ({"linear": [0.0, 1.0]}, 0.05, "lower"),
        ({"linear": [0.0, 1.0]}, 0.06, None),
        ({"linear": (0.0, 1.0)}, 0.95, "upper"),
        ({"int": [1, 8], "step": 1}, 8, "upper"),
        ({"int": [1, 8], "step": 1}, 5, None),
        ({"choice": [16, 32]}, 16, None),
    ],
)
def test_values_at_an_end_of_their_range(domain: dict[str, object], value: float, end: str | None) -> None:
    flags = audit.edge_of_range("selu", {RATE: domain}, {RATE: value})
    assert [(flag.kind, flag.variant) for flag in flags] == ([("edge of range", "selu")] if end else [])
    assert all(RATE in flag.message and f"{end} end" in flag.message for flag in flags)


def test_what_was_not_chosen_has_no_edge() -> None:
    assert audit.edge_of_range("selu", {RATE: {"log": [1e-4, 1e-1]}}, {}) == []


def test_diverged_runs_are_counted() -> None:
    flags = audit.diverged(
        {"relu": ["finished"] * 4, "selu": ["finished", "diverged", "diverged", "finished"]}
    )
    assert [flag.variant for flag in flags] == ["selu"]
    assert "2 of 4 runs diverged (50 %)" in flags[0].message


def falling(epochs: int, step: float, noise: float = 0.0, seed: int = 0) -> list[float]:
    luck = np.random.default_rng(seed).normal(0, noise, epochs) if noise else np.zeros(epochs)
    return [float(loss) for loss in 1.0 - step * np.arange(epochs) + luck]


@pytest.mark.parametrize(
    ("curves", "flagged"),
    [
        ([falling(20, 0.01)], True),
        ([falling(20, 0.0)], False),
        ([falling(20, -0.01)], False),
        ([falling(20, 0.0001)], False),
        ([falling(50, 0.01, 0.005, seed) for seed in range(5)], True),
        ([falling(50, 0.0, 0.05, seed) for seed in range(5)], False),
        ([falling(20, 0.01), falling(20, 0.0), falling(20, 0.0)], False),
        ([falling(20, 0.01), falling(20, 0.01), falling(20, 0.0)], True),
        ([falling(4, 0.1)], False),
        ([], False),
        ([[]], False),
        ([[float("nan")] * 20], False),
    ],
)
def test_losses_still_falling_at_the_end(curves: list[Sequence[float]], flagged: bool) -> None:
    assert bool(audit.still_improving("selu", curves)) is flagged


@pytest.mark.parametrize(("slope", "flagged"), [(-0.012, False), (-0.013, True)])
def test_a_fall_must_be_twice_its_standard_error(slope: float, flagged: bool) -> None:
    """Residuals of +-0.01 around a line through four epochs, standard error 0.01 * sqrt(0.4) = 0.0063."""
    tail = 0.5 + slope * np.arange(4) + 0.01 * np.array([1, -1, -1, 1])
    assert bool(audit.still_improving("selu", [[*falling(16, 0.0), *map(float, tail)]])) is flagged


def test_only_the_end_of_a_curve_counts() -> None:
    assert audit.still_improving("selu", [[*falling(40, 0.02), *[0.2] * 10]]) == []


def test_the_fall_is_given_in_words() -> None:
    (flag,) = audit.still_improving("selu", [falling(20, 0.01)])
    assert flag.message.startswith("val_loss still fell by 4 % over the last 4 epochs")


def test_pure_noise_is_rarely_taken_for_improvement() -> None:
    studies = [[falling(20, 0.0, 0.05, 10 * study + seed) for seed in range(5)] for study in range(200)]
    assert sum(bool(audit.still_improving("selu", curves)) for curves in studies) <= 6


@pytest.mark.parametrize(
    ("seeds", "words"), [(1, "Only 1 seed: exploratory"), (3, "exploratory"), (4, "preliminary"), (5, None)]
)
def test_few_seeds(seeds: int, words: str | None) -> None:
    messages = [flag.message for flag in audit.few_seeds(seeds)]
    assert messages == [] if words is None else words in messages[0]


def test_unequal_budgets_name_the_extremes() -> None:
    assert audit.unequal_budgets({"relu": 6, "selu": 6}) == []
    assert audit.unequal_budgets({}) == []
    (flag,) = audit.unequal_budgets({"relu": 6, "selu": 12, "elu": 8}, "trials")
    assert flag == audit.Flag("unequal budgets", None, "Unequal budgets: relu had 6 trials, selu 12.")


@pytest.mark.parametrize(
    ("paths", "factors"),
    [
        (["model.activation"], 0),
        ([], 0),
        (["optimizer.name", "optimizer.momentum", "optimizer.nesterov"], 0),
        (["optimizer.name", "optimizer.learning_rate"], 2),
        (["model.layers", "training.epochs", "training.batch_size"], 3),
        (["optimizer.momentum", "optimizer.nesterov"], 2),
        (["schedule.name", "schedule.decay", "model.activation"], 2),
    ],
)
def test_factors_are_counted_by_choice(paths: list[str], factors: int) -> None:
    messages = [flag.message for flag in audit.several_factors({"v": paths})]
    assert len(messages) == (factors > 1)
    assert all(f"in {factors} factors" in message for message in messages)


def test_an_activation_with_its_initializer_is_two_factors_and_named() -> None:
    changes: dict[str, dict[str, object]] = {
        "gelu": {"model.activation": "gelu"},
        "selu": {"model.initializer": 1, "model.activation": 2},
    }
    (flag,) = audit.several_factors(changes)
    assert flag.variant == "selu"
    assert (
        "2 factors, model.activation and model.initializer (an activation and its initializer)"
        in flag.message
    )


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.9, 0.8, 0.7, 0.6], None),
        ([0.9, 0.8, None, 0.1], None),
        (
            [0.9, 0.1, 0.2, None],
            "3 of 4 trials failed (1 diverged, 2 reached less than half of the best one's ",
        ),
        ([None, None, 0.9], "2 of 3 trials failed (2 diverged)"),
    ],
)
def test_most_trials_failed(scores: list[float | None], message: str | None) -> None:
    flags = audit.failed_trials("rmsprop", scores, ACCURACY)
    assert bool(flags) == (message is not None)
    assert message is None or flags[0].message.startswith(message)


def test_losses_fail_by_diverging_alone() -> None:
    assert audit.failed_trials("rmsprop", [-0.1, -5.0, -6.0], MetricFormat("val_loss")) == []
    assert audit.failed_trials("rmsprop", [-0.1, None, None], MetricFormat("val_loss"))


@pytest.mark.parametrize(("averaged", "flagged"), [(1, True), (9, False)])
def test_a_second_best_trial_within_noise(averaged: int, flagged: bool) -> None:
    """Replicates deviate by .01, so that single trials differ by .0141, means of nine by .0047."""
    flags = audit.close_second("selu", [0.9, 0.89, 0.5, None], [0.9, 0.91, 0.92], averaged, ACCURACY)
    assert bool(flags) == flagged
    if flagged:
        assert flags[0].message == (
            "Its second best trial is 1.0 points behind the best, "
            "within the 1.4 points by which seeds alone part two trials."
        )


def test_without_a_second_trial_or_replicates_nothing_is_close() -> None:
    assert audit.close_second("selu", [0.9], [0.9, 0.91], 1, ACCURACY) == []
    assert audit.close_second("selu", [0.9, 0.9], [0.9], 1, ACCURACY) == []


@pytest.mark.parametrize("n", [5, 6, 8, 10, 20])
def test_one_in_a_hundred_variants_with_normal_noise_is_far_off(n: int) -> None:
    random = np.random.default_rng(n)
    flagged = sum(bool(audit.far_off("a", list(random.normal(size=n)))) for _ in range(4000))
    assert 0.004 <= flagged / 4000 <= 0.02


def test_bad_runs_are_counted() -> None:
    values = [0.96, 0.961, 0.959, 0.9605, 0.958, 0.71, 0.9602]
    (flag,) = audit.far_off("rmsprop", values)
    assert flag.message.startswith("1 of 7 replicates lie far from the others.")
    assert not audit.far_off("a", [0.9] * 6) and not audit.far_off("a", [0.1, 0.9])


@pytest.mark.parametrize(
    ("verdict", "p", "p_equivalence", "flagged"),
    [
        ("better", 0.049, 0.9, True),
        ("worse", 0.025, 0.9, True),
        ("better", 0.02, 0.06, False),
        ("practically equal", 0.9, 0.04, True),
        ("practically equal", 0.06, 0.001, False),
        ("inconclusive", 0.07, 0.9, True),
        ("inconclusive", 0.9, 0.06, True),
        ("inconclusive", 0.2, 0.2, False),
        ("inconclusive", None, None, False),
    ],
)
def test_a_verdict_close_to_the_level_is_flagged(
    verdict: str, p: float | None, p_equivalence: float | None, flagged: bool
) -> None:
    assert bool(audit.borderline("a", verdict, p, p_equivalence)) == flagged


def test_replicates_of_two_processors_are_flagged() -> None:
    assert audit.several_machines(["one"]) == audit.several_machines([""]) == []
    (flag,) = audit.several_machines(["one", "another"])
    assert flag.message.startswith("Trained on one and another, which round differently")


def test_a_verdict_that_signs_do_not_bear_out_is_flagged() -> None:
    assert audit.against_signs("a", 0.01, 0.2, "better")
    for p, verdict in ((0.03, "better"), (None, "better"), (0.2, "inconclusive")):
        assert not audit.against_signs("a", 0.01, p, verdict)
