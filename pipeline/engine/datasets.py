"""Views of prepared data sets, made once for all phases that see the same images, and kept for one data set at a time."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pipeline.data import catalogue
from pipeline.data.prepare import Prepared, load
from pipeline.data.scale import Scaler, fit
from pipeline.data.split import Split, relabel, split
from pipeline.engine.pairing import paired
from pipeline.engine.views import View
from pipeline.params.types.recipe import DataSpec

Fold = tuple[int, int]


def split_of(
    data: DataSpec,
    labels: NDArray[np.int64],
    validation: int,
    split_seed: int,
    fold: Fold | None = None,
    shuffles: bool = False,
) -> Split:
    """Return which training images a recipe's `data` section trains on and which it validates on.

    `labels` `[n]` are those of all training images; `validation` is how many of them the data set itself holds out,
    and `shuffles` whether random ones, where the section does not say.
    """
    shuffled = fold is not None or (shuffles if data.split is None else data.split == "random")
    return split(
        labels,
        validation=data.held_out(len(labels), validation),
        classes=data.classes,
        skip=data.skip,
        limit=data.limit,
        per_class=data.per_class,
        shuffle_seed=split_seed if shuffled else None,
        fold=fold,
        mixed=shuffled and shuffles,
    )


class DatasetViews:
    """Makes views of one data set; arrays are shared between views, and scaled once.

    `validation`: how many images are held out where a recipe does not set it, and `shuffles` whether random ones.
    `content`: a digest of the images, which distinguishes the pools of different data sets.
    """

    def __init__(
        self, images: Prepared, validation: int, content: str = "", *, shuffles: bool = False
    ) -> None:
        self.images, self._shuffles = images, shuffles
        self._content, self._validation = content, validation
        self._split = lru_cache(maxsize=None)(self._split_uncached)
        self._view = lru_cache(maxsize=None)(self._view_uncached)
        self._arrays = lru_cache(maxsize=4)(self._arrays_uncached)
        self._scalers: dict[str, Scaler] = {}
        self._lock = Lock()

    def view(self, data: DataSpec, flat: bool, split_seed: int, fold: Fold | None = None) -> View:
        """Return the view for a recipe's `data` section; `flat` images are vectors."""
        with self._lock:
            return self._view(data, flat, split_seed, fold)

    def clear(self) -> None:
        """Drop the scaled images; views that are still in use keep theirs."""
        with self._lock:
            self._view.cache_clear()
            self._arrays.cache_clear()

    def _view_uncached(self, data: DataSpec, flat: bool, split_seed: int, fold: Fold | None) -> View:
        partition = self._split(data, split_seed, fold)
        classes = self._classes(data)
        scaler = self._scaler(data, partition)
        x, y, test = self._arrays(scaler, classes, flat)
        pool = hashlib.sha256(repr((self._content, scaler, classes, flat)).encode()).hexdigest()[:16]
        names = tuple(self.images.class_names[index] for index in classes)
        view = View(pool, x, y, partition.train, partition.validation, test, len(classes), names=names)
        return paired(view, data.pairs, split_seed) if data.pairs else view

    def _split_uncached(self, data: DataSpec, split_seed: int, fold: Fold | None) -> Split:
        return split_of(data, self.images.y_train, self._validation, split_seed, fold, self._shuffles)

    def _classes(self, data: DataSpec) -> tuple[int, ...]:
        return tuple(data.classes) if data.classes is not None else tuple(range(len(self.images.class_names)))

    def _scaler(self, data: DataSpec, partition: Split) -> str:
        """Fit a scaler on the training images; return a name for it, equal for equal scalers."""
        scaler = fit(data.scale or "/255", self.images.x_train[partition.train])
        name = hashlib.sha256(scaler.shift.tobytes() + scaler.factor.tobytes()).hexdigest()[:16]
        self._scalers[name] = scaler
        return name

    def _arrays_uncached(
        self, scaler: str, classes: tuple[int, ...], flat: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
        """Return scaled images, labels, and the rows to test, of the data set's training images and then its test images."""
        images = self.images
        shape = (-1,) if flat else with_channels(images.image_shape)
        pixels = np.concatenate([images.x_train, images.x_test])
        labels = _labels(np.concatenate([images.y_train, images.y_test]), classes)
        test = np.flatnonzero(labels[len(images.y_train) :] >= 0) + len(images.y_train)
        return self._scalers[scaler](pixels).reshape(len(pixels), *shape), labels, test.astype(np.int32)


def with_channels(image_shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape `[height, width, channels]` of an image; an image without channels is grey and has one."""
    return (*image_shape, 1) if len(image_shape) == 2 else tuple(image_shape)


def _labels(labels: NDArray[np.int64], classes: Sequence[int]) -> NDArray[np.int32]:
    """Return labels counted from 0 within `classes`, -1 for others."""
    known = np.isin(labels, classes)
    numbered = np.full(len(labels), -1, np.int32)
    numbered[known] = relabel(labels[known], classes)
    return numbered


class DatasetCache:
    """Views of a project's prepared data sets, by name; only those of the data set used last keep their scaled images."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._views: dict[str, DatasetViews] = {}
        self._last: DatasetViews | None = None
        self._lock = Lock()

    def __call__(self, dataset: str) -> DatasetViews:
        """Return the views of `dataset`; raises `DataError` where it is not prepared."""
        with self._lock:
            if dataset not in self._views:
                self._views[dataset] = views_of(dataset, self.root)
            views = self._views[dataset]
            if self._last is not None and self._last is not views:
                self._last.clear()
            self._last = views
            return views


def views_of(dataset: str, root: Path) -> DatasetViews:
    """Return views of a prepared data set; raises `DataError` where it is not prepared."""
    prepared = load(dataset, root)
    own = catalogue.is_user_defined(dataset)
    return DatasetViews(prepared, prepared.record.validation, prepared.record.digest, shuffles=own)
