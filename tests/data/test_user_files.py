"""Data sets in files, from a mapping in params to prepared arrays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data import catalogue
from pipeline.data.fetch import fetch
from pipeline.data.prepare import Prepared, load, prepare
from pipeline.params.types.dataset import DatasetSpec

Bring = Callable[..., Prepared]


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bring:
    """Return a function that brings the data set of a mapping, whose paths are relative to `tmp_path`."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))

    def bring(**mapping: Any) -> Prepared:
        spec = DatasetSpec(**mapping)
        fetch(spec.name, tmp_path, spec=spec.source())
        prepare(spec.name, tmp_path)
        return load(spec.name, tmp_path)

    return bring


def save(folder: Path, **arrays: Any) -> None:
    with (folder / "series.npz").open("wb") as stream:
        np.savez(stream, **{name: np.asarray(array) for name, array in arrays.items()})


def test_an_npz_file_as_keras_has_them(tmp_path: Path, bring: Bring) -> None:
    x = np.random.default_rng(0).normal(size=(12, 5, 2))
    save(
        tmp_path,
        x_train=x[:8],
        y_train=np.arange(8) % 2,
        x_test=x[8:],
        y_test=[0, 1, 1, 0],
        weights_train=np.arange(8),
    )
    data = bring(npz="series.npz")
    np.testing.assert_array_equal(data.x_train, x[:8].astype("float32"))
    assert (data.x_train.dtype, data.y_train.dtype, data.y_test.tolist()) == (
        "float32",
        "int64",
        [0, 1, 1, 0],
    )
    assert data.weights_train is not None and data.weights_train.tolist() == list(range(8))
    assert data.groups_train is None and data.weights_test is None
    record = data.record
    assert (record.task, record.outputs, record.input_shape, record.kind) == ("classes", 2, (5, 2), "arrays")
    assert record.title == "series.npz" and record.name.startswith("series-") and not record.is_image


def test_a_test_part_is_drawn_in_proportion_and_in_chunks(
    tmp_path: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.data.rows.CHUNK", 64)
    x = np.arange(100 * 3, dtype=np.int16).reshape(100, 3)
    save(tmp_path, x_train=x, y_train=np.repeat(["b", "a"], [80, 20]))
    data = bring(npz="series.npz", test=0.1)
    assert np.bincount(data.y_test).tolist() == [2, 8] and data.class_names == ("a", "b")
    assert data.x_train.dtype == np.int32 and len(data.x_train) == 90
    np.testing.assert_array_equal(np.sort(np.concatenate([data.x_train, data.x_test])[:, 0]), x[:, 0])
    assert (data.y_test == (data.x_test[:, 0] < 240)).all(), "rows keep their targets"


def test_the_last_part_is_held_out(tmp_path: Path, bring: Bring) -> None:
    save(tmp_path, x_train=np.arange(10), y_train=np.arange(10) / 3)
    data = bring(npz="series.npz", split="time")
    assert data.x_test[:, 0].tolist() == [8, 9] and data.record.task == "regression"
    assert data.y_test.tolist() == [[np.float32(8 / 3)], [3.0]]


def test_groups_never_straddle(tmp_path: Path, bring: Bring) -> None:
    groups = np.repeat(np.arange(10), 6)
    save(tmp_path, x_train=np.arange(60.0), y_train=np.arange(60) % 2, groups_train=groups)
    data = bring(npz="series.npz")
    assert data.groups_train is not None and data.groups_test is not None
    assert len(data.x_test) == 12 and not set(data.groups_train) & set(data.groups_test)


def test_prepared_arrays_are_the_fetched_files(tmp_path: Path, bring: Bring) -> None:
    save(tmp_path, x_train=np.arange(60.0), y_train=np.arange(60) % 2)
    name = bring(npz="series.npz").record.name
    raw, prepared = (
        folder(name, tmp_path) / "x_train.npy" for folder in (catalogue.raw_folder, catalogue.prepared_folder)
    )
    assert raw.samefile(prepared)
    raw.write_bytes(raw.read_bytes()[:-1] + b"\1")
    with pytest.raises(DataError, match="does not have the published content"):
        prepare(name, tmp_path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": [1, 2], "y_train": [0, 1]}, "has no array x_train; it has x, y_train"),
        ({"x_train": [1.0, np.nan], "y_train": [0, 1]}, r"x_train\[1, 0\] is nan"),
        ({"x_train": [1.0, 2.0], "y_train": [0.5, np.nan]}, "y_train is not a number in row 1; leave it out"),
        ({"x_train": [1, 2], "y_train": [1, 1]}, "at least 2 different labels; got only 1"),
        ({"x_train": ["a", "b"], "y_train": [0, 1]}, "x_train must be an array of numbers"),
        ({"x_train": [1, 2, 3], "y_train": [0, 1]}, "y_train must have one entry for each of the 3 rows"),
    ],
)
def test_faults_of_npz_files_are_named(
    tmp_path: Path, bring: Bring, arrays: dict[str, Any], words: str
) -> None:
    save(tmp_path, **arrays)
    with pytest.raises(DataError, match=f"^series.npz: .*{words}"):
        bring(npz="series.npz")


def test_a_damaged_npz_file_is_named(tmp_path: Path, bring: Bring) -> None:
    (tmp_path / "series.npz").write_bytes(b"no zip")
    with pytest.raises(DataError, match=r"series.npz: is no npz file"):
        bring(npz="series.npz")
