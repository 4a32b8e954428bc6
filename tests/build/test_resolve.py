"""Names and their arguments as Keras objects."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kit import recipe

ACTIVATIONS: list[tuple[Any, str, dict[str, Any]]] = [
    ("gelu", "gelu", {}),
    ({"name": "gelu", "approximate": True}, "gelu", {"approximate": True}),
    ({"name": "celu", "alpha": 0.3}, "celu", {"alpha": 0.3}),
    ({"name": "leaky_relu", "negative_slope": 0.3}, "leaky_relu", {"negative_slope": 0.3}),
    ({"name": "LeakyReLU", "negative_slope": 0.3}, "leaky_relu", {"negative_slope": 0.3}),
    ({"name": "elu", "alpha": 0.3}, "elu", {"alpha": 0.3}),
]


@pytest.mark.parametrize(("written", "function", "arguments"), ACTIVATIONS, ids=str)
def test_an_activation_is_keras_own_with_its_arguments_saved_and_loaded_too(
    written: Any, function: str, arguments: dict[str, Any], tmp_path: Path
) -> None:
    import keras

    from pipeline.build.resolve import activation_layer

    inputs = np.linspace(-3, 3, 13, dtype=np.float32)[None]
    expected = getattr(keras.activations, function)(keras.ops.convert_to_tensor(inputs), **arguments)
    layer = activation_layer(recipe({"model": {"activation": written}}).model.activation, "block0_activation")
    assert layer.name == "block0_activation"
    assert np.array_equal(layer(inputs), expected)
    keras.Sequential([keras.Input((13,)), layer]).save(tmp_path / "model.keras")
    assert np.array_equal(keras.saving.load_model(tmp_path / "model.keras")(inputs), expected)


@pytest.mark.parametrize(
    ("section", "written", "attributes"),
    [
        ("losses", {"name": "CategoricalGeneralizedCrossEntropy", "q": 0.25}, {"q": 0.25}),
        ("losses", {"name": "Huber", "delta": 2.0}, {"name": "huber_loss"}),
    ],
)
def test_a_loss_gets_its_arguments(section: str, written: Any, attributes: dict[str, Any]) -> None:
    from pipeline.build.resolve import make

    loss = make(section, recipe({"training": {"loss": written}}).training.loss, reduction="none")
    assert type(loss).__name__ == written["name"] and loss.reduction == "none"
    assert {name: getattr(loss, name) for name in attributes} == attributes
