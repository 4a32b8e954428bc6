import sys
import textwrap

import numpy as np
import pytest

from pipeline.core.errors import DataError, UserError
from pipeline.data import catalogue, idx
from pipeline.data.fetch import fetch
from pipeline.data.prepare import load, prepare


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module of the user's own, whose `make` returns what is given."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(returned, more=""):
        sys.modules.pop("shapes", None)
        source = f"import numpy as np\ndef make():\n    return {returned}\n{textwrap.dedent(more)}"
        (tmp_path / "shapes.py").write_text(source)
        return "shapes:make"

    yield write
    sys.modules.pop("shapes", None)


TRAIN = "(np.full((20, 5, 4), 7, 'uint8'), np.arange(20) % 3)"
TEST = "(np.zeros((4, 5, 4), 'uint8'), np.array([0, 1, 2, 1], 'int32'))"


def test_a_data_set_of_ones_own_goes_the_same_way(tmp_path, module):
    name = module(f"{TRAIN}, {TEST}")
    folder = fetch(name, tmp_path)
    assert folder == tmp_path / "data" / "raw" / "shapes-make"
    prepare(name, tmp_path)
    images = load(name, tmp_path)
    assert images.x_train.shape == (20, 5, 4)
    assert images.y_test.tolist() == [0, 1, 2, 1]
    assert images.class_names == ("0", "1", "2")
    assert images.image_shape == (5, 4)
    assert catalogue.lookup(name, tmp_path).validation == 2


def test_colour_and_class_names(tmp_path, module):
    name = module(
        "((np.zeros((3, 2, 2, 3), 'uint8'), [0, 1, 1]), (np.ones((1, 2, 2, 3), 'uint8'), [0]))",
        "make.class_names = ['cat', 'dog']",
    )
    folder = fetch(name, tmp_path)
    assert (folder / "train-images-idx4-ubyte").is_file()
    prepare(name, tmp_path)
    images = load(name, tmp_path)
    assert images.image_shape == (2, 2, 3)
    assert images.class_names == ("cat", "dog")


def test_the_digest_follows_the_content(tmp_path, module):
    name = module(f"{TRAIN}, {TEST}")
    folder = fetch(name, tmp_path)
    first = catalogue.digest(name, tmp_path)
    kept = {path: path.stat().st_ino for path in folder.iterdir()}
    fetch(name, tmp_path)
    assert {path: path.stat().st_ino for path in folder.iterdir()} == kept
    prepare(name, tmp_path)
    module(f"{TRAIN}, {TEST}".replace("7", "8"))
    fetch(name, tmp_path)
    assert catalogue.digest(name, tmp_path) != first
    with pytest.raises(DataError, match="other content than was fetched"):
        load(name, tmp_path)


def test_a_damaged_file_is_made_again(tmp_path, module):
    name = module(f"{TRAIN}, {TEST}")
    damaged = fetch(name, tmp_path) / "train-labels-idx1-ubyte"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1])
    fetch(name, tmp_path)
    assert damaged.read_bytes() == whole


def test_a_fetch_that_was_not_finished_leaves_no_digest(tmp_path, module, monkeypatch):
    name = module(f"{TRAIN}, {TEST}")
    fetch(name, tmp_path)
    module(f"{TRAIN}, {TEST}".replace("7", "8"))

    def fail(*_):
        raise OSError("full")

    monkeypatch.setattr(idx, "write", fail)
    with pytest.raises(OSError, match="full"):
        fetch(name, tmp_path)
    with pytest.raises(DataError, match="not fetched yet"):
        catalogue.digest(name, tmp_path)


def test_before_fetching_there_is_no_digest(tmp_path):
    with pytest.raises(DataError, match="shapes:make: not fetched yet; run `dvc repro fetch`"):
        catalogue.digest("shapes:make", tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"counts": [1]}'])
def test_a_damaged_description_is_named(tmp_path, module, content):
    name = module(f"{TRAIN}, {TEST}")
    (fetch(name, tmp_path) / "meta.json").write_text(content)
    with pytest.raises(DataError, match=r"meta\.json is damaged; run `dvc repro fetch`"):
        catalogue.digest(name, tmp_path)
    fetch(name, tmp_path)
    assert len(catalogue.digest(name, tmp_path)) == 64


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        ("1", r"must return \(\(x_train, y_train\)"),
        (f"{TRAIN}, {TEST}, 3", "must return"),
        (
            f"{TRAIN}, (np.zeros((4, 5, 4)), [0, 1, 1, 1])",
            "x_train and x_test must be of one type; got uint8 and float64",
        ),
        (
            f"{TRAIN}, (np.zeros((4, 20), 'uint8'), [0, 1, 1, 1])",
            r".*must have one shape for each row; got \(5, 4\) and \(20,\)",
        ),
        (f"{TRAIN}, (np.zeros((0, 5, 4), 'uint8'), [])", r"x_test must have rows; got shape \(0, 5, 4\)"),
        (
            f"{TRAIN}, (np.zeros((1, 4, 5), 'uint8'), [0])",
            r"x_train and x_test must have one shape for each row; got \(5, 4\) and \(4, 5\)",
        ),
        (
            f"{TRAIN}, (np.zeros((1, 5, 4), 'uint8'), [0, 1])",
            "y_test must have one entry for each of the 1 row of x_test; got 2",
        ),
        (
            f"{TRAIN}, (np.zeros((1, 5, 4), 'uint8'), [0.5])",
            "y_test must hold labels that y_train has too; got 0.5",
        ),
        (
            f"{TRAIN}, (np.zeros((1, 5, 4), 'uint8'), [-1])",
            "y_test must hold labels that y_train has too; got -1",
        ),
        (f"{TRAIN}, (np.zeros((1, 5, 4), 'uint8'), [256, 0][:1])", "y_test .* got 256"),
        ("1 / 0", "raised ZeroDivisionError"),
    ],
)
def test_anything_else_is_refused_in_words(tmp_path, module, returned, words):
    name = module(returned)
    with pytest.raises(DataError, match=f"shapes:make: {words}"):
        fetch(name, tmp_path)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("names", ["['a']", "['a', 'a', 'b']"])
def test_class_names_must_be_enough_and_different(tmp_path, module, names):
    name = module(f"{TRAIN}, {TEST}", f"make.class_names = {names}")
    with pytest.raises(DataError, match="class_names must be 3 different names"):
        fetch(name, tmp_path)


def test_what_cannot_be_called_is_refused(tmp_path, module):
    module("0", "pairs = 3")
    with pytest.raises(DataError, match="must be callable; got int"):
        fetch("shapes:pairs", tmp_path)


def test_a_module_that_is_not_there_is_told_as_a_users_error(tmp_path):
    with pytest.raises(UserError, match="no_such_module"):
        fetch("no_such_module:make", tmp_path)


def test_integer_labels_of_any_width_are_taken(tmp_path, module):
    name = module(f"{TRAIN}, {TEST}".replace("int32", "int64"))
    fetch(name, tmp_path)
    prepare(name, tmp_path)
    assert load(name, tmp_path).y_test.dtype == np.int64


LABELS = "((np.zeros((6, 2, 2), 'uint8'), {train}), (np.zeros((2, 2, 2), 'uint8'), {test}))"


@pytest.mark.parametrize(
    ("train", "test", "names", "numbers"),
    [
        ("[1, 2, 3, 1, 2, 3]", "[3, 1]", ("1", "2", "3"), [2, 0]),
        ("[2, 5, 9, 2, 5, 9]", "[5, 9]", ("2", "5", "9"), [1, 2]),
        ("[-1, 1, -1, 1, 1, 1]", "[1, -1]", ("-1", "1"), [1, 0]),
        ("np.array([0, 1, 2, 0, 1, 2])[:, None]", "np.array([[2], [0]])", ("0", "1", "2"), [2, 0]),
        ("['dog', 'cat', 'cat', 'dog', 'dog', 'cat']", "['cat', 'dog']", ("cat", "dog"), [0, 1]),
        (
            "np.array(['b', 'a', 'a', 'b', 'b', 'a'], object)",
            "np.array(['a', 'b'], object)",
            ("a", "b"),
            [0, 1],
        ),
        ("[True, False, True, False, True, True]", "[False, True]", ("False", "True"), [0, 1]),
    ],
)
def test_labels_as_people_have_them(tmp_path, module, train, test, names, numbers):
    name = module(LABELS.format(train=train, test=test))
    fetch(name, tmp_path)
    prepare(name, tmp_path)
    images = load(name, tmp_path)
    assert images.class_names == names
    assert images.y_test.tolist() == numbers


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ("[3] * 6", "[3, 3]", "y_train must hold at least 2 different labels; got only 3"),
        ("[0, 'a', 1, 0, 1, 0]", "[0, 1]", "y_test .*one type|y_train must be"),
        ("[0, 1, 0, 1, 0, 1]", "[2, 3]", "y_test must hold labels that y_train has too; got 2, 3 as well"),
    ],
)
def test_labels_that_nothing_can_learn_are_refused(tmp_path, module, train, test, message):
    with pytest.raises(DataError, match=message):
        fetch(module(LABELS.format(train=train, test=test)), tmp_path)
