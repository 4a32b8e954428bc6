"""What a budget of time allows: the same for all variants, and equal shares of seeds for all ablations."""

import json
from pathlib import Path
from typing import Any

import pytest
from kit import record, study

from pipeline.core.errors import ParamsError
from pipeline.planning import budget
from pipeline.planning.ablation import AblationState
from pipeline.planning.budget import Spending, spent
from pipeline.planning.plan import plan
from pipeline.planning.speed import MEASURED, as_journal, place
from pipeline.planning.state import allowed, read_states
from pipeline.planning.work import work_of
from pipeline.store import Store

WHOLE = {"limit": None, "validation": None}


def ablation(units: int) -> dict[str, Any]:
    base = {"model": {"layers": [units, 800]}, "data": WHOLE}
    return {"seeds": 8, "base": base, "variants": {"plain": {}, "relu": {"model": {"activation": "relu"}}}}


ABLATIONS: dict[str, Any] = {"first": ablation(800), "second": ablation(801), "third": ablation(802)}


class Clock:
    """Stands in for `time` in the module under test."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(budget, "time", clock)
    return clock


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".runs")


def seconds(store: Store, root: Path, ablations: int, seeds: int) -> float:
    """Return what so many ablations with so many seeds take at the speed measured."""
    states = [s.with_seeds(seeds) for s in read_states(of("1 d"), store, root)[:ablations]]
    return MEASURED.start + MEASURED.seconds(work_of(states, store, set()))


def of(written: str) -> Any:
    return study(ABLATIONS, dataset="mnist", budget=written)


def spend(store: Store, root: Path, limit: float, clock: Clock, slower: float = 1.0) -> list[dict[str, int]]:
    """Spend a budget with training that takes `slower` times what is foreseen; return the seeds after each pass."""
    spec = of(f"{limit:.1f} s")
    passes = []
    for states in Spending(spec, store, root).passes():
        clock.now += slower * (MEASURED.start + MEASURED.seconds(work_of(states, store, store.runs.keys())))
        train(store, states)
        passes.append({state.name: state.seeds for state in states})
    return passes


def train(store: Store, states: list[AblationState]) -> None:
    runs = {run.key: run for state in states for variant in state.variants for run in variant.replicates}
    store.runs.put_all([(record(run), None) for key, run in runs.items() if key not in store.runs])


def teach(store: Store, root: Path) -> None:
    """Leave a session that took what was foreseen."""
    (state, *_) = read_states(of("1 d"), store, root)
    work = work_of([state], store, set())
    with store.journal.session(as_journal(work, place(of("1 d")))):
        store.runs.put(record(state.variants[0].replicates[7]))
    (path,) = store.journal.folder.glob("*.json")
    took = MEASURED.start + MEASURED.seconds(work)
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": took}))


def test_all_that_fits_is_trained_with_all_seeds(store: Store, tmp_path: Path, clock: Clock) -> None:
    passes = spend(store, tmp_path, 3 * seconds(store, tmp_path, 3, 8), clock)
    assert passes == [dict.fromkeys(ABLATIONS, 8)]
    assert allowed(of(f"{3 * seconds(store, tmp_path, 3, 8):.1f} s"), store) == dict.fromkeys(ABLATIONS, 8)


def test_seeds_are_fewer_for_all_alike(store: Store, tmp_path: Path, clock: Clock) -> None:
    teach(store, tmp_path)
    limit = 1.05 * seconds(store, tmp_path, 3, 5) + spent(store, read_states(of("1 d"), store, tmp_path))
    passes = spend(store, tmp_path, limit, clock)
    assert len(set(passes[-1].values())) == 1 and 4 <= passes[-1]["first"] <= 5


def test_the_last_ones_are_left_out_where_two_seeds_do_not_fit(
    store: Store, tmp_path: Path, clock: Clock
) -> None:
    limit = 2.2 * seconds(store, tmp_path, 2, 2)
    passes = spend(store, tmp_path, limit, clock)
    spec = of(f"{limit:.1f} s")
    decided = allowed(spec, store) or {}
    assert decided["first"] == decided["second"] >= 2 and set(passes[0]) >= {"first", "second"}
    states = {state.name: state for state in read_states(spec, store, tmp_path)}
    assert [state.is_left_out for state in states.values()] == [not decided[name] for name in states]
    assert all(state.is_trained(store.runs.keys()) for state in states.values())


def test_a_slow_machine_is_noticed_after_the_first_pass(store: Store, tmp_path: Path, clock: Clock) -> None:
    limit = 2.1 * seconds(store, tmp_path, 3, 4)
    spend(store, tmp_path, limit, clock, slower=1.0)
    first, used = allowed(of(f"{limit:.1f} s"), store), clock.now
    assert used <= limit
    slow_store = Store(tmp_path / "slow")
    clock.now = 0.0
    spend(slow_store, tmp_path, limit, clock, slower=1.8)
    assert clock.now <= 1.3 * limit
    assert first and sum((allowed(of(f"{limit:.1f} s"), slow_store) or {}).values()) < sum(first.values())


def test_a_budget_that_allows_nothing_trains_nothing(store: Store, tmp_path: Path, clock: Clock) -> None:
    assert spend(store, tmp_path, 1.0, clock) == []
    assert allowed(of("1.0 s"), store) == dict.fromkeys(ABLATIONS, 0)


def test_time_that_went_into_its_runs_counts_and_no_other(store: Store, tmp_path: Path) -> None:
    states = read_states(of("1 d"), store, tmp_path)
    run = states[0].variants[0].replicates[0]
    with store.journal.session():
        store.runs.put(record(run))
        store.runs.put(record(run, key="0" * 32))
    (path,) = store.journal.folder.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "seconds": 60.0}))
    assert spent(store, states) == pytest.approx(30.0)
    assert spent(store, states[1:]) == 0.0


def test_a_decision_is_that_of_one_study_and_one_budget(store: Store, tmp_path: Path, clock: Clock) -> None:
    spend(store, tmp_path, 1.0, clock)
    assert allowed(of("1.0 s"), store) is not None
    assert allowed(of("2 s"), store) is None
    more = study({**ABLATIONS, "fourth": {"variants": {"plain": {}}}}, dataset="mnist", budget="1.0 s")
    assert allowed(more, store) is None


def test_a_plan_says_what_fits(store: Store, tmp_path: Path) -> None:
    teach(store, tmp_path)
    limit = 1.1 * seconds(store, tmp_path, 2, 2) + spent(store, read_states(of("1 d"), store, tmp_path))
    planned = plan(of(f"{limit:.0f} s"), store, tmp_path)
    assert planned.budget is not None and not planned.budget.decided
    assert planned.budget.seeds["first"] == planned.budget.seeds["second"]
    assert set(planned.budget.shortened) <= {"first", "second"} and planned.budget.spent > 0
    assert planned.to_train == 2 * sum(planned.budget.seeds.values())
    assert plan(study(ABLATIONS, dataset="mnist"), store, tmp_path).budget is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("2 h", 7200), ("90 min", 5400), ("1 h 30 min", 5400), ("1.5h", 5400), ("45 s", 45), ("1 d", 86_400)],
)
def test_times_are_read(written: str, seconds: float) -> None:
    assert of(written).budget == seconds


@pytest.mark.parametrize("written", [7200, "2", "2 hours", "h", "", "-1 h", "0 s", True, None])
def test_other_times_are_faults(written: Any) -> None:
    if written is None:
        assert study(ABLATIONS, budget=None).budget is None
        return
    with pytest.raises(ParamsError, match="budget: must be"):
        of(written)
