"""Images and maps of classes as small PNG files in base64, to be embedded in pages."""

import base64
import io
from colorsys import hls_to_rgb
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LARGEST = 64
"""Pixels a side; of larger images, only every second (third, ...) row and column is kept."""

COLOURS = (
    (64, 70, 78),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""Colours of the first classes of a map, the first dark as it is mostly the background. After M. Okabe and K. Ito."""
GOLDEN = 0.618034
"""Multiples of it, modulo 1, stay far from each other."""


def png(image: NDArray[Any]) -> str:
    """Return an image of unsigned bytes, `[height, width]` or `[height, width, channels]`, as PNG in base64.

    Three channels or more show the first three as red, green and blue; fewer show the first in grey.
    """
    pixels = np.asarray(image, np.uint8)
    if pixels.ndim == 3:
        pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]
    return _encoded(_thinned(pixels))


def levels_png(image: NDArray[Any]) -> str:
    """Return an image of any numbers as `png` does, its smallest number black and its largest white."""
    low, high = float(image.min()), float(image.max())
    return png(np.round(255 * (image - low) / max(high - low, 1e-9)))


def map_png(classes: NDArray[Any]) -> str:
    """Return a map of classes `[height, width]`, counted from 0, as PNG in base64, in their `class_colour`."""
    colours = np.array([_rgb(number) for number in range(int(classes.max()) + 1)], np.uint8)
    return _encoded(colours[_thinned(np.asarray(classes))])


def class_colour(number: int) -> str:
    """Return the colour of a class in a map of classes: `#rrggbb`."""
    return "#" + "".join(f"{level:02x}" for level in _rgb(number))


def _rgb(number: int) -> tuple[int, ...]:
    if number < len(COLOURS):
        return COLOURS[number]
    hue = number * GOLDEN % 1.0
    return tuple(round(255 * level) for level in hls_to_rgb(hue, 0.45 + 0.2 * (number % 2), 0.6))


def _thinned(pixels: NDArray[Any]) -> NDArray[Any]:
    step = ceil(max(pixels.shape[:2]) / LARGEST)
    return np.ascontiguousarray(pixels[::step, ::step])


def _encoded(pixels: NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
