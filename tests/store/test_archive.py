"""Runs that travel: whole ones arrive as they were, damaged ones do not, nothing is there twice."""

import io
import os
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from kit import record, run

from pipeline.core.errors import UserError
from pipeline.maintenance.exchange import pull, push
from pipeline.store import Store, archive

WEIGHTS = [np.float32([[1 / 3, -0.0]]), np.uint32([7])]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "mine")
    for seed in range(3):
        store.runs.put(record(run(seed=seed)), WEIGHTS)
    store.choices.put("a", {"values": {"x": 1}, "trials": []})
    store.diagnostics.put("d", {"slope": 0.5})
    return store


@pytest.fixture
def other(tmp_path: Path) -> Store:
    return Store(tmp_path / "other")


def packed(store: Store, weights: bool = False) -> bytes:
    return archive.pack(store, store.runs.keys(), {"choices": ["a"], "diagnostics": ["d"]}, weights)


def test_runs_arrive_as_they_were_without_weights(store: Store, other: Store) -> None:
    assert archive.unpack(other, packed(store)) == 3
    assert other.runs.keys() == store.runs.keys() == archive.run_keys(packed(store))
    for key in store.runs.keys():  # noqa: SIM118  not a mapping
        mine = store.runs.get(key)
        assert mine is not None and mine.seconds > 0
        assert other.runs.get(key) == replace(mine, seconds=0.0, phase_seconds=[])
        assert other.runs.weights(key) is None and other.runs.timings([key]) == {}
    assert other.choices.get("a") == store.choices.get("a")
    assert other.diagnostics.get("d") == store.diagnostics.get("d") == {"slope": 0.5}
    assert archive.unpack(other, packed(store)) == 0


def test_weights_come_with_them_where_asked_for(store: Store, other: Store) -> None:
    archive.unpack(other, packed(store, weights=True))
    for key in store.runs.keys():  # noqa: SIM118
        weights = other.runs.weights(key)
        assert weights is not None
        assert [array.tobytes() for array in weights] == [array.tobytes() for array in WEIGHTS]


def test_runs_trained_again_to_the_same_numbers_have_the_same_archive(store: Store) -> None:
    before, key = packed(store), sorted(store.runs.keys())[0]
    mine = store.runs.get(key)
    assert mine is not None
    store.runs.remove(key)
    store.runs.put(replace(mine, seconds=mine.seconds + 1))
    assert packed(store) == before


def test_an_archive_is_current_until_runs_are_stored_again_or_others_are_wanted(
    store: Store, tmp_path: Path
) -> None:
    keys, notes, path = sorted(store.runs.keys()), {"choices": ["a", "gone"]}, tmp_path / archive.FILE
    assert not archive.is_current(path, store, keys, notes)
    path.write_bytes(archive.pack(store, keys, notes))
    assert archive.is_current(path, store, keys, notes)
    assert not archive.is_current(path, store, keys[1:], notes)
    assert not archive.is_current(path, store, keys, {})
    again = store.runs.get(keys[0])
    assert again is not None
    store.runs.remove(keys[0])
    assert not archive.is_current(path, store, keys, notes)
    store.runs.put(again)
    os.utime(path, (0, 0))
    assert not archive.is_current(path, store, keys, notes)


def test_what_is_damaged_is_neither_packed_nor_taken_in(store: Store, other: Store) -> None:
    first, second, third = sorted(store.runs.keys())
    (store.folder / first / "run.json").write_text("{")
    store.runs._recent.clear()
    assert archive.run_keys(packed(store)) == {second, third}
    data = packed(store)
    swapped = io.BytesIO()
    with ZipFile(io.BytesIO(data)) as read, ZipFile(swapped, "w") as written:
        for name in read.namelist():
            content = read.read(name.replace(second, third)) if second in name else read.read(name)
            written.writestr(name, content)
    assert archive.unpack(other, swapped.getvalue()) == 1, "one says that it is another"
    for cut in (0, 10, len(data) // 2):
        assert archive.unpack(Store(other.folder.with_name("fresh")), data[:cut]) == 0
    flipped = bytearray(data)
    place = data.index(b"runs/") + 120
    flipped[place] ^= 0xFF
    fresh = Store(other.folder.with_name("flipped"))
    archive.unpack(fresh, bytes(flipped))
    for key in fresh.runs.keys():  # noqa: SIM118
        mine = store.runs.get(key)
        assert mine is not None and fresh.runs.get(key) == replace(mine, seconds=0.0, phase_seconds=[])


def test_a_run_that_travelled_is_the_same_to_the_byte(store: Store, other: Store) -> None:
    archive.unpack(other, packed(store))
    assert packed(other) == packed(store)


def test_results_bring_their_runs(store: Store, other: Store, tmp_path: Path) -> None:
    (tmp_path / "results/one").mkdir(parents=True)
    (tmp_path / "results/one" / archive.FILE).write_bytes(packed(store))
    archive.adopt(other, tmp_path / "results", ["one", "absent"])
    assert other.runs.keys() == store.runs.keys()


def test_two_stores_merge_through_a_folder(store: Store, other: Store, tmp_path: Path) -> None:
    place = str(tmp_path / "a folder with #, % and ?")
    other.runs.put(record(run(seed=0)))
    other.runs.put(record(run(seed=9)))
    assert (push(store, place).sent, push(store, place).sent) == (3, 0)
    there = push(other, place)
    assert (there.sent, there.known) == (1, 1)
    assert (pull(store, place).sent, pull(other, place).sent) == (1, 2)
    assert store.runs.keys() == other.runs.keys() and other.choices.get("a") is not None
    assert pull(store, f"file://{tmp_path}/empty").sent == 0


def test_a_damaged_file_is_named_and_left_where_it_is(store: Store, other: Store, tmp_path: Path) -> None:
    push(store, str(tmp_path / "bucket"))
    damaged = sorted(store.runs.keys())[0]
    (tmp_path / "bucket/runs" / f"{damaged}.zip").write_bytes(b"PK")
    taken = pull(other, str(tmp_path / "bucket"))
    assert taken.damaged == (damaged,) and taken.sent == 2


def test_an_address_that_cannot_be_used(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nonsense"):
        push(store, "nonsense://somewhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        push(store, str(tmp_path / "file"))
