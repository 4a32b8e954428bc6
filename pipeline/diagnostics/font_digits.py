"""Digits drawn with a font as images like those of a data set: a model that has learned digits should know them too."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFont

FONT = "DejaVuSans-Bold.ttf"
"""It comes with matplotlib, so that it is the same everywhere."""
SAMPLE = 500
"""How many images of the data set show how tall its digits are."""
LARGE = 10
"""How many times larger digits are drawn than shown."""

INKED = 127
"""Pixels above this belong to a digit."""

Bytes = NDArray[np.uint8]


def font_digits(digits: Sequence[str], like: Bytes) -> Bytes:
    """Return grey images of `digits`, `[len(digits), height, width]`, white on black as in MNIST.

    `like` `[n, height, width]` are images of the data set: theirs are the shape, and the median height of a digit.
    """
    height = _median_height(like[:SAMPLE])
    font = ImageFont.truetype(str(Path(mpl.get_data_path(), "fonts", "ttf", FONT)), LARGE * height)
    shape = (int(like.shape[1]), int(like.shape[2]))
    return np.stack([_digit(digit, font, height, shape) for digit in digits])


def _median_height(images: Bytes) -> int:
    inked = images.max(axis=2) > INKED
    heights = inked.shape[1] - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)
    return int(np.median(heights[inked.any(axis=1)]))


def _digit(digit: str, font: ImageFont.FreeTypeFont, height: int, shape: tuple[int, int]) -> Bytes:
    mask = font.getmask(digit)
    drawn = Image.frombytes("L", mask.size, bytes(mask))
    drawn = drawn.crop(drawn.getbbox())
    width = min(shape[1], max(1, round(height * drawn.width / drawn.height)))
    image = Image.new("L", (shape[1], shape[0]))
    small = drawn.resize((width, height), Image.Resampling.BOX)
    image.paste(small, ((shape[1] - width) // 2, (shape[0] - height) // 2))
    return np.asarray(image)
