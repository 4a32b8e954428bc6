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
    """Return an image of unsigned bytes, `[height, width]` or `[height, width, 1 or 3]`, as PNG in base64."""
    pixels = np.asarray(image, np.uint8)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    step = ceil(max(pixels.shape[:2]) / LARGEST)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels[::step, ::step])).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
