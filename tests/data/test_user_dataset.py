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


@pytest.mark.parametrize(
    ("x", "y", "task", "names", "numbers"),
    [
        ("np.ones((6, 3))", "np.eye(3)[[0, 1, 2, 0, 1, 2]]", "classes", ("0", "1", "2"), [0, 1]),
        ("np.ones(6)", "[0.0, 1.0] * 3", "classes", ("0", "1"), [0, 1]),
        (
            "np.ones((6, 3))",
            "np.arange(18).reshape(6, 3) % 2",
            "labels",
            ("label 0", "label 1", "label 2"),
            [[0, 1, 0], [1, 0, 1]],
        ),
        ("np.ones((6, 3))", "np.arange(6) / 2", "regression", ("target",), [[0], [0.5]]),
        (
            "np.ones((6, 3, 2, 1))",
            "np.arange(24).reshape(6, 2, 2, 1) % 3 * 9",
            "map",
            ("0", "9", "18"),
            [[[0, 1], [2, 0]], [[1, 2], [0, 1]]],
        ),
        ("np.zeros((6, 2, 2), 'uint8')", "np.arange(6) % 2", "classes", ("0", "1"), [0, 1]),
        (
            "np.ones((6, 3), bool)",
            "range(100, 700, 100)",
            "classes",
            tuple(f"{n}00" for n in range(1, 7)),
            [0, 1],
        ),
        ("np.ones((30, 3))", "range(30)", "regression", ("target",), [[0], [1]]),
        ("np.zeros((30, 2, 2), 'uint8')", "range(30)", "classes", tuple(map(str, sorted(range(30)))), [0, 1]),
    ],
)
def test_the_targets_decide_the_task(tmp_path, module, x, y, task, names, numbers):
    name = module(f"({x}, {y}), ({x}, {y})")
    fetch(name, tmp_path)
    prepare(name, tmp_path)
    data = load(name, tmp_path)
    assert (data.record.task, data.class_names) == (task, names)
    assert data.y_train[:2].tolist() == numbers
    assert data.record.cautions[-1].endswith("test rows equal a training row")


def test_a_task_of_ones_own_overrides(tmp_path, module):
    name = module("(np.ones((4, 2)), [1, 2, 1, 3]), (np.zeros((1, 2)), [9])", "make.task = 'regression'")
    fetch(name, tmp_path)
    assert catalogue.lookup(name, tmp_path).task == "regression"
    module("(np.ones((4, 2)), [1, 2, 1, 3]), (np.ones((1, 2)), [9])", "make.task = 'regresion'")
    with pytest.raises(DataError, match=r"task must be one of .*Did you mean 'regression'"):
        fetch(name, tmp_path)


def test_several_inputs_weights_and_groups(tmp_path, module):
    half = (
        "({{'wide': np.ones(({n}, 3), 'int8'), 'deep': np.zeros(({n}, 4, 2))}}, np.arange({n}) % 2, {more})"
    )
    name = module(
        f"{half.format(n=6, more='None, list(`aabbcc`)')}, {half.format(n=2, more='[1, 2]')}".replace(
            "`", "'"
        )
    )
    fetch(name, tmp_path)
    prepare(name, tmp_path)
    data = load(name, tmp_path)
    assert data.record.input_shape == {"wide": (3,), "deep": (4, 2)} and data.record.kind == "inputs"
    assert {key: array.dtype.name for key, array in data.x_train.items()} == {
        "wide": "int32",
        "deep": "float32",
    }
    assert data.groups_train.tolist() == [0, 0, 1, 1, 2, 2] and data.groups_test is None
    assert data.weights_train is None and data.weights_test.tolist() == [1, 2]
    with pytest.raises(DataError, match="has several inputs"):
        _ = data.image_shape


def test_a_data_frame_is_a_table(tmp_path, module):
    frame = "pd.DataFrame({'size': [1.5, None, 3.0, 4.0], 'kind': ['b', 'a', None, 'b'], 'new': [True, False] * 2})"
    name = module(
        f"({frame}, [0, 1, 0, 1]), ({frame}[::-1].replace('a', 'z'), [0, 1, 0, 1])", "import pandas as pd"
    )
    fetch(name, tmp_path)
    prepare(name, tmp_path)
    data = load(name, tmp_path)
    assert [(column.name, column.kind, column.missing) for column in data.record.columns] == [
        ("size", "number", 1),
        ("kind", "category", 1),
        ("new", "number", 0),
    ]
    assert data.x_test[2].tolist()[1:] == [-1, 0] and np.isnan(data.x_test[2, 0])


def test_an_array_on_disk_is_copied_in_chunks(tmp_path, module, monkeypatch):
    monkeypatch.setattr("pipeline.data.rows.CHUNK", 4096)
    np.save(tmp_path / "big.npy", np.random.default_rng(0).normal(size=(500, 20)))
    big = f"np.load({str(tmp_path / 'big.npy')!r}, mmap_mode='r')"
    name = module(f"({big}, np.arange(500) % 2), ({big}[:10] + 1, np.arange(10) % 2)")
    fetch(name, tmp_path)
    prepare(name, tmp_path)
    np.testing.assert_array_equal(
        load(name, tmp_path).x_train, np.load(tmp_path / "big.npy").astype("float32")
    )


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (
            "(np.ones((2, 3), complex), [0, 1]), (np.ones((2, 3)), [0, 1])",
            "x_train must be an array of numbers",
        ),
        (
            "([[1, 2], [3]], [0, 1]), ([[1, 2], [3]], [0, 1])",
            "x_train must be an array with one shape for all rows",
        ),
        ("(np.ones((2, 3)), [0, 'a']), (np.ones((2, 3)), [0, 1])", "y_train and y_test must be of one type"),
        ("(np.ones((2, 3)), [0, None]), (np.ones((2, 3)), [0, 1])", "y_train has no value in row 1"),
        (
            "(np.ones((2, 3)), [0, 1], [1, -1]), (np.ones((2, 3)), [0, 1])",
            "weights_train must be numbers of at least 0",
        ),
        ("({'a': np.ones((2, 3))}, [0, 1]), ({'b': np.ones((2, 3))}, [0, 1])", "must have the same inputs"),
        ("({'../a': np.ones((2, 3))}, [0, 1]), (np.ones((2, 3)), [0, 1])", "an input's name must be"),
        (
            "(np.array([[1, np.inf], [3, np.nan]]), [0, 1]), (np.ones((2, 2)), [0, 1])",
            r"x_train\[0, 1\] is inf, and 1 more",
        ),
    ],
)
def test_other_arrays_are_refused_in_words(tmp_path, module, returned, words):
    with pytest.raises(DataError, match=f"shapes:make: .*{words}"):
        fetch(module(returned), tmp_path)
