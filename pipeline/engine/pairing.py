"""A view of pairs of images, made from a view of images."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.pairs import draw_pairs
from pipeline.engine.views import View
from pipeline.runs.seeds import derive


def paired(view: View, count: int, seed: int) -> View:
    """Return a view of `count` pairs of training images, and of as many validation and test pairs as there are images.

    A pair of flat images is one vector, one image after the other; else `x` is `[n, 2, height, width, channels]`. `y` is
    0 where both show the same class, else 1. Which images are paired belongs to the study, like the split: `seed` decides.
    """
    parts = {"training": count, "validation": _even(view.validation), "test": _even(view.test)}
    drawn = {
        name: draw_pairs(view.y, getattr(view, name), size, derive(seed, "pairs", name))
        for name, size in parts.items()
        if size
    }
    first, second, different = (
        np.concatenate([getattr(pairs, name) for pairs in drawn.values()])
        for name in ("first", "second", "different")
    )
    both = np.stack([view.x[first], view.x[second]], axis=1)
    ends = np.cumsum([0, *parts.values()]).tolist()
    rows = {name: np.arange(*ends[part : part + 2], dtype=np.int32) for part, name in enumerate(parts)}
    return replace(
        view,
        pool=_name(view.pool, first, second),
        x=both.reshape(len(both), -1) if view.x.ndim == 2 else both,
        y=different,
        outputs=2,
        names=("same", "different"),
        training=rows["training"],
        validation=rows["validation"],
        test=rows["test"],
    )


def _even(rows: NDArray[np.int32]) -> int:
    return len(rows) - len(rows) % 2


def _name(pool: str, *rows: NDArray[Any]) -> str:
    content = b"".join([pool.encode(), *(array.tobytes() for array in rows)])
    return hashlib.sha256(content).hexdigest()[:16]
