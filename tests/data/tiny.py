"""A data set small enough to be served, damaged and fetched many times, and a way to serve it."""

import numpy as np

UNREACHABLE = "https://127.0.0.1:1/files"


def tiny_arrays():
    """Return 30 training and 9 test images of 4x3 pixels, in three classes."""
    generator = np.random.RandomState(0)
    return {
        "train_images": generator.randint(0, 256, (30, 4, 3), dtype=np.uint8),
        "train_labels": np.arange(30, dtype=np.uint8) % 3,
        "test_images": generator.randint(0, 256, (9, 4, 3), dtype=np.uint8),
        "test_labels": np.arange(9, dtype=np.uint8) % 3,
    }


def send(handler, body, length=None):
    """Answer with `body`, promising `length` bytes, or none."""
    handler.send_response(200)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)
