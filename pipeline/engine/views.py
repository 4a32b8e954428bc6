"""What one training phase sees of a data set: scaled images, labels from 0, and which of them train and validate."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data import catalogue
from pipeline.data.prepare import Images, load
from pipeline.data.scale import Scaler, fit
from pipeline.data.split import Split, relabel, split
from pipeline.engine.pairing import paired

Fold = tuple[int, int]


@dataclass(frozen=True, eq=False)
class View:
    """Images and labels for one phase; `training`, `validation` and `test` are rows of them, ascending and disjoint.

    `x` `[n, ...]` float32, `y` `[n]` int32 counted from 0 (-1 for images of no class at hand, never drawn). Views with
    equal `pool` hold equal `x` and `y`. Where a recipe asks for pairs of images, `pairing` says what this holds.
    """

    pool: str
    x: NDArray[np.float32]
    y: NDArray[np.int32]
    training: NDArray[np.int32]
    validation: NDArray[np.int32]
    test: NDArray[np.int32]
    classes: int
    image_shape: tuple[int, ...]


class Views:
    """Makes views of one data set; arrays are shared between views, and scaled once."""

    def __init__(self, images: Images, validation: int, content: str = "") -> None:
        self.images = images
        self._content = content  # stands for the images in the names of pools
        self._validation = validation  # how many images are held out where a recipe does not say
        self._split = lru_cache(maxsize=None)(self._split_uncached)
        self._view = lru_cache(maxsize=None)(self._view_uncached)
        self._arrays = lru_cache(maxsize=4)(self._arrays_uncached)
        self._scalers: dict[str, Scaler] = {}
        self._lock = Lock()

    def view(self, data: Any, flat: bool, split_seed: int, fold: Fold | None = None) -> View:
        """Return the view that a recipe's `data` section asks for; `flat` images are vectors."""
        with self._lock:
            return self._view(data, flat, split_seed, fold)

    def forget(self) -> None:
        """Let go of scaled images; whoever still uses a view keeps what it holds."""
        with self._lock:
            self._view.cache_clear()
            self._arrays.cache_clear()

    def _view_uncached(self, data: Any, flat: bool, split_seed: int, fold: Fold | None) -> View:
        chosen = self._split(data, split_seed, fold)
        classes = self._classes(data)
        scaler = self._scaler(data, chosen)
        x, y, test = self._arrays(scaler, classes, flat)
        pool = hashlib.sha256(repr((self._content, scaler, classes, flat)).encode()).hexdigest()[:16]
        shape = self.images.image_shape
        view = View(pool, x, y, chosen.train, chosen.validation, test, len(classes), shape)
        return paired(view, data.pairs, split_seed) if data.pairs else view

    def _split_uncached(self, data: Any, split_seed: int, fold: Fold | None) -> Split:
        return split(
            self.images.y_train,
            validation=self._held_out(data),
            classes=data.classes,
            skip=data.skip,
            limit=data.limit,
            per_class=data.per_class,
            shuffle_seed=split_seed if data.split == "random" or fold else None,
            fold=fold,
        )

    def _held_out(self, data: Any) -> int:
        wanted = data.validation
        if wanted is None:
            return self._validation
        return round(wanted * len(self.images.y_train)) if isinstance(wanted, float) else int(wanted)

    def _classes(self, data: Any) -> tuple[int, ...]:
        return tuple(data.classes) if data.classes is not None else tuple(range(len(self.images.class_names)))

    def _scaler(self, data: Any, chosen: Split) -> str:
        """Fit a scaler on the images that train; return a name for it, equal for equal scalers."""
        scaler = fit(data.scale, self.images.x_train[chosen.train])
        name = hashlib.sha256(scaler.shift.tobytes() + scaler.factor.tobytes()).hexdigest()[:16]
        self._scalers[name] = scaler
        return name

    def _arrays_uncached(self, scaler: str, classes: tuple[int, ...], flat: bool) -> Any:
        images = self.images
        shape = (-1,) if flat else with_channels(images.image_shape)
        pixels = np.concatenate([images.x_train, images.x_test])
        labels = _labels(np.concatenate([images.y_train, images.y_test]), classes)
        test = np.flatnonzero(labels[len(images.y_train) :] >= 0) + len(images.y_train)
        return self._scalers[scaler](pixels).reshape(len(pixels), *shape), labels, test.astype(np.int32)


def with_channels(image_shape: Sequence[int]) -> tuple[int, ...]:
    """Return `[height, width]` or `[height, width, channels]` as a convolution takes it: grey images have one channel."""
    return (*image_shape, 1) if len(image_shape) == 2 else tuple(image_shape)


def _labels(labels: NDArray[np.int64], classes: Sequence[int]) -> NDArray[np.int32]:
    """Return labels counted from 0 within `classes`, -1 for others."""
    known = np.isin(labels, classes)
    found = np.full(len(labels), -1, np.int32)
    found[known] = relabel(labels[known], classes)
    return found


class Shelf:
    """Views of a project's prepared data sets, by name; only those asked for last keep their scaled images."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._views: dict[str, Views] = {}
        self._last: Views | None = None
        self._lock = Lock()

    def __call__(self, dataset: str) -> Views:
        """Return the views of `dataset`; raises `DataError` where it is not prepared."""
        with self._lock:
            if dataset not in self._views:
                self._views[dataset] = views_of(dataset, self.root)
            chosen = self._views[dataset]
            if self._last is not None and self._last is not chosen:
                self._last.forget()
            self._last = chosen
            return chosen


def views_of(dataset: str, root: Path) -> Views:
    """Return views of a prepared data set; raises `DataError` where it is not prepared."""
    record = catalogue.lookup(dataset, root)
    return Views(load(dataset, root), record.validation, record.digest)
