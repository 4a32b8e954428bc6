"""Images as small PNG files for pages, in base64: what every browser reads, and nothing to install."""

import base64
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 64  # pixels a side; larger images are thinned out


def png(image: NDArray[Any]) -> str:
    """Return an image of unsigned bytes, `[height, width]` or `[height, width, 1 or 3]`, as PNG in base64.

    Source of the format: the PNG specification, W3C (3rd edition), chunks IHDR, IDAT and IEND.
    """
    pixels = _thinned(np.asarray(image, np.uint8))
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)  # 0: unfiltered
    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)).decode()


def _thinned(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    step = -(-max(pixels.shape[:2]) // LARGEST)
    return np.ascontiguousarray(pixels[::step, ::step])


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
