"""Digits drawn with a font, and what models are asked about them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipeline.diagnostics.font_digits import font_digits

from .test_diagnose import diagnosed_model, run

if TYPE_CHECKING:
    from pipeline.engine.model_cache import ModelCache

NUMERALS = "0123456789"


def drawn(height: int, width: int, tall: int) -> Any:
    """Return the ten digits for a data set of that size, whose digits are `tall` pixels tall."""
    like = np.zeros((9, height, width), np.uint8)
    top = (height - tall) // 2
    like[:, top : top + tall, 2] = 200
    return font_digits(NUMERALS, like)


@pytest.mark.parametrize(("height", "width", "tall"), [(8, 8, 8), (28, 28, 20), (20, 32, 12), (30, 5, 30)])
def test_digits_have_the_shape_and_height_of_the_data(height: int, width: int, tall: int) -> None:
    images = drawn(height, width, tall)
    assert images.shape == (10, height, width) and images.dtype == np.uint8 and images.max() == 255
    for image in images:
        rows = np.flatnonzero(image.any(axis=1))
        assert rows[-1] - rows[0] + 1 == tall
        assert abs(rows[0] - (height - 1 - rows[-1])) <= 1  # centred


def test_digits_are_bright_on_dark_and_all_different() -> None:
    images = drawn(28, 28, 20)
    assert images[:, 0].max() == images[:, -1].max() == images[:, :, 0].max() == 0
    assert len({image.tobytes() for image in images}) == 10
    assert images[8, 14, 14] > 127 > images[0, 14, 14]  # an eight is crossed in the middle, a zero is hollow


@pytest.mark.parametrize("scale", ["/255", "standardise"])
@pytest.mark.parametrize("layers", [[8], [{"filters": 2, "kernel_size": 3}, "flatten"]])
def test_a_model_sees_other_images_as_its_own(
    model_cache: "ModelCache", scale: str, layers: list[Any]
) -> None:
    examined = run(data={"scale": scale, "limit": 200, "validation": 60}, model={"layers": layers})
    model = diagnosed_model(model_cache, examined)
    model.keras_model.set_weights(model.initial_weights(examined))
    rows = model.view.test[:30]
    images = model_cache.views("digits").prepared.x_test[:30]
    np.testing.assert_allclose(model.probabilities_of(images), model.probabilities(rows), atol=1e-6)


def test_predictions_begin_with_digits_of_a_font(model_cache: "ModelCache") -> None:
    from pipeline.data.pictures import png
    from pipeline.diagnostics.predictions import predictions

    examined = run(data={"classes": [7, 2], "validation": 60})
    model = diagnosed_model(model_cache, examined)
    weights = model.initial_weights(examined)
    answers = predictions(model, weights, 3)["font"]
    assert [answer["label"] for answer in answers] == ["7", "2"]
    images = font_digits("72", model_cache.views("digits").prepared.x_train)
    assert [answer["png"] for answer in answers] == list(map(png, images))
    probabilities = model.probabilities_of(images)
    assert [answer["confidence"] for answer in answers] == pytest.approx(probabilities.max(axis=1))
    assert [answer["predicted"] for answer in answers] == [
        ("72")[best] for best in probabilities.argmax(axis=1)
    ]


@pytest.mark.parametrize("case", ["pairs", "own", "clothes"])
def test_what_is_not_of_digits_is_asked_about_none(
    model_cache: "ModelCache", monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    from pipeline.diagnostics.predictions import predictions

    patch = {"data": {"pairs": 60, "validation": 60}, "training": {"epochs": 1, "batch_size": 20}}
    examined = run(**patch) if case == "pairs" else run()
    model = diagnosed_model(model_cache, examined)
    if case == "own":  # its classes are called 0 to 9, but may be anything
        monkeypatch.setattr(model, "_dataset", "mine:numbered")
    if case == "clothes":
        monkeypatch.setattr(type(model), "class_names", [f"item {number}" for number in range(10)])
    assert predictions(model, model.initial_weights(examined), 3)["font"] == []
