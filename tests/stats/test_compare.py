import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.stats.compare import Comparison, compare, verdicts

Seeds = dict[int, float]
MARGIN = 0.002
RELU: Seeds = dict(enumerate([0.950, 0.953, 0.948, 0.955, 0.951]))
NOISE = [0.0004, -0.0007, 0.0002, 0.0006, -0.0005]
OPPOSITE = {"better": "worse", "worse": "better"}


def shifted(gain: float, noise: float = 1.0) -> Seeds:
    return {seed: value + gain + noise * NOISE[seed] for seed, value in RELU.items()}


def only(
    values: Seeds, baseline: Seeds | None = None, margin: float = MARGIN, higher: bool = True
) -> Comparison:
    return compare({"relu": baseline or RELU, "selu": values}, "relu", margin, higher)["selu"]


@pytest.mark.parametrize(
    ("gain", "noise", "verdict"),
    [(0.01, 1, "better"), (-0.01, 1, "worse"), (0.0002, 1, "practically equal"), (0.002, 10, "inconclusive")],
)
def test_verdicts(gain: float, noise: float, verdict: str) -> None:
    assert only(shifted(gain, noise)).verdict == verdict


def test_a_lower_loss_is_better_and_its_difference_negative() -> None:
    comparison = only(shifted(-0.01), higher=False)
    assert comparison.verdict == "better"
    assert comparison.difference is not None
    assert comparison.difference.mean < 0


def test_a_real_difference_within_the_margin_is_practically_equal() -> None:
    comparison = only(shifted(0.001, noise=0.1))
    assert comparison.p_holm is not None
    assert comparison.p_holm < 0.05
    assert comparison.verdict == "practically equal"


def test_the_baseline_is_not_compared_and_the_order_kept() -> None:
    comparisons = compare({"b": shifted(0.1), "relu": RELU, "a": shifted(0.2)}, "relu", MARGIN)
    assert list(comparisons) == ["b", "a"]
    assert compare({"relu": RELU}, "relu", MARGIN) == {}


def test_p_is_adjusted_over_the_variants_of_the_ablation() -> None:
    three = {"relu": RELU, "a": shifted(0.01), "b": shifted(0.002, 6), "c": shifted(-0.004, 4)}
    comparisons = compare(three, "relu", MARGIN)
    p = {name: item.p for name, item in comparisons.items()}
    assert [item.p_holm for item in comparisons.values()] == pytest.approx(
        _holm_by_definition(list(p.values()))
    )


def _holm_by_definition(p: list[float | None]) -> list[float]:
    known = [value for value in p if value is not None]
    steps = [(len(known) - rank) * value for rank, value in enumerate(sorted(known))]
    return [min(1.0, max(steps[: sorted(known).index(value) + 1])) for value in known]


def test_shared_seeds_are_paired_even_where_some_are_missing() -> None:
    comparison = only({seed: value for seed, value in shifted(0.01).items() if seed != 2} | {9: 0.1})
    assert comparison.paired
    assert comparison.n == 4
    assert comparison.difference is not None
    assert comparison.difference.mean == pytest.approx(0.01, abs=1e-3)


def test_unshared_seeds_are_compared_by_welch() -> None:
    comparison = only({seed + 100: value for seed, value in shifted(0.01).items()})
    expected = stats.ttest_ind(list(shifted(0.01).values()), list(RELU.values()), equal_var=False)
    assert not comparison.paired
    assert comparison.n == 5
    assert comparison.p == pytest.approx(expected.pvalue, rel=1e-9)


def test_pairing_removes_the_luck_of_the_seed() -> None:
    lucky = {seed: 0.9 + seed / 100 for seed in range(5)}
    gain = {seed: value + 0.005 + NOISE[seed] for seed, value in lucky.items()}
    assert only(gain, lucky).verdict == "better"
    assert only({seed + 9: value for seed, value in gain.items()}, lucky).verdict == "inconclusive"


def test_one_seed_gives_a_difference_and_no_more() -> None:
    comparison = only({0: 0.97})
    assert comparison.difference is not None
    assert comparison.difference.mean == pytest.approx(0.02)
    assert (comparison.difference.low, comparison.p, comparison.p_holm, comparison.p_equivalence) == (
        None,
        None,
        None,
        None,
    )
    assert (comparison.verdict, comparison.n, comparison.seeds_needed) == ("inconclusive", 1, None)


def test_identical_runs_are_practically_equal() -> None:
    comparison = only(dict(RELU))
    assert comparison.verdict == "practically equal"
    assert comparison.difference is not None
    assert (comparison.difference.mean, comparison.difference.low, comparison.difference.high) == (0, 0, 0)
    assert comparison.p == 1


def test_two_seeds_that_agree_by_chance_prove_nothing() -> None:
    comparison = only({0: 0.95, 1: 0.953})
    assert (comparison.verdict, comparison.seeds_needed) == ("inconclusive", 5)


def test_equal_steps_of_accuracy_are_not_certainty() -> None:
    comparison = only({seed: RELU[seed] + 1 / 360 for seed in range(3)})
    assert comparison.verdict == "inconclusive"
    assert comparison.p == 0.25
    assert comparison.seeds_needed == 6
    assert comparison.difference is not None
    assert (comparison.difference.low, comparison.difference.deviation) == (None, 0.0)


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_diverged_replicates_are_left_out_and_counted(broken: float) -> None:
    comparison = only(shifted(0.01) | {1: broken})
    assert (comparison.verdict, comparison.n, comparison.diverged) == ("better", 4, 1)


def test_a_variant_with_nothing_left_is_inconclusive_and_keeps_its_place() -> None:
    """It was declared as one of two, and had it not diverged it could have been a false discovery too."""
    comparisons = compare(
        {"relu": RELU, "a": dict.fromkeys(RELU, math.nan), "b": shifted(0.003, 4)}, "relu", MARGIN
    )
    nothing = Comparison("a", None, None, None, None, "inconclusive", None, False, 0, 5, planned=(5,))
    assert comparisons["a"] == nothing
    assert comparisons["b"].p is not None and comparisons["b"].p_holm == 2 * comparisons["b"].p


def test_a_baseline_with_nothing_left_leaves_all_inconclusive() -> None:
    comparison = only(shifted(0.01), dict.fromkeys(RELU, math.nan))
    assert (comparison.verdict, comparison.difference, comparison.diverged) == ("inconclusive", None, 0)


def test_more_seeds_are_asked_for_than_there_are() -> None:
    needed = only(shifted(0.004, 8)).seeds_needed
    assert needed is not None
    assert needed > 5


def test_many_variants_need_more_seeds() -> None:
    one = only(shifted(0.004, 8)).seeds_needed
    many = compare(
        {"relu": RELU, "selu": shifted(0.004, 8), **{f"v{i}": shifted(0.004, 8) for i in range(8)}},
        "relu",
        MARGIN,
    )["selu"].seeds_needed
    assert one is not None
    assert many is not None
    assert many > one


def test_an_unknown_baseline_is_named_with_its_neighbour() -> None:
    with pytest.raises(ValueError, match=r"got 'rleu'. Did you mean 'relu'\?"):
        compare({"relu": RELU}, "rleu", MARGIN)


@pytest.mark.parametrize("margin", [-0.1, math.nan])
def test_an_impossible_margin_is_refused(margin: float) -> None:
    with pytest.raises(ValueError, match="margin must be zero or more"):
        compare({"relu": RELU}, "relu", margin)


def test_verdicts_need_both_a_direction_and_an_adjusted_p() -> None:
    assert verdicts([1, -1, 1, 1, 0], [0.05, 0.05, 0.051, 0.01, 1], [1, 1, 1, 0.05, 0.01]).tolist() == [
        "better",
        "worse",
        "inconclusive",
        "practically equal",
        "practically equal",
    ]


studies = st.lists(st.lists(st.integers(900, 1000), min_size=4, max_size=4), min_size=2, max_size=6).map(
    lambda rows: {
        f"v{index}": {seed: v / 1000 for seed, v in enumerate(row)} for index, row in enumerate(rows)
    }
)


@given(studies, st.floats(0, 0.02))
def test_negating_everything_exchanges_better_and_worse(study: Mapping[str, Seeds], margin: float) -> None:
    plain = compare(study, "v0", margin)
    mirrored = compare(
        {name: {seed: -v for seed, v in row.items()} for name, row in study.items()}, "v0", margin
    )
    for name, item in plain.items():
        assert mirrored[name].verdict == OPPOSITE.get(item.verdict, item.verdict)
        assert mirrored[name].p_holm == item.p_holm


@given(studies)
def test_the_direction_only_renames_verdicts(study: Mapping[str, Seeds]) -> None:
    up, down = compare(study, "v0", 0.002), compare(study, "v0", 0.002, higher_is_better=False)
    for name, item in up.items():
        assert down[name].verdict == OPPOSITE.get(item.verdict, item.verdict)
        assert down[name].difference == item.difference


@given(studies)
def test_numbers_are_finite_and_in_range(study: Mapping[str, Seeds]) -> None:
    for item in compare(study, "v0", 0.002).values():
        assert item.p is not None and item.p_holm is not None and item.p_equivalence is not None
        assert 0 <= item.p <= item.p_holm <= 1
        assert 0 <= item.p_equivalence <= 1
        assert item.seeds_needed is None or item.seeds_needed > item.n
        assert item.difference is not None
        assert item.difference.low is None or np.isfinite(item.difference.low)
