"""Models that functions build: repeatable, seeded, judged by Keras, completed by what they compile."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import recipe

from pipeline.core.errors import UserError

HERE = Path(__file__).parent
SHAPE, CLASSES = (8, 8, 1), 10


@pytest.fixture(autouse=True)
def _own_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(HERE))


def built(patch: dict[str, Any], **data: Any) -> Any:
    from pipeline.build.model import build_model

    return build_model(recipe({"model": patch, "data": data}), SHAPE, CLASSES)


def drawn(patch: dict[str, Any], seed: int, **data: Any) -> list[np.ndarray]:
    from pipeline.build.weights import initial_weights

    return initial_weights(built(patch, **data), recipe({"model": patch, "data": data}), seed)


PLAIN = {"build": "own_models:plain"}
WEIGHTS = """
import sys, hashlib; sys.path[:0] = [{tests!r}, {here!r}]
import os; os.environ["DVC_ROOT"] = {here!r}
from build.test_built import PLAIN, drawn
print(hashlib.sha256(b"".join(array.tobytes() for array in drawn(PLAIN, 3))).hexdigest())
"""


def test_two_seeds_give_two_draws_and_one_seed_the_same_in_every_build_and_process() -> None:
    import hashlib

    one, again, other = drawn(PLAIN, 3), drawn(PLAIN, 3), drawn(PLAIN, 4)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True) if a.any())
    code = WEIGHTS.format(tests=str(HERE.parent), here=str(HERE))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(b"".join(array.tobytes() for array in one)).hexdigest()


def test_variants_begin_with_the_same_weights_where_they_have_the_same_layers() -> None:
    plain, without = drawn(PLAIN, 3), drawn({**PLAIN, "without": ["gate"]}, 3)
    augmented = drawn(PLAIN, 3, augment=["RandomFlip"])
    assert [array.shape for array in without] == [(64, 4), (4,), (4, 10), (10,)]
    for mine, its in zip([*plain[:2], *plain[4:]], without, strict=True):
        assert np.array_equal(mine, its)
    assert all(np.array_equal(mine, its) for mine, its in zip(plain, augmented, strict=True))


def test_weights_that_were_loaded_stay_for_every_seed_and_through_surgery() -> None:
    loading = {"build": "own_models:loading"}
    for patch in (
        loading,
        {**loading, "without": ["gate"]},
        {**loading, "replace": {"activation": {"relu": "gelu"}}},
    ):
        one, other = drawn(patch, 1), drawn(patch, 2)
        assert (one[0] == 0.5).all() and (other[0] == 0.5).all()
        assert not np.array_equal(one[-2], other[-2])


def test_a_replaced_initializer_is_drawn_from_in_a_chain_too() -> None:
    ones = {"layers": [4], "replace": {"initializer": {"GlorotUniform": "ones"}}}
    hidden, _, head, _ = drawn(ones, 1)
    assert (hidden == 1).all() and not (head == 1).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raising", "own_models:raising raised ValueError: no such luck"),
        ("no_model", "own_models:no_model must return a keras.Model; it returned int"),
        ("other_shape", "has the shape (None, 7); these targets, classes, need (None, 10)"),
        ("two_outputs", "several outputs; one is allowed"),
        ("other_input", "its model does not take the data: "),
    ],
)
def test_what_is_no_model_for_the_data_is_a_fault_in_one_line(name: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        built({"build": f"own_models:{name}"})
    assert expected in str(caught.value) and "\n" not in str(caught.value)


def test_an_application_gets_the_head_of_the_task_and_grey_images() -> None:
    from pipeline.build.model import build_model

    application = recipe({"model": {"application": "mobilenetv3small"}})
    model = build_model(application, (32, 32, 1), 3, "labels")
    assert model.output_shape == (None, 3) and model.input_shape == (None, 32, 32, 1)
    assert model.layers[-1].activation.__name__ == "sigmoid"
    with pytest.raises(UserError, match=r"images with 1 or 3 channels; these have 2"):
        build_model(application, (32, 32, 2), 3)


def test_layers_are_frozen_and_carried_over_by_name() -> None:
    from pipeline.build.freezing import freeze_layers
    from pipeline.build.weights import carry_over
    from pipeline.params.types.phase_spec import LayerNames

    model = built(PLAIN)
    freeze_layers(model, LayerNames(layers=("ga*",)), recipe({"model": PLAIN}))
    assert [layer.name for layer in model.layers if layer.trainable_weights] == ["gate", "dense_1"]
    freeze_layers(model, "head", recipe({"model": PLAIN}))
    assert [layer.name for layer in model.layers if layer.trainable_weights] == ["dense_1"]
    one, other = drawn(PLAIN, 1), drawn(PLAIN, 2)
    kept = carry_over(one, model, other, model, LayerNames(layers=("gate",)))
    assert [np.array_equal(a, b) for a, b in zip(kept, other, strict=True)][2] and np.array_equal(
        kept[0], one[0]
    )
    with pytest.raises(UserError, match=r"no layer is called 'gat'.*Did you mean 'gate'"):
        freeze_layers(model, LayerNames(layers=("gat",)), recipe({"model": PLAIN}))


def test_augmentation_changes_inputs_while_training_alone() -> None:
    model = built(PLAIN, augment=[{"name": "GaussianNoise", "stddev": 1.0}])
    images = np.ones((2, *SHAPE), np.float32)
    plain = built(PLAIN)
    plain.set_weights(model.get_weights())
    assert np.allclose(model(images), plain(images))
    assert not np.allclose(model(images, training=True), plain(images), atol=1e-3)


@pytest.mark.parametrize("layer", ["RandomFlip", {"name": "RandomRotation", "factor": 0.1}])
def test_augmentation_moves_no_pixels_away_from_their_classes(layer: Any) -> None:
    from pipeline.build.model import build_model

    def maps(augment: list[Any]) -> Any:
        patch = {"model": {"build": "own_models:pixels"}, "data": {"augment": augment}}
        return build_model(recipe(patch), SHAPE, CLASSES, "map")

    assert maps([{"name": "GaussianNoise", "stddev": 0.1}]).output_shape == (None, 8, 8, CLASSES)
    with pytest.raises(UserError, match="moves pixels, and would have to do so in the targets too"):
        maps([layer])
    assert built(PLAIN, augment=[layer]).output_shape == (None, CLASSES)


def test_a_recipe_is_completed_by_what_the_model_was_compiled_with() -> None:
    from pipeline.build.compiled import as_compiled

    bare = {"model": {"build": "own_models:compiled", "rate": 0.02, "layers": 2}, "optimizer": None}
    completed = as_compiled(recipe(bare), SHAPE, CLASSES, "classes")
    optimizer, training = completed.optimizer, completed.training
    assert (optimizer.name, optimizer.learning_rate, optimizer.clipnorm) == ("Adam", 0.02, 2.0)
    assert optimizer.arguments == {"beta_1": 0.8}
    assert training.loss is not None and training.metrics is not None
    assert (training.loss.name, training.loss.arguments) == (
        "CategoricalCrossentropy",
        {"label_smoothing": 0.1},
    )
    assert [(metric.key, metric.arguments) for metric in training.metrics] == [
        ("accuracy", {}),
        ("pr_auc", {"curve": "PR"}),
    ]
    assert len(built({"build": "own_models:compiled", "layers": 2}).layers) == 4
    named = recipe({**bare, "training": {"loss": "poisson"}})
    with pytest.raises(UserError, match=r"leave training\.loss out"):
        as_compiled(named, SHAPE, CLASSES, "classes")
    with pytest.raises(UserError, match="does not compile its model, and the recipe has no optimizer"):
        as_compiled(recipe({"model": PLAIN, "optimizer": None}), SHAPE, CLASSES, "classes")
