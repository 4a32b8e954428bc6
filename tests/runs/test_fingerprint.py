"""Run keys: what changes them, and what must not."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import CONTEXT, SMALL, recipe, run
from pydantic import BaseModel

import pipeline
from pipeline.core.digests import digest
from pipeline.params.types.recipe import Recipe
from pipeline.runs import fingerprint
from pipeline.runs.fingerprint import TRAINING_CODE, code_digest
from pipeline.runs.run import Context, Run

PATCHES: list[dict[str, Any]] = [
    {"data": {"scale": "standardise"}},
    {"data": {"validation": 0.5}},
    {"data": {"split": "random"}},
    {"data": {"classes": [0, 1]}},
    {"data": {"limit": 91}},
    {"data": {"limit": None, "per_class": 9}},
    {"data": {"skip": 1}},
    {"data": {"pairs": 4}},
    {"data": {"pairs": 4}, "model": {"towers": 2}},
    {"data": {"pairs": 4}, "model": {"towers": 2, "joint": [3]}},
    {"model": {"layers": [8, 5]}},
    {"model": {"activation": "relu"}},
    {"model": {"initializer": "he_normal"}},
    {"model": {"normalisation": {"where": "after"}}},
    {"model": {"normalisation": {"where": "after", "scale": False}}},
    {"model": {"use_bias": False}},
    {"model": {"output": {"activation": "sigmoid"}}},
    {"model": {"output": {"initializer": "he_normal"}}},
    {"model": {"output": {"units": 11}}},
    {"model": {"output": {"weights": False}}},
    {"model": {"layers": [{"units": 8, "activation": "relu"}, 4]}},
    {"optimizer": {"name": "Adam"}},
    {"optimizer": {"learning_rate": 0.051}},
    {"optimizer": {"momentum": 0.9}},
    {"optimizer": {"clipvalue": 1.0}},
    {"optimizer": {"clipnorm": 1.0}},
    {"optimizer": {"global_clipnorm": 1.0}},
    {"schedule": "cosine"},
    {"schedule": {"name": "power", "steps": 7}},
    {"regularisation": {"kernel_regularizer": "l2"}},
    {"regularisation": {"kernel_regularizer": {"name": "l2", "l2": 0.5}}},
    {"regularisation": {"kernel_constraint": "max_norm"}},
    {"regularisation": {"dropout": 0.1}},
    {"regularisation": {"dropout": {"name": "Dropout", "rate": 0.1, "where": "before"}}},
    {"training": {"epochs": 3}},
    {"training": {"batch_size": 17}},
    {"training": {"loss": "poisson"}},
    {"training": {"metrics": ["accuracy", "AUC"]}},
    {"training": {"metrics": ["accuracy", {"name": "AUC", "curve": "PR"}]}},
    {"training": {"class_weight": "balanced"}},
    {"data": {"without": ["age"]}},
    {"data": {"scale_targets": True}},
    {"data": {"augment": ["RandomFlip"]}},
    {"model": {"without": ["block0_*"]}},
    {"model": {"replace": {"activation": {"tanh": "gelu"}}}},
    {"training": {"early_stopping": {"patience": 1}}},
    {"training": {"early_stopping": {"patience": 2}}},
    {"phases": [{"training": {"epochs": 1}}]},
    {"phases": [{"training": {"epochs": 1}, "trainable": "head"}]},
    {"phases": [{"training": {"epochs": 1}, "reuse": 1}]},
]


def leaves(section: Any, under: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the path of every field of a recipe, down to its sections' own."""
    paths: set[tuple[str, ...]] = set()
    for name in type(section).model_fields:
        value = getattr(section, name)
        nested = isinstance(value, BaseModel) and not value.model_extra and name not in ("schedule", "loss")
        paths |= leaves(value, (*under, name)) if nested and len(under) < 2 else {(*under, name)}
    return paths


def written(patch: Any, under: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if not isinstance(patch, dict):
        return {under}
    return {under}.union(*(written(value, (*under, key)) for key, value in patch.items()))


def test_the_patches_touch_every_field_of_a_recipe() -> None:
    touched = set().union(*(written(patch) for patch in PATCHES))
    fields = leaves(recipe())
    assert len(fields) > 25
    assert {field for field in fields if field not in touched and field[-1] != "name"} == set()


def test_every_field_of_a_recipe_changes_the_key() -> None:
    keys = [run(patch).key for patch in [{}, *PATCHES]]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "other",
    [
        run(seed=1),
        run(kind="trial"),
        run(fold=(0, 3)),
        run(fold=(1, 3)),
        *(
            run(context=replace(CONTEXT, **change))
            for change in (
                {"dataset": "mnist"},
                {"data_digest": "other"},
                {"study_seed": 1},
                {"precision": "mixed_bfloat16"},
            )
        ),
    ],
    ids=["seed", "phase", "fold", "which fold", "dataset", "data", "study seed", "precision"],
)
def test_everything_besides_the_recipe_changes_it_too(other: Run) -> None:
    assert other.key != run().key


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return value


def test_order_and_spelling_do_not_change_it() -> None:
    spelt = {
        **reversed_keys(SMALL),
        "schedule": {"name": "constant"},
        "model": {
            "layers": [{"units": 8}, {"units": 4, "repeat": 1}],
            "activation": "tanh",
            "use_bias": True,
        },
        "optimizer": {"learning_rate": 5e-2, "name": "sgd"},
    }
    assert Run(Recipe.model_validate(spelt), CONTEXT, "replicate", 0).key == run().key


def test_a_digest_depends_on_the_order_of_items_but_not_of_keys() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1}) != digest({"a": 1, "b": [2, 1]})
    assert len(digest("x")) == 32
    with pytest.raises(ValueError, match="JSON"):
        digest(float("nan"))


Edit = Callable[[str], str]


@pytest.fixture
def digest_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Edit], str]:
    """A function that returns the code's digest after an edit to a file of a copy of the package."""

    def edited(file: str, edit: Edit) -> str:
        copy = tmp_path / "pipeline"
        shutil.copytree(Path(pipeline.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
        text = (copy / file).read_text(encoding="utf-8")
        (copy / file).write_text(edit(text), encoding="utf-8")
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "__file__", str(copy / "__init__.py"))
            return code_digest.__wrapped__()

    return edited


def with_code(text: str) -> str:
    return f"{text}\nADDED = 1\n"


WORDS: dict[str, Edit] = {
    "a comment": lambda text: f"{text}\n# A remark.\n",
    "other words in docstrings": lambda text: re.sub(r'"""(?=[A-Z])', '"""Other words. ', text),
    "words after a constant": lambda text: f'{text}\n"""What it is."""\n',
    "another home for what it uses": lambda text: f"from pipeline.core.text import duration\n{text}",
    "other layout": lambda text: text.replace("\n\n", "\n\n\n"),
}


@pytest.mark.parametrize(
    "file",
    [
        "engine/rules.py",
        "engine/fused/program.py",
        "build/model.py",
        "core/metrics.py",
        "data/split.py",
        "data/pairs.py",
        "data/scale.py",
        "runs/seeds.py",
    ],
)
def test_code_that_trains_changes_it(digest_after: Callable[[str, Edit], str], file: str) -> None:
    assert digest_after(file, with_code) != code_digest()


def test_helpers_that_decide_numbers_are_part_of_it() -> None:
    """Of `core`, the training code may use what is hashed with it, and what reports errors, finds files, refuses."""
    package = Path(pipeline.__file__).parent
    parts = [package / part for part in TRAINING_CODE]
    hashed = {path for part in parts for path in ([part] if part.is_file() else part.rglob("*.py"))}
    own_import = re.compile(r"from pipeline\.core\.(\w+) import")
    used = {name for path in hashed for name in own_import.findall(path.read_text(encoding="utf-8"))}
    unhashed = {name for name in used if package / "core" / f"{name}.py" not in hashed}
    assert unhashed == {"errors", "machine", "plugins", "project", "text"}


@pytest.mark.parametrize(
    "file", ["cli/commands.py", "report/__init__.py", "store/runs.py", "tracking/tracker.py"]
)
def test_code_that_does_not_train_leaves_it_alone(
    digest_after: Callable[[str, Edit], str], file: str
) -> None:
    assert digest_after(file, with_code) == code_digest()


@pytest.mark.parametrize("words", WORDS)
def test_words_leave_it_alone(digest_after: Callable[[str, Edit], str], words: str) -> None:
    def edit(text: str) -> str:
        assert WORDS[words](text) != text
        return WORDS[words](text)

    assert digest_after("engine/batches.py", edit) == code_digest()


def test_code_that_moves_to_another_file_leaves_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "pipeline"
    shutil.copytree(Path(pipeline.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    moved = "\n\ndef moved() -> int:\n    return 1\n"
    digests = []
    monkeypatch.setattr(pipeline, "__file__", str(copy / "__init__.py"))
    for file in ("engine/rules.py", "engine/elsewhere.py"):
        path = copy / file
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(before + moved, encoding="utf-8")
        digests.append(code_digest.__wrapped__())
        path.write_text(before, encoding="utf-8")
    assert digests[0] == digests[1] != code_digest()


def test_what_splits_and_encodes_data_of_ones_own_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys() -> list[str]:
        contexts = [Context(name, "content", 0, "float32") for name in ("digits", "mine:data")]
        return [run(context=context).key for context in contexts]

    digits, mine = keys()
    real = fingerprint.version
    monkeypatch.setattr(fingerprint, "version", lambda name: "9.9" if name == "scikit-learn" else real(name))
    assert keys()[0] == digits and keys()[1] != mine
