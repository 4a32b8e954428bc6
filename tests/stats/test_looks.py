"""Looks at the variants of an ablation: who is settled when, and how often falsely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stats.compare import compare
from pipeline.stats.looks import Course, follow
from pipeline.stats.plans import Family, Plan
from pipeline.stats.student import difference_p, holm, paired

PLAN = (Plan((5, 10, 20)),)
Values = dict[str, dict[int, float]]


def values(effects: dict[str, float], seeds: int, seed: int = 0, spread: float = 1.0) -> Values:
    """Return measurements of a baseline `base` and of variants, with paired differences of deviation `spread`."""
    random = np.random.default_rng(seed)
    base = random.normal(0, 3, seeds)
    drawn = {name: base + effect + random.normal(0, spread, seeds) for name, effect in effects.items()}
    return {name: dict(enumerate(map(float, column))) for name, column in {"base": base, **drawn}.items()}


def cut(measured: Values, counts: dict[str, int]) -> Values:
    """Return as many seeds of each variant as are given, of others all."""
    return {
        name: {s: v for s, v in seeds.items() if s < counts.get(name, 10**6)}
        for name, seeds in measured.items()
    }


def run(
    measured: Values, margin: float = 0.0, plans: tuple[Plan, ...] = PLAN, gone: int = 0
) -> dict[str, Course]:
    family = Family(tuple(name for name in measured if name != "base"), plans, gone)
    return follow(measured, "base", margin, family)


def test_large_effects_stop_early_and_the_others_go_on() -> None:
    measured = values({"huge": 30.0, "none": 0.0, "tiny": 0.3}, 20)
    first = run(cut(measured, dict.fromkeys(measured, 5)))
    assert first["huge"].verdict == "better" and first["huge"].goes_on_to is None
    assert first["none"].goes_on_to == first["tiny"].goes_on_to == 10
    assert [look.seeds for look in first["huge"].looks] == [5]
    second = run(cut(measured, {"base": 10, "huge": 5, "none": 10, "tiny": 10}))
    assert second["huge"] == first["huge"], "what is settled is not tested again"
    assert [look.seeds for look in second["none"].looks] == [5, 10]


def test_the_same_measurements_give_the_same_courses_however_they_came() -> None:
    measured = values({"a": 0.8, "b": 0.0, "c": -2.0}, 20, seed=3)
    whole = run(measured)
    for counts in (5, 10, 20):
        part = run(cut(measured, dict.fromkeys(measured, counts)))
        for name, course in part.items():
            assert whole[name].looks[: len(course.looks)] == course.looks


def test_a_look_waits_until_all_that_are_open_have_its_seeds() -> None:
    measured = values({"a": 0.2, "b": 0.1}, 20)
    part = run(cut(measured, {"base": 10, "a": 10, "b": 7}))
    assert [look.seeds for look in part["a"].looks] == [5] and part["b"].goes_on_to == 10


def test_one_look_is_holm() -> None:
    measured = values({f"v{n}": 0.4 * n for n in range(6)}, 6, seed=5)
    courses = run(measured, plans=(Plan((6,)),))
    names = list(courses)
    base = list(measured["base"].values())
    p = [float(difference_p(paired(list(measured[name].values()), base))) for name in names]
    for name, adjusted in zip(names, holm(p), strict=True):
        look = courses[name].last
        assert look is not None and look.adjusted == pytest.approx(float(adjusted))


@given(
    seed=st.integers(0, 10_000),
    effect=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    margin=st.sampled_from([0.0, 0.6]),
)
def test_interval_and_verdict_never_disagree(seed: int, effect: float, margin: float) -> None:
    measured = values({"a": effect, "b": 0.1, "c": -effect}, 20, seed)
    for course in run(measured, margin).values():
        look = course.last
        assert look is not None
        low, high = look.difference.low, look.difference.high
        assert low is not None and high is not None
        if course.verdict == "practically equal":
            assert -margin < low <= high < margin
        else:
            assert (course.verdict in ("better", "worse")) == (low > 0 or high < 0)


def test_those_that_left_keep_their_place() -> None:
    measured = values({"a": 1.9}, 5, seed=2)
    alone, among = run(measured), run(measured, gone=8)
    assert alone["a"].last is not None and among["a"].last is not None
    assert among["a"].last.level == pytest.approx(alone["a"].last.level / 9, rel=0.2)


def test_a_variant_whose_seeds_diverged_goes_on_with_fewer_pairs() -> None:
    measured = values({"a": 1.0}, 20)
    measured["a"][1] = measured["a"][12] = float("nan")
    course = run(measured)["a"]
    assert [look.difference.n for look in course.looks][:2] == [4, 9]


def test_one_that_diverged_for_good_is_never_tested() -> None:
    measured = values({"a": 1.0, "b": 3.0}, 20)
    measured["a"] = dict.fromkeys(measured["a"], float("nan"))
    courses = run(measured)
    assert courses["a"] == Course("inconclusive", (), None)
    assert courses["b"].last is not None


def test_hopeless_variants_are_ended_from_ten_seeds_on() -> None:
    def seen(t: float, count: int, margin: float = 0.0) -> Course:
        """Return the course of a variant whose differences have this t after each look."""
        noise = np.tile([1.0, -1.0, 0.5, -0.5, 0.0], count // 5)
        noise += t * noise.std(ddof=1) / np.sqrt(count) * (1 if count == 10 else 0.4)
        measured = {"base": dict.fromkeys(range(count), 0.0), "a": dict(enumerate(map(float, noise)))}
        return run(measured, margin)["a"]

    course = seen(0.3, 10)
    assert course.hopeless and course.goes_on_to is None and course.verdict == "inconclusive"
    assert not seen(0.3, 5).hopeless and not seen(1.8, 10).hopeless
    assert not seen(0.3, 10, margin=0.7).hopeless, "it may still be shown to be equal"


def test_a_finished_plan_keeps_its_verdict_and_what_comes_later_explores() -> None:
    measured = values({"a": 0.9, "b": 0.0}, 20, seed=8)
    before = compare(cut(measured, dict.fromkeys(measured, 5)), "base", 0.0)
    spent = Family(("a", "b"), (Plan((5,), changed=5), Plan((20,))))
    after = compare(measured, "base", 0.0, families=[spent])
    for name in ("a", "b"):
        assert after[name].verdict == before[name].verdict and after[name].p == before[name].p
        assert after[name].spent_at == 5 and after[name].n == 20


def test_families_are_corrected_apart() -> None:
    measured = values({"a": 1.2, "b": 0.1, "late": 1.2}, 5, seed=4)
    families = [Family(("a", "b"), (Plan((5,)),)), Family(("late",), (Plan((5,)),))]
    apart, together = compare(measured, "base", 0.0, families=families), compare(measured, "base", 0.0)
    assert (apart["late"].level == 0.05 and together["late"].level != 0.05) or together[
        "late"
    ].verdict == "better"
    assert apart["a"].level in (0.05, 0.025)


def test_raising_seeds_until_something_is_significant_does_not_help() -> None:
    """A user who looks after 5, 10, 20 and 30 seeds and changes `seeds` each time, a thousand times."""
    naive = remembered = 0
    for study in range(1000):
        measured = values({"null": 0.0}, 30, seed=study)
        seen: list[str] = []
        plans: tuple[Plan, ...] = ()
        kept = "inconclusive"
        for count in (5, 10, 20, 30):
            part = cut(measured, dict.fromkeys(measured, count))
            seen.append(compare(part, "base", 0.0)["null"].verdict)
            plans = (*(Plan(p.looks, p.changed or p.looks[-1]) for p in plans), Plan((count,)))
            kept = compare(part, "base", 0.0, families=[Family(("null",), plans)])["null"].verdict
        naive += any(verdict != "inconclusive" for verdict in seen)
        remembered += kept != "inconclusive"
    assert naive / 1000 > 0.1, "what this is about"
    assert remembered / 1000 <= 0.05 + 2 * (0.05 * 0.95 / 1000) ** 0.5
