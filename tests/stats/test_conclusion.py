import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stats.compare import Comparison, Verdict, compare
from pipeline.stats.conclusion import conclusion
from pipeline.stats.factors import Effect, Importance
from pipeline.stats.formatting import MetricFormat
from pipeline.stats.intervals import Interval, t_interval

QUESTION = "Which activation learns best?"
RELU = Interval(0.9502, 0.948, 0.9524, 0.002, 5)


def comparison(variant: str, verdict: Verdict, mean: float = 0.013, **changes: Any) -> Comparison:
    difference = Interval(mean, mean - 0.007, mean + 0.007, 0.005, 5)
    usual = Comparison(variant, difference, 0.0008, 0.004, 0.9, verdict, None, True, 5, 0)
    return replace(usual, **changes)


def sentences(*comparisons: Comparison, metric: str = "test_accuracy", higher: bool = True) -> list[str]:
    by_name = {item.variant: item for item in comparisons}
    shown = MetricFormat(metric, "accuracy" in metric)
    return conclusion(QUESTION, "relu", by_name, {"relu": RELU}, shown, (5, 5), "digits", 0.002, higher)


def test_a_better_variant() -> None:
    assert sentences(comparison("selu", "better")) == [
        QUESTION,
        "On digits, over 5 seeds, the one variant is better than relu in test accuracy.",
        "The baseline relu reaches 95.0 % (95 % interval 94.8 % to 95.2 %).",
        "selu is better than relu by 1.3 points (interval 0.6 to 2.0, adjusted p = .004).",
    ]


def test_a_worse_variant_is_worse_by_a_positive_amount() -> None:
    lines = sentences(comparison("tanh", "worse", -0.013))
    assert lines[-1] == "tanh is worse than relu by 1.3 points (interval 0.6 to 2.0, adjusted p = .004)."
    assert (
        lines[1]
        == "On digits, over 5 seeds, the one variant is not shown to be better than relu in test accuracy."
    )


def test_losses_are_written_in_their_own_unit_and_direction() -> None:
    lines = sentences(comparison("selu", "better", -0.0131), metric="val_loss", higher=False)
    assert "in validation loss" in lines[1]
    assert lines[-1] == "selu is better than relu by 0.013 (interval 0.006 to 0.020, adjusted p = .004)."


def test_the_best_are_named_first_and_the_rest_counted() -> None:
    lines = sentences(*(comparison(f"v{rank}", "better", rank / 100) for rank in range(1, 6)))
    assert lines[1].startswith("On digits, over 5 seeds, 5 of the 5 variants are better")
    assert [line.split()[0] for line in lines[3:6]] == ["v5", "v4", "v3"]
    assert lines[6] == "2 more are better, by less."
    assert lines[7] == "Each was compared with relu; their order among themselves was not tested."


def test_the_lowest_losses_are_the_best() -> None:
    lines = sentences(
        *(comparison(f"v{r}", "better", -r / 100) for r in (1, 3, 2)), metric="test_loss", higher=False
    )
    assert [line.split()[0] for line in lines[3:6]] == ["v3", "v2", "v1"]


def test_the_worst_are_named_first() -> None:
    lines = sentences(*(comparison(f"v{rank}", "worse", -rank / 100) for rank in range(1, 5)))
    assert [line.split()[0] for line in lines[3:]] == ["v4", "v3", "v2", "1"]
    assert lines[1].endswith("none of the 4 variants is shown to be better than relu in test accuracy.")


def test_equality_is_stated_with_its_margin() -> None:
    lines = sentences(
        comparison("elu", "practically equal", 0.0), comparison("gelu", "practically equal", 0.001)
    )
    assert lines[-1] == "gelu and elu are practically equal to relu: within 0.2 points."


def test_inconclusive_comparisons_name_what_would_decide_them() -> None:
    lines = sentences(
        comparison("mish", "inconclusive", seeds_needed=40),
        comparison("silu", "inconclusive", seeds_needed=12),
        comparison("elu", "inconclusive"),
        comparison("gelu", "inconclusive", p=None, p_holm=None, p_equivalence=None, n=1),
    )
    assert lines[3:] == [
        "Inconclusive, with the number of seeds that would probably decide each: silu (12 seeds) and mish (40 seeds).",
        "elu is too close to relu for any reasonable number of seeds.",
        "Nothing can be concluded about gelu: that needs at least two seeds.",
    ]


def test_diverged_replicates_are_mentioned() -> None:
    lost = comparison("deep", "inconclusive", difference=None, p=None, p_holm=None, diverged=5)
    lines = sentences(comparison("selu", "better", diverged=2), lost)
    assert lines[-2:] == [
        "No replicate finished that could be compared for deep.",
        "Replicates that diverged are left out, which flatters the variant: selu (2).",
    ]


def test_a_difference_without_interval_is_written_without_one() -> None:
    lines = sentences(comparison("selu", "better", difference=Interval(0.0025, None, None, 0.0, 9)))
    assert lines[-1] == "selu is better than relu by 0.2 points (adjusted p = .004)."


def test_nothing_to_compare_with() -> None:
    assert sentences()[1] == "On digits, over 5 seeds, there is nothing to compare with relu yet."
    lines = conclusion(QUESTION, "relu", {}, {}, MetricFormat("test_accuracy", True), (1, 1), "digits", 0.002)
    assert lines == [QUESTION, "On digits, over 1 seed, there is nothing to compare with relu yet."]


values = st.dictionaries(
    st.integers(0, 5), st.integers(90, 100).map(lambda v: v / 100) | st.just(float("nan"))
)


@given(
    st.lists(values, min_size=1, max_size=30), st.booleans(), st.sampled_from(["test_accuracy", "test_loss"])
)
def test_any_study_gives_plain_sentences(rows: list[dict[int, float]], higher: bool, metric: str) -> None:
    study = {f"v{index}": row for index, row in enumerate(rows)}
    compared = compare(study, "v0", 0.002, higher)
    lines = conclusion(
        QUESTION,
        "v0",
        compared,
        _intervals(study),
        MetricFormat(metric, "accuracy" in metric),
        (5, 5),
        "digits",
        0.002,
        higher,
    )
    assert len(lines) <= 20
    assert all(sentence[-1] in ".?" and len(sentence) < 200 for sentence in lines)
    assert not re.search(r"None|nan|inf\b|-0\.0|e-\d|  ", " ".join(lines))


def _intervals(study: Mapping[str, dict[int, float]]) -> dict[str, Interval]:
    finite = {name: [v for v in row.values() if v == v] for name, row in study.items()}
    return {name: t_interval(row) for name, row in finite.items() if row}


def test_a_leave_one_out_says_which_parts_cannot_be_left_out() -> None:
    found = [comparison("without_norm", "worse"), comparison("without_skip", "inconclusive")]
    by_name = {c.variant: c for c in found}
    shown = MetricFormat("test_accuracy", True)
    lines = conclusion(QUESTION, "full", by_name, {}, shown, (5, 5), "digits", 0.002, kind="leave_one_out")
    assert lines[1] == (
        "On digits, over 5 seeds, 1 of the 2 parts cannot be left out without loss of test accuracy: norm."
    )
    every = {name: comparison(name, "worse") for name in by_name}
    lines = conclusion(QUESTION, "full", every, {}, shown, (5, 5), "digits", 0.002, kind="leave_one_out")
    assert lines[1] == (
        "On digits, over 5 seeds, none of the 2 parts can be left out without loss of test accuracy: skip and norm."
    )


def test_a_ladder_says_which_steps_help() -> None:
    better, worse = comparison("adam", "better"), comparison("sigmoid", "worse")
    steps = {"sigmoid": ("softmax", worse), "adam": ("sigmoid", better)}
    lines = conclusion(
        QUESTION,
        "softmax",
        {"sigmoid": worse, "adam": better},
        {},
        MetricFormat("test_accuracy", True),
        (5, 20),
        "digits",
        0.002,
        kind="ladder",
        steps=steps,
    )
    assert lines[1] == (
        "On digits, over 5 to 20 seeds, 1 of the 2 steps is shown to improve test accuracy: adam; sigmoid is shown to "
        "make it worse."
    )
    assert lines[2].startswith("sigmoid is worse than softmax by") and lines[3].startswith(
        "adam is better than sigmoid"
    )
    assert sum(line.startswith("sigmoid is worse than softmax") for line in lines) == 1, "said once"
    assert any(line.startswith("adam is better than softmax") for line in lines)


def told(*effects: Effect) -> list[str]:
    """Return the sentences about a grid with these effects, without the question."""
    return conclusion(
        QUESTION,
        "a",
        {},
        {},
        MetricFormat("test_accuracy", True),
        (5, 5),
        "digits",
        0.002,
        kind="grid",
        importance=Importance(effects, 0.1, 0.2, 5),
    )[1:]


def test_a_grid_says_which_factor_matters_and_whether_they_interact() -> None:
    lines = told(
        Effect(("activation",), 0.6, 2, 30.0, 1e-5), Effect(("activation", "init"), 0.1, 4, 1.0, 0.4)
    )
    assert lines[0] == "On digits, over 5 seeds, activation matters for test accuracy."
    assert (
        lines[1] == "Of the factors activation explains most: 60 % of the variation between runs (p < .001)."
    )
    assert lines[2].startswith(
        "activation and init are not shown to interact: their interaction explains 10 %"
    )


@pytest.mark.parametrize(
    ("first", "second", "both", "answer"),
    [
        (0.9, 0.5, 0.4, "no factor is shown to matter for test accuracy"),
        (1e-5, 1e-4, 0.4, "activation and init matter for test accuracy"),
        (0.9, 0.5, 1e-5, "what is best of activation and init depends on the other"),
        (
            1e-5,
            0.5,
            1e-5,
            "activation matters for test accuracy; what is best of activation and init depends on the other",
        ),
        # Each below .05, but not once adjusted for three effects.
        (0.04, 0.04, 0.04, "no factor is shown to matter for test accuracy"),
    ],
)
def test_the_answer_of_a_grid_is_about_its_factors(
    first: float, second: float, both: float, answer: str
) -> None:
    effects = (
        Effect(("activation",), 0.3, 2, 3.0, first),
        Effect(("init",), 0.2, 2, 2.0, second),
        Effect(("activation", "init"), 0.1, 4, 1.0, both),
    )
    assert told(*effects)[0] == f"On digits, over 5 seeds, {answer}."


def test_a_grid_whose_factors_were_not_tested_is_compared_with_its_baseline() -> None:
    assert "there is nothing to compare with a yet" in told(Effect(("activation",), 0.6, 2, None, None))[0]


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        ("worse", "cannot be left out without a larger test mae: norm"),
        ("inconclusive", "is not shown to be needed for a low test mae"),
    ],
)
def test_a_part_that_an_error_needs_is_not_called_a_loss_of_error(verdict: Verdict, answer: str) -> None:
    lines = conclusion(
        QUESTION,
        "full",
        {"without_norm": comparison("without_norm", verdict)},
        {},
        MetricFormat("test_mae"),
        (5, 5),
        "digits",
        0.002,
        higher_is_better=False,
        kind="leave_one_out",
    )
    assert lines[1] == f"On digits, over 5 seeds, the one part {answer}."
