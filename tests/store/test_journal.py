"""The journal: which runs were trained when."""

import re
import subprocess
from pathlib import Path

import pytest
from kit import record as record_of
from kit import run

from pipeline.core.project import commit
from pipeline.runs.records import RunRecord, Timing
from pipeline.store import Store, journal


def record(key: str) -> RunRecord:
    return record_of(run(), key=key)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / ".runs")
    store.runs.put(record("before"))
    return store


def test_a_session_holds_the_runs_that_it_stored_and_no_others(store: Store) -> None:
    with store.journal.session():
        store.runs.put(record("b"))
        store.runs.put(record("a"))
    (session,) = store.journal.sessions()
    assert session.runs == ("a", "b") and session.seconds >= 0
    assert store.journal.sessions(after=session.began) == []
    assert store.journal.sessions(after=session.began - 1) == [session]


def test_runs_trained_before_an_interruption_are_recorded(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.journal.session():
        store.runs.put(record("a"))
        raise KeyboardInterrupt
    assert [session.runs for session in store.journal.sessions()] == [("a",)]


def test_a_session_that_stored_nothing_leaves_nothing(store: Store) -> None:
    with store.journal.session():
        pass
    assert store.journal.sessions() == []


def test_damaged_files_are_left_out(store: Store) -> None:
    with store.journal.session():
        store.runs.put(record("a"))
    (store.folder / ".journal" / "1.json").write_text("{", encoding="utf-8")
    (store.folder / ".journal" / "2.json").write_text('{"began": 2}', encoding="utf-8")
    (store.folder / ".journal" / "notes.json").write_text("[]", encoding="utf-8")
    assert [session.runs for session in store.journal.sessions()] == [("a",)]


def test_the_newest_sessions_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST", 2)
    for key in ("a", "b", "c"):
        with store.journal.session():
            store.runs.put(record(key))
    assert [session.runs for session in store.journal.sessions()] == [("b",), ("c",)]


def test_the_journal_is_not_a_run(store: Store) -> None:
    with store.journal.session():
        store.runs.put(record("a"))
    assert store.runs.keys() == {"before", "a"}


def test_times_of_runs_that_are_stored(store: Store) -> None:
    (store.folder / "broken").mkdir()
    assert store.runs.timings(["before", "absent", "broken"]) == {"before": Timing(record("before").seconds)}


def test_the_sessions_of_each_run_are_found_by_its_key(store: Store) -> None:
    for keys in ("ab", "bc"):
        with store.journal.session():
            for key in keys:
                store.runs.remove(key)
                store.runs.put(record(key))
        if keys == "ab":
            store.runs.remove("b")  # damaged, say
    first, second = store.journal.sessions()
    assert store.journal.by_run() == {"a": [first], "b": [first, second], "c": [second]}


def test_sessions_know_the_commit_and_whether_files_had_changed(tmp_path: Path) -> None:
    def git(*command: str) -> None:
        names = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *names, *command], cwd=tmp_path, check=True, capture_output=True)

    assert commit(tmp_path / "nowhere") is None
    git("init", "--quiet")
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "study")
    clean = commit(tmp_path)
    assert clean is not None and re.fullmatch("[0-9a-f]{12,}", clean)
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    assert commit(tmp_path) == f"{clean}-dirty"
    store = Store(tmp_path / ".runs")
    with store.journal.session():
        store.runs.put(record("a"))
    assert [session.commit for session in store.journal.sessions()] == [f"{clean}-dirty"]
