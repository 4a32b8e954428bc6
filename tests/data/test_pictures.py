"""Images as PNG files."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.data.pictures import LARGEST, png


def shown(pixels: object) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(png(np.asarray(pixels)))))


@pytest.mark.parametrize("shape", [(8, 8), (28, 20), (5, 7, 1), (9, 4, 3)])
def test_pictures_keep_every_pixel(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    read = np.asarray(shown(pixels))
    np.testing.assert_array_equal(read, pixels.reshape(read.shape))


@pytest.mark.parametrize(("channels", "kept"), [(2, 1), (4, 3), (11, 3)])
def test_channels_that_no_screen_has_are_left_out(channels: int, kept: int) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(6, 5, channels), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(shown(pixels)).reshape(6, 5, kept), pixels[..., :kept])


def test_large_pictures_are_thinned_out() -> None:
    assert max(shown(np.zeros((300, 200), np.uint8)).size) <= LARGEST
