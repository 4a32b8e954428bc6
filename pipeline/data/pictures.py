"""Images as small PNG files in base64, to be embedded in pages."""

import base64
import io
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LARGEST = 64
"""Pixels a side; of larger images, only every second (third, ...) row and column is kept."""


def png(image: NDArray[Any]) -> str:
    """Return an image of unsigned bytes, `[height, width]` or `[height, width, channels]`, as PNG in base64.

    Three channels or more show the first three as red, green and blue; fewer show the first in grey.
    """
    pixels = np.asarray(image, np.uint8)
    if pixels.ndim == 3:
        pixels = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., 0]
    step = ceil(max(pixels.shape[:2]) / LARGEST)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[::step, ::step])).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
