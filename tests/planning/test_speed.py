"""What sessions teach about the speed of this machine."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import study

from pipeline.planning.cost import Work
from pipeline.planning.speed import (
    MEASURED,
    SECONDS_OF_CHORES,
    Speed,
    as_journal,
    guessed,
    learned,
    place,
    slowness,
)
from pipeline.store.journal import Session

HERE = "here"
DENSE = Work(steps=500_000, dense=9e11, graphs=90)
CONVOLVED = Work(steps=40_000, convolved=6e12, graphs=6)
SMALL = Work(steps=1_000, dense=1e9, graphs=2)


def session(work: Work, speed: Speed, where: str = HERE, began: int = 0) -> Session:
    return Session(began, speed.start + speed.seconds(work), ("a",), as_journal(work, where))


@pytest.mark.parametrize("sessions", [[], [Session(0, 9.0, ("a",)), session(DENSE, MEASURED, "elsewhere")]])
def test_without_sessions_it_follows_from_how_fast_this_machine_is(
    sessions: list[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.planning.speed.slowness", lambda: 2.0)
    speed = learned(sessions, HERE)
    assert speed == guessed(2.0) and speed.seconds(DENSE) == pytest.approx(2 * MEASURED.seconds(DENSE))
    assert guessed(1.0) == MEASURED


def test_a_machine_that_is_busy_half_of_the_time_is_not_taken_to_be_slow() -> None:
    quiet = slowness()
    assert 0.05 < quiet < 50
    times = iter([0.0, 1.0, 1.0, 1.0 + 2 * SECONDS_OF_CHORES] * 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.planning.speed.perf_counter", lambda: next(times))
        assert slowness(4) == pytest.approx(2.0)


@settings(deadline=None)
@given(factor=st.floats(0.1, 10.0), work=st.sampled_from([DENSE, CONVOLVED, SMALL]))
def test_one_session_makes_another_like_it_right_within_a_tenth(factor: float, work: Work) -> None:
    there = Speed(*(factor * value for value in vars(MEASURED).values()))
    speed = learned([session(work, there)], HERE)
    for again in (work, replace(work, graphs=1.2 * work.graphs, steps=0.8 * work.steps)):
        real = there.start + there.seconds(again)
        assert speed.start + speed.seconds(again) == pytest.approx(real, rel=0.15)


def test_sessions_of_several_kinds_tell_its_parts_apart() -> None:
    there = Speed(start=9.0, graph=2.0, step=20e-6, dense=1 / 40e9, convolved=1 / 200e9)
    speed = learned([session(work, there) for work in (DENSE, CONVOLVED, SMALL) * 3], HERE)
    for work in (DENSE, CONVOLVED, SMALL, DENSE + CONVOLVED):
        real = there.start + there.seconds(work)
        assert speed.start + speed.seconds(work) == pytest.approx(real, rel=0.3)


def test_a_long_session_hardly_teaches_how_long_starting_takes() -> None:
    """Then a short one is not taken to be slower than it is."""
    slow = replace(MEASURED, graph=2 * MEASURED.graph, step=2 * MEASURED.step, dense=2 * MEASURED.dense)
    speed = learned([session(DENSE, slow)], HERE)
    assert speed.start == pytest.approx(MEASURED.start, rel=0.15)
    assert speed.seconds(DENSE) == pytest.approx(slow.seconds(DENSE), rel=0.05)


def test_newer_sessions_count_more() -> None:
    slow = Speed(*(3 * value for value in vars(MEASURED).values()))
    speed = learned([*[session(DENSE, MEASURED)] * 10, *[session(DENSE, slow)] * 10], HERE)
    assert speed.seconds(DENSE) > 2 * MEASURED.seconds(DENSE)


@pytest.mark.parametrize(
    "other",
    [{"engine": "fit"}, {"precision": "mixed_bfloat16"}, {"executor": {"kind": "processes", "workers": 7}}],
)
def test_other_settings_are_another_place(other: dict[str, Any]) -> None:
    ablations = {"one": {"variants": {"plain": {}}}}
    assert place(study(ablations)) == place(study(ablations, seeds=9)) != place(study(ablations, **other))
