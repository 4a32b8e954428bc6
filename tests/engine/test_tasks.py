"""Losses for classification: two forms of labels are one training, two classes can have one output, and all losses learn."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from kit import run

from .training import train

if TYPE_CHECKING:
    from pipeline.engine.stacks import Engine

pytestmark = pytest.mark.slow

ALL: dict[str, Any] = {
    "data": {"limit": None, "validation": 100},
    "optimizer": {"name": "adam", "learning_rate": 0.01},
}


def loss(name: Any, **more: Any) -> dict[str, Any]:
    return {**ALL, "training": {"loss": name, "epochs": 6}, **more}


def test_labels_as_integers_and_one_hot_are_the_same_training(fused: "Engine") -> None:
    sparse, one_hot = train(
        fused, [run(loss("sparse_categorical_crossentropy")), run(loss("categorical_crossentropy"))]
    )
    assert sparse.record.metrics == pytest.approx(one_hot.record.metrics, rel=1e-3, abs=1e-4)
    assert sparse.record.curves["val_loss"] == pytest.approx(one_hot.record.curves["val_loss"], rel=1e-3)


def test_poisson_and_squared_error_learn_to_classify(fused: "Engine") -> None:
    for trained in train(fused, [run(loss("poisson")), run(loss("mean_squared_error"))]):
        assert trained.record.metrics["test_accuracy"] > 0.7


def test_two_classes_by_one_output_or_by_two(fused: "Engine") -> None:
    data = {"data": {"classes": [8, 3], "limit": None, "validation": 100}}
    sigmoid = loss("binary_crossentropy", model={"output": {"units": 1, "activation": "sigmoid"}}, **data)
    one, two = train(fused, [run(sigmoid), run(loss("sparse_categorical_crossentropy", **data))])
    assert one.record.parameters < two.record.parameters
    for trained in (one, two):
        assert trained.record.metrics["test_accuracy"] > 0.9
    assert one.weights is not None
    view = fused.model_cache.view(run(sigmoid), run(sigmoid).phases[0])
    model = fused.model_cache.template(run(sigmoid), run(sigmoid).phases[0])
    model.set_weights(one.weights)
    says_second = model.predict(view.x[view.test], verbose=0)[:, 0] > 0.5
    right = np.mean(says_second == (view.y[view.test] == 1))
    assert one.record.metrics["test_accuracy"] == pytest.approx(right)
    assert set(view.y[view.training]) == {0, 1}  # 8 is the first class here, 3 the second
