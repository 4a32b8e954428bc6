import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stats.compare import Comparison, Verdict, compare
from pipeline.stats.intervals import Interval, t_interval
from pipeline.stats.prose import conclusion
from pipeline.stats.wording import Wording, listed, p_text

QUESTION = "Which activation learns best?"
RELU = Interval(0.9502, 0.948, 0.9524, 0.002, 5)


def made(variant: str, verdict: Verdict, mean: float = 0.013, **changes: Any) -> Comparison:
    difference = Interval(mean, mean - 0.007, mean + 0.007, 0.005, 5)
    usual = Comparison(variant, difference, 0.0008, 0.004, 0.9, verdict, None, True, 5, 0)
    return replace(usual, **changes)


def written(*comparisons: Comparison, metric: str = "test_accuracy", higher: bool = True) -> list[str]:
    by_name = {comparison.variant: comparison for comparison in comparisons}
    return conclusion(QUESTION, "relu", by_name, {"relu": RELU}, metric, 5, "digits", 0.002, higher)


def test_a_better_variant() -> None:
    assert written(made("selu", "better")) == [
        QUESTION,
        "On digits, over 5 seeds, the one variant is better than relu in test accuracy.",
        "The baseline relu reaches 95.0 % (95 % interval 94.8 % to 95.2 %).",
        "selu is better than relu by 1.3 points (95 % interval 0.6 to 2.0, Holm p = .004).",
    ]


def test_a_worse_variant_is_worse_by_a_positive_amount() -> None:
    said = written(made("tanh", "worse", -0.013))
    assert said[-1] == "tanh is worse than relu by 1.3 points (95 % interval 0.6 to 2.0, Holm p = .004)."
    assert (
        said[1]
        == "On digits, over 5 seeds, the one variant is not shown to be better than relu in test accuracy."
    )


def test_losses_are_written_in_their_own_unit_and_direction() -> None:
    said = written(made("selu", "better", -0.0131), metric="val_loss", higher=False)
    assert "in validation loss" in said[1]
    assert said[-1] == "selu is better than relu by 0.013 (95 % interval 0.006 to 0.020, Holm p = .004)."


def test_the_best_are_named_first_and_the_rest_counted() -> None:
    said = written(*(made(f"v{rank}", "better", rank / 100) for rank in range(1, 6)))
    assert said[1].startswith("On digits, over 5 seeds, 5 of the 5 variants are better")
    assert [line.split()[0] for line in said[3:6]] == ["v5", "v4", "v3"]
    assert said[6] == "2 more are better, by less."
    assert said[7] == "Each was compared with relu; their order among themselves was not tested."


def test_the_lowest_losses_are_the_best() -> None:
    said = written(*(made(f"v{r}", "better", -r / 100) for r in (1, 3, 2)), metric="test_loss", higher=False)
    assert [line.split()[0] for line in said[3:6]] == ["v3", "v2", "v1"]


def test_the_worst_are_named_first() -> None:
    said = written(*(made(f"v{rank}", "worse", -rank / 100) for rank in range(1, 5)))
    assert [line.split()[0] for line in said[3:]] == ["v4", "v3", "v2", "1"]
    assert said[1].endswith("none of the 4 variants is shown to be better than relu in test accuracy.")


def test_equality_is_told_with_its_margin() -> None:
    said = written(made("elu", "practically equal", 0.0), made("gelu", "practically equal", 0.001))
    assert said[-1] == "gelu and elu are practically equal to relu: within 0.2 points."


def test_open_comparisons_say_what_would_settle_them() -> None:
    said = written(
        made("mish", "inconclusive", seeds_needed=40),
        made("silu", "inconclusive", seeds_needed=12),
        made("elu", "inconclusive"),
        made("gelu", "inconclusive", p=None, p_holm=None, p_equivalence=None, n=1),
    )
    assert said[3:] == [
        "Still open, each with the seeds that would probably settle it: silu (12 seeds) and mish (40 seeds).",
        "elu is too close to relu for any sensible number of seeds.",
        "Nothing can be said of gelu: it takes two seeds at least.",
    ]


def test_diverged_replicates_are_confessed() -> None:
    lost = made("deep", "inconclusive", difference=None, p=None, p_holm=None, diverged=5)
    said = written(made("selu", "better", diverged=2), lost)
    assert said[-2:] == [
        "No replicate finished that could be compared for deep.",
        "Replicates that diverged are left out, which flatters the variant: selu (2).",
    ]


def test_a_difference_without_interval_is_told_without_one() -> None:
    said = written(made("selu", "better", difference=Interval(0.0025, None, None, 0.0, 9)))
    assert said[-1] == "selu is better than relu by 0.2 points (Holm p = .004)."


def test_nothing_to_compare_with() -> None:
    assert written()[1] == "On digits, over 5 seeds, there is nothing to compare with relu yet."
    said = conclusion(QUESTION, "relu", {}, {}, "test_accuracy", 1, "digits", 0.002)
    assert said == [QUESTION, "On digits, over 1 seed, there is nothing to compare with relu yet."]


values = st.dictionaries(
    st.integers(0, 5), st.integers(90, 100).map(lambda v: v / 100) | st.just(float("nan"))
)


@given(
    st.lists(values, min_size=1, max_size=30), st.booleans(), st.sampled_from(["test_accuracy", "test_loss"])
)
def test_any_study_gives_plain_sentences(rows: list[dict[int, float]], higher: bool, metric: str) -> None:
    study = {f"v{index}": row for index, row in enumerate(rows)}
    compared = compare(study, "v0", 0.002, higher)
    said = conclusion(QUESTION, "v0", compared, _intervals(study), metric, 5, "digits", 0.002, higher)
    assert len(said) <= 20
    assert all(sentence[-1] in ".?" and len(sentence) < 200 for sentence in said)
    assert not re.search(r"None|nan|inf\b|-0\.0|e-\d|  ", " ".join(said))


def _intervals(study: Mapping[str, dict[int, float]]) -> dict[str, Interval]:
    finite = {name: [v for v in row.values() if v == v] for name, row in study.items()}
    return {name: t_interval(row) for name, row in finite.items() if row}


@pytest.mark.parametrize(
    ("p", "text"),
    [(0.004, "p = .004"), (0.0009, "p < .001"), (0.05, "p = .050"), (0.31, "p = .310"), (1.0, "p = 1")],
)
def test_p_values(p: float, text: str) -> None:
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcdefg", "a, b, c and 4 more")],
)
def test_lists(names: str, text: str) -> None:
    assert listed(list(names)) == text


@pytest.mark.parametrize(
    ("metric", "difference", "text"),
    [
        ("test_accuracy", 0.0132, "1.3 points"),
        ("test_accuracy", 0.123, "12.3 points"),
        ("test_accuracy", 0.0004, "0.04 points"),
        ("test_accuracy", -1e-18, "0.000 points"),
        ("test_loss", 0.0132, "0.013"),
        ("test_loss", -1.32, "-1.3"),
        ("test_loss", 132.0, "132"),
        ("test_loss", 0.0, "0"),
    ],
)
def test_amounts(metric: str, difference: float, text: str) -> None:
    assert Wording(metric).amount(difference) == text


def test_values() -> None:
    assert Wording("val_accuracy").value(0.9734) == "97.3 %"
    assert Wording("test_loss").value(0.08123) == "0.0812"
    assert Wording("test_loss").values(Interval(0.1, None, None, None, 1)) == "0.1"
    assert Wording("test_loss").values(Interval(1.0, -0.1, 2.1, 1, 3)) == "1 (95 % interval -0.1 to 2.1)"
    beyond = Interval(0.98, 0.9, 1.06, 0.03, 3)
    assert Wording("test_accuracy").values(beyond) == "98.0 % (95 % interval 90.0 % to 100.0 %)"
