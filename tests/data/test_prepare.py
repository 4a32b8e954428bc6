import dataclasses
import json
import shutil

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data import catalogue
from pipeline.data.fetch import fetch
from pipeline.data.prepare import load, prepare

from .tiny import tiny_arrays

pytestmark = pytest.mark.usefixtures("fetched")


@pytest.fixture
def fetched(tmp_path, put):
    put(tmp_path / "mirror", gzipped=True)
    return fetch("tiny_set", tmp_path, "mirror")


def test_what_was_fetched_is_loaded(tmp_path):
    folder = prepare("tiny_set", tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "meta.json",
        "test_images.npy",
        "test_labels.npy",
        "train_images.npy",
        "train_labels.npy",
    ]
    images, arrays = load("tiny_set", tmp_path), tiny_arrays()
    np.testing.assert_array_equal(images.x_train, arrays["train_images"])
    np.testing.assert_array_equal(images.y_train, arrays["train_labels"])
    np.testing.assert_array_equal(images.x_test, arrays["test_images"])
    np.testing.assert_array_equal(images.y_test, arrays["test_labels"])
    assert (images.x_train.dtype, images.y_train.dtype) == (np.uint8, np.int64)
    assert isinstance(images.x_train, np.memmap)
    assert not images.x_train.flags.writeable
    assert images.class_names == ("a", "b", "c")
    assert images.image_shape == (4, 3)


def test_what_is_not_fetched_is_not_prepared(tmp_path, fetched):
    shutil.rmtree(fetched)
    with pytest.raises(DataError, match="train-images-idx3-ubyte is missing; run `dvc repro fetch`"):
        prepare("tiny_set", tmp_path)
    assert not catalogue.prepared_folder("tiny_set", tmp_path).exists()


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "cut short"), (b"\0\0\x08\x01\0\0\0\1x", "not have the published content")]
)
def test_a_damaged_file_is_not_prepared(tmp_path, fetched, content, words):
    (fetched / "t10k-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(DataError, match=f"t10k-labels-idx1-ubyte: .*{words}"):
        prepare("tiny_set", tmp_path)


def test_what_is_not_prepared_is_not_loaded(tmp_path):
    with pytest.raises(DataError, match="tiny_set is not prepared; run `dvc repro prepare`"):
        load("tiny_set", tmp_path)


def test_what_was_not_prepared_to_the_end_is_not_loaded(tmp_path, monkeypatch):
    prepare("tiny_set", tmp_path)

    def fail(stream, *_, **__):
        stream.write(b"some of it")
        raise OSError("full")

    with monkeypatch.context() as patched:
        patched.setattr(np, "save", fail)
        with pytest.raises(OSError, match="full"):
            prepare("tiny_set", tmp_path)
    assert not list(catalogue.prepared_folder("tiny_set", tmp_path).glob(".*"))
    with pytest.raises(DataError, match="is not prepared"):
        load("tiny_set", tmp_path)
    prepare("tiny_set", tmp_path)
    assert len(load("tiny_set", tmp_path).x_train) == 30


def test_arrays_of_other_content_are_not_loaded(tmp_path, tiny, monkeypatch):
    prepare("tiny_set", tmp_path)
    changed = dataclasses.replace(tiny, sha256={**tiny.sha256, "test_labels": "0" * 64})
    monkeypatch.setitem(catalogue.CATALOGUE, "tiny_set", changed)
    with pytest.raises(DataError, match="other content than was fetched; run `dvc repro prepare`"):
        load("tiny_set", tmp_path)


@pytest.mark.parametrize("part", catalogue.PARTS)
def test_arrays_of_another_length_are_not_loaded(tmp_path, part):
    path = prepare("tiny_set", tmp_path) / f"{part}.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(DataError, match=rf"{part}\.npy: must have shape .*; got .*; run"):
        load("tiny_set", tmp_path)


def test_a_truncated_array_is_named(tmp_path):
    path = prepare("tiny_set", tmp_path) / "train_images.npy"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(DataError, match=r"train_images\.npy: cannot be read"):
        load("tiny_set", tmp_path)


def test_preparing_again_changes_no_byte(tmp_path):
    folder = prepare("tiny_set", tmp_path)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    prepare("tiny_set", tmp_path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    assert json.loads(first["meta.json"]) == {"digest": catalogue.digest("tiny_set", tmp_path)}
