"""Digits with three labels at once, one of them rare; and images of rare labels weighted."""

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

NAMES = ["even", "has a loop", "is a seven"]


def tags(weighted: bool = False) -> Any:
    """Return pixels and three labels of 0 or 1, with a weight for each training row where `weighted`."""
    digits = load_digits()
    x, digit = (digits.data / 16).astype("float32"), digits.target
    y = np.stack([digit % 2 == 0, np.isin(digit, (0, 6, 8, 9)), digit == 7], axis=1).astype("int64")
    weights = np.where(y[:, 2] == 1, 5.0, 1.0)[:1300] if weighted else None
    return (x[:1300], y[:1300], weights, None), (x[1300:], y[1300:])


def weighted_tags() -> Any:
    """Return the same, rows with the rare label counting five times as much while training."""
    return tags(weighted=True)


tags.class_names = weighted_tags.class_names = NAMES  # type: ignore[attr-defined]
