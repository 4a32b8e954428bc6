"""Write series.npz as Keras's own files are: a sine or a saw, one of five frequencies, in noise."""

from pathlib import Path

import numpy as np

ROWS, STEPS = 1200, 64  # ROWS = 4_000_000 makes a file of 1 GB, which is read from disk while it trains


def main() -> None:
    """Write the file; equal bytes every time."""
    random = np.random.default_rng(0)
    y = random.integers(0, 2, ROWS)
    phase = np.linspace(0, 1, STEPS) * random.integers(2, 7, (ROWS, 1)) + random.random((ROWS, 1))
    clean = np.where(y[:, None] == 1, 2 * (phase % 1) - 1, np.sin(2 * np.pi * phase))
    x = (clean + random.normal(0, 0.2, clean.shape)).astype("float32")[..., None]
    cut = ROWS * 5 // 6
    Path("data").mkdir(exist_ok=True)
    np.savez("data/series.npz", x_train=x[:cut], y_train=y[:cut], x_test=x[cut:], y_test=y[cut:])


if __name__ == "__main__":
    main()
