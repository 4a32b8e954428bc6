"""Which runs were trained when."""

from pathlib import Path

import pytest

from core.kit import record as record_of
from core.kit import run
from pipeline import journal
from pipeline.journal import session, sessions
from pipeline.records import RunRecord, Took
from pipeline.store import Store


def record(key: str) -> RunRecord:
    return record_of(run(), key=key)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / ".runs")
    made.put(record("before"))
    return made


def test_a_session_holds_the_runs_that_it_stored_and_no_others(store: Store) -> None:
    with session(store):
        store.put(record("b"))
        store.put(record("a"))
    (found,) = sessions(store)
    assert found.runs == ("a", "b") and found.seconds >= 0
    assert sessions(store, after=found.began) == [] and sessions(store, after=found.began - 1) == [found]


def test_what_was_trained_before_an_interruption_is_written_down(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), session(store):
        store.put(record("a"))
        raise KeyboardInterrupt
    assert [found.runs for found in sessions(store)] == [("a",)]


def test_a_session_that_stored_nothing_leaves_nothing(store: Store) -> None:
    with session(store):
        pass
    assert sessions(store) == []


def test_damaged_files_are_left_out(store: Store) -> None:
    with session(store):
        store.put(record("a"))
    (store.folder / ".journal" / "1.json").write_text("{", encoding="utf-8")
    (store.folder / ".journal" / "2.json").write_text('{"began": 2}', encoding="utf-8")
    (store.folder / ".journal" / "notes.json").write_text("[]", encoding="utf-8")
    assert [found.runs for found in sessions(store)] == [("a",)]


def test_the_newest_sessions_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST", 2)
    for key in ("a", "b", "c"):
        with session(store):
            store.put(record(key))
    assert [found.runs for found in sessions(store)] == [("b",), ("c",)]


def test_the_journal_is_no_run(store: Store) -> None:
    with session(store):
        store.put(record("a"))
    assert store.keys() == {"before", "a"}


def test_times_of_runs_that_are_there(store: Store) -> None:
    (store.folder / "broken").mkdir()
    assert store.times(["before", "absent", "broken"]) == {"before": Took(record("before").seconds)}
