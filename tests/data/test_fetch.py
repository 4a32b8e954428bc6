import gzip
import logging
import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data import catalogue, digits
from pipeline.data.fetch import fetch, sources
from pipeline.data.prepare import load, prepare
from pipeline.data.sources import is_url

from .tiny import UNREACHABLE, tiny_arrays

pytestmark = pytest.mark.usefixtures("tiny")

MIRROR = os.environ.get("ABLATION_DATA_MIRROR")


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("sub_folder", ["tiny_set", "tiny-set", "."])
def test_a_folder_is_a_mirror(tmp_path, put, contents, gzipped, sub_folder):
    put(tmp_path / "mirror" / sub_folder, gzipped=gzipped)
    folder = fetch("tiny_set", tmp_path, str(tmp_path / "mirror"))
    assert folder == tmp_path / "data" / "raw" / "tiny_set"
    assert files(folder) == contents


@pytest.mark.parametrize("sub_folder", ["/tiny_set", "/tiny-set", ""])
def test_an_address_is_a_mirror(tmp_path, server, contents, sub_folder):
    server.routes = {f"{sub_folder}/{name}.gz": gzip.compress(body) for name, body in contents.items()}
    assert files(fetch("tiny_set", tmp_path, server.url)) == contents


def test_the_argument_comes_before_the_variable(tmp_path, put, contents, monkeypatch):
    put(tmp_path / "right", gzipped=True)
    monkeypatch.setenv("ABLATION_DATA_MIRROR", str(tmp_path / "nowhere"))
    assert files(fetch("tiny_set", tmp_path, "right")) == contents


def test_the_variable_names_a_mirror_relative_to_the_root(tmp_path, put, contents, monkeypatch):
    put(tmp_path / "mirror", gzipped=True)
    monkeypatch.setenv("ABLATION_DATA_MIRROR", "mirror")
    assert files(fetch("tiny_set", tmp_path)) == contents


def test_the_package_is_used_without_a_mirror(tmp_path, tiny, put, contents):
    put(Path(tiny.package), gzipped=True)
    assert files(fetch("tiny_set", tmp_path)) == contents


def test_sources_come_in_order(tmp_path, tiny):
    named = sources(tiny, tmp_path, "https://example.org")
    assert [source.name for source in named] == ["data.mirror", "package dataset-tiny", "official address"]
    assert [source.name for source in sources(tiny, tmp_path, "")] == [
        "package dataset-tiny",
        "official address",
    ]


def test_another_data_set_under_the_same_names_is_passed_over(tmp_path, put, contents):
    """mnist and fashion_mnist call their files the same, so only the content tells them apart."""
    mirror = put(tmp_path / "mirror", gzipped=False)
    wrong = mirror / "tiny_set"
    wrong.mkdir()
    for name in contents:
        (wrong / name).write_bytes(b"\0\0\x08\x01\0\0\0\0")
    assert files(fetch("tiny_set", tmp_path, str(mirror))) == contents


def test_right_files_are_kept_and_nobody_is_asked(tmp_path, put, server):
    put(tmp_path / "mirror", gzipped=True)
    folder = fetch("tiny_set", tmp_path, "mirror")
    before = {path: path.stat().st_ino for path in folder.iterdir()}
    fetch("tiny_set", tmp_path, server.url)
    assert server.requested == []
    assert {path: path.stat().st_ino for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda content: content[:-5], "cut short"),
        (lambda content: content + b"x", "too long"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "does not have the published content"),
        (lambda _: b"<html>", "not an IDX file"),
    ],
)
def test_a_broken_file_is_named_and_only_it_is_fetched_again(
    tmp_path, put, contents, server, caplog, damage, words
):
    put(tmp_path / "mirror", gzipped=True)
    folder = fetch("tiny_set", tmp_path, "mirror")
    name = "train-images-idx3-ubyte"
    (folder / name).write_bytes(damage(contents[name]))
    server.routes = {f"/{name}.gz": gzip.compress(contents[name])}
    with caplog.at_level(logging.WARNING):
        fetch("tiny_set", tmp_path, server.url)
    assert files(folder) == contents
    (record,) = caplog.records
    assert str(folder / name) in record.getMessage()
    assert words in record.getMessage()
    assert "fetching it again" in record.getMessage()
    assert all(name in path for path in server.requested)


def test_one_message_says_all_that_was_tried_and_what_to_do(tmp_path, server):
    name = "train-images-idx3-ubyte"
    server.routes = {f"/tiny_set/{name}.gz": gzip.compress(b"other"), f"/{name}.gz": b"\x1f\x8bxx"}
    with pytest.raises(DataError) as caught:
        fetch("tiny_set", tmp_path, server.url)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"tiny_set: {name} could not be fetched. Tried:"
    assert lines[1].startswith(f"  data.mirror: {server.url}/tiny_set/{name}.gz: other content: SHA-256 ")
    assert f"{server.url}/{name}.gz: is" in lines[1]
    assert lines[2] == f"  package dataset-tiny: {tmp_path / 'package'}: no such folder"
    assert lines[3].startswith(f"  official address: {UNREACHABLE}: cannot be reached: ")
    advice = "\n".join(lines[4:])
    for word in ("ABLATION_DATA_MIRROR", "data.mirror", "dataset-tiny", "digits", "t10k-labels-idx1-ubyte"):
        assert word in advice


def test_a_mirror_without_the_file_says_so(tmp_path, server):
    with pytest.raises(DataError, match=r"data\.mirror: .*: train-images-idx3-ubyte answers 404"):
        fetch("tiny_set", tmp_path, server.url)
    (tmp_path / "mirror").mkdir()
    with pytest.raises(DataError, match=r"data\.mirror: .*mirror: train-images-idx3-ubyte is not there"):
        fetch("tiny_set", tmp_path, "mirror")


def test_a_dead_mirror_is_asked_once(tmp_path, tiny, put, monkeypatch):
    from pipeline.data import fetch as module

    locations = []

    def counting(location, *arguments):
        locations.append(location)
        return fetch_file(location, *arguments)

    fetch_file = module.fetch_file
    monkeypatch.setattr(module, "fetch_file", counting)
    put(Path(tiny.package), gzipped=True)
    fetch("tiny_set", tmp_path, "http://127.0.0.1:1")
    assert sum(location.startswith("http://127.0.0.1:1") for location in locations) == 1


def test_a_failure_leaves_no_file(tmp_path, server, contents):
    names = list(contents)
    server.routes = {f"/{names[0]}": contents[names[0]], f"/{names[1]}": contents[names[1]][:-1]}
    with pytest.raises(DataError, match=names[1]):
        fetch("tiny_set", tmp_path, server.url)
    assert files(tmp_path / "data" / "raw" / "tiny_set") == {names[0]: contents[names[0]]}


def test_what_a_killed_process_left_is_swept(tmp_path, put, contents):
    put(tmp_path / "mirror", gzipped=True)
    folder = fetch("tiny_set", tmp_path, "mirror")
    (folder / ".train-images-idx3-ubyte.0123.partial").write_bytes(b"half")
    fetch("tiny_set", tmp_path, "mirror")
    assert files(folder) == contents


@pytest.mark.parametrize("mirror", ["ftp://example.org/files", "s3://bucket", "file:///tmp"])
def test_a_mirror_is_a_folder_or_on_the_web(tmp_path, mirror):
    with pytest.raises(DataError, match=r"data\.mirror: must be .*https://.*; got "):
        fetch("tiny_set", tmp_path, mirror)


def test_a_bar_is_shown_on_a_terminal_only(tmp_path, server, contents, monkeypatch, capsys):
    server.routes = {f"/{name}": content for name, content in contents.items()}
    fetch("tiny_set", tmp_path / "quiet", server.url)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    fetch("tiny_set", tmp_path / "shown", server.url)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "train-images-idx3-ubyte" in captured.err


def test_digits_need_no_network_and_are_pinned(tmp_path):
    fetch("digits", tmp_path)
    prepare("digits", tmp_path)
    images = load("digits", tmp_path)
    assert images.x_train.shape == (1397, 8, 8)
    assert images.x_test.shape == (400, 8, 8)
    assert (images.x_train.min(), images.x_train.max()) == (0, 255)
    assert np.bincount(images.y_test).tolist() == [40, 41, 39, 41, 40, 40, 40, 40, 39, 40]
    assert np.ptp(np.bincount(images.y_train[:300])) <= 2


def test_digits_are_scikit_learns_each_once():
    from sklearn.datasets import load_digits

    bunch = load_digits()
    arrays = digits.arrays()
    images = np.concatenate([arrays["train_images"], arrays["test_images"]])
    labels = np.concatenate([arrays["train_labels"], arrays["test_labels"]])
    made = sorted(
        (label, *np.rint(image.ravel() / 255 * 16)) for image, label in zip(images, labels, strict=True)
    )
    given = sorted((label, *image.ravel()) for image, label in zip(bunch.images, bunch.target, strict=True))
    assert made == given


def test_another_scikit_learn_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "arrays", tiny_arrays)
    with pytest.raises(DataError, match=r"scikit-learn has other train_images.*constraints.txt"):
        fetch("digits", tmp_path)
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(not MIRROR, reason="ABLATION_DATA_MIRROR names no mirror with the real data sets")
@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_real_data_sets_have_the_content_known(tmp_path, name):
    record = catalogue.CATALOGUE[name]
    fetch(name, tmp_path, MIRROR if is_url(MIRROR) else str(Path(MIRROR).absolute()))
    prepare(name, tmp_path)
    images = load(name, tmp_path)
    assert images.x_train.shape == record.shape("train_images")
    assert np.bincount(images.y_test).tolist() == (
        [1000] * 10 if name == "fashion_mnist" else [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    )
