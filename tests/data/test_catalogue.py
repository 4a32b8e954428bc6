import re

import pytest

from pipeline.core.errors import DataError
from pipeline.data import catalogue
from pipeline.data.catalogue import CATALOGUE, PARTS


@pytest.mark.parametrize("record", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_record_is_complete(record):
    assert CATALOGUE[record.name] is record
    assert set(record.sha256) == set(record.files) == set(PARTS)
    assert all(re.fullmatch("[0-9a-f]{64}", content) for content in record.sha256.values())
    assert len(set(record.class_names)) == 10
    assert 0 < record.validation < record.train_count
    assert all(source.startswith("https://") for source in record.sources)


def test_files_are_mnists_own():
    assert CATALOGUE["mnist"].files == {
        "train_images": "train-images-idx3-ubyte",
        "train_labels": "train-labels-idx1-ubyte",
        "test_images": "t10k-images-idx3-ubyte",
        "test_labels": "t10k-labels-idx1-ubyte",
    }


def test_shapes():
    record = CATALOGUE["fashion_mnist"]
    assert [record.shape(part) for part in PARTS] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]


def test_digests_need_no_files_and_differ(tmp_path):
    assert len({catalogue.digest(name, tmp_path) for name in CATALOGUE}) == len(CATALOGUE)
    assert list(tmp_path.iterdir()) == []


def test_digests_are_pinned(tmp_path):
    """Run keys depend on them: after a change here, no finished run is found again."""
    assert {name: catalogue.digest(name, tmp_path)[:16] for name in CATALOGUE} == {
        "digits": "dc207314ce491bc2",
        "mnist": "584bb011ec30a150",
        "fashion_mnist": "a28037cf0a09d708",
    }


@pytest.mark.parametrize("name", ["fashon_mnist", "Fashion-MNIST"])
def test_an_unknown_name_suggests_the_nearest(tmp_path, name):
    with pytest.raises(
        DataError, match=r"digits, mnist, fashion_mnist, or .* Did you mean 'fashion_mnist'\?"
    ):
        catalogue.digest(name, tmp_path)


@pytest.mark.parametrize(
    "name", ["", "a:", ":b", "a b:c", "../a:b", "a/b:c", "a:b:c", "a..b:c", "1a:b", "a:b/c"]
)
def test_what_is_no_name_becomes_no_folder(tmp_path, name):
    with pytest.raises(DataError, match="; got "):
        catalogue.raw_folder(name, tmp_path)


def test_folders(tmp_path):
    assert catalogue.raw_folder("mnist", tmp_path) == tmp_path / "data" / "raw" / "mnist"
    assert (
        catalogue.prepared_folder("my.data:Set", tmp_path) == tmp_path / "data" / "prepared" / "my.data-Set"
    )
