"""Views of prepared data sets, made once for all phases that see the same rows, and kept for one data set at a time."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.metrics import TargetUnit
from pipeline.data import catalogue
from pipeline.data.prepare import Prepared, load
from pipeline.data.resampling import fold_of, group_rows, split_rows
from pipeline.data.split import Indices, Split, relabel, split
from pipeline.engine.inputs import Transform, transform_of, transformed
from pipeline.engine.pairing import paired
from pipeline.engine.views import View
from pipeline.params.types.recipe import DataSpec
from pipeline.runs.resample import Resample
from pipeline.runs.seeds import derive

Fold = tuple[int, int]


def split_of(
    data: DataSpec,
    prepared: Prepared,
    split_seed: int,
    fold: Fold | None = None,
    shuffles: bool = False,
    resample: Resample | None = None,
) -> Split:
    """Return which rows a recipe's `data` section trains on and which it validates on, training rows before test rows.

    The data set says how many rows are held out, and `shuffles` whether random ones, where the section does not. Where
    other rows are tested, those left are split at random.
    """
    if resample is None:
        return _split(data, prepared, prepared.y_train, prepared.groups_train, split_seed, fold, shuffles)
    labels, groups = _together(prepared)
    tested = tested_rows(prepared, resample, split_seed)
    left = np.setdiff1d(np.arange(len(labels), dtype=np.int32), tested)
    seed = derive(split_seed, "left", *vars(resample).values())
    own = groups[left] if groups is not None else None
    inner = _split(data.model_copy(update={"split": "random"}), prepared, labels[left], own, seed, fold, True)
    return Split(left[inner.train], left[inner.validation], tested)


def tested_rows(prepared: Prepared, resample: Resample, split_seed: int) -> Indices:
    """Return which of all rows are tested, training rows before test rows; raises `DataError` where groups forbid it."""
    labels, groups = _together(prepared)
    number, k, title = resample.number, resample.k, prepared.record.title
    by_class = prepared.record.task == "classes"
    strata = labels if by_class else np.zeros(len(labels), np.int64)
    if resample.over == "folds":
        seed = derive(split_seed, "folds", k, number // k)
        return fold_of(strata, groups, number % k, k, seed, by_class=by_class)
    seed = derive(split_seed, resample.over, resample.test, number)
    if resample.over == "groups":
        if groups is None:
            raise DataError(f"{title}: replicates over groups: the rows have no groups")
        return group_rows(groups, resample.test, seed)
    if groups is not None:
        raise DataError(
            f"{title}: replicates over splits would test rows of groups that train; write over: groups"
        )
    return split_rows(strata, resample.test, seed)


def _together(prepared: Prepared) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the targets and the groups of training rows and test rows."""
    train, test = prepared.groups_train, prepared.groups_test
    if (train is None) != (test is None):
        raise DataError(f"{prepared.record.title}: groups must be known of training and of test rows")
    y = prepared.targets()
    return y, None if train is None or test is None else np.concatenate([train, test])


def _split(
    data: DataSpec,
    prepared: Prepared,
    y: NDArray[Any],
    groups: NDArray[Any] | None,
    split_seed: int,
    fold: Fold | None,
    shuffles: bool,
) -> Split:
    """Return the split of rows with targets `y`."""
    shuffled = fold is not None or (shuffles if data.split is None else data.split == "random")
    in_order = data.split == "time"
    return split(
        y if prepared.record.task == "classes" else None,
        validation=data.held_out(len(y), prepared.record.validation),
        classes=data.classes,
        skip=data.skip,
        limit=data.limit,
        per_class=data.per_class,
        shuffle_seed=split_seed if shuffled and not in_order else None,
        fold=fold,
        mixed=shuffled and shuffles and not in_order,
        count=len(y),
        groups=groups,
        time=in_order,
    )


class DatasetViews:
    """Makes views of one data set; arrays are shared between views, and transformed once.

    `shuffles`: whether random rows are held out where a recipe does not say which.
    """

    def __init__(self, prepared: Prepared, *, shuffles: bool = False) -> None:
        self.prepared, self._shuffles = prepared, shuffles
        self._split = lru_cache(maxsize=None)(self._split_uncached)
        self._view = lru_cache(maxsize=None)(self._view_uncached)
        self._inputs = lru_cache(maxsize=4)(self._inputs_uncached)
        self._targets = lru_cache(maxsize=4)(self._targets_uncached)
        self._transforms: dict[str, Transform] = {}
        self._lock = Lock()

    def view(
        self,
        data: DataSpec,
        flat: bool,
        split_seed: int,
        fold: Fold | None = None,
        resample: Resample | None = None,
    ) -> View:
        """Return the view for a recipe's `data` section; `flat` inputs are vectors."""
        with self._lock:
            return self._view(data, flat, split_seed, fold, resample)

    def clear(self) -> None:
        """Drop the transformed inputs; views that are still in use keep theirs."""
        with self._lock:
            self._view.cache_clear()
            self._inputs.cache_clear()
            self._targets.cache_clear()

    def _view_uncached(
        self, data: DataSpec, flat: bool, split_seed: int, fold: Fold | None, resample: Resample | None
    ) -> View:
        record, partition = self.prepared.record, self._split(data, split_seed, fold, resample)
        classes = self._classes(data)
        transforms = transform_of(self.prepared, data, partition.train)
        self._transforms |= {f"{name} {transform.name}": transform for name, transform in transforms.items()}
        names = tuple((name, transform.name) for name, transform in transforms.items())
        y, test = self._targets(classes)
        if partition.test is not None:
            test = partition.test if classes is None else partition.test[y[partition.test] >= 0]
        unit = self._unit(data, partition.train)
        scaled = unit and (unit.mean.tobytes(), unit.deviation.tobytes())
        pool = hashlib.sha256(repr((record.digest, names, classes, flat, scaled)).encode()).hexdigest()[:16]
        view = View(
            pool=pool,
            x=self._inputs(names, flat),
            y=y if unit is None else ((y - unit.mean) / unit.deviation).astype(np.float32),
            unit=unit,
            training=partition.train,
            validation=partition.validation,
            test=test,
            outputs=len(classes) if classes is not None else record.outputs,
            task=record.task,
            names=tuple(record.output_names[index] for index in classes or range(record.outputs)),
            weights=self._weights(),
        )
        return paired(view, data.pairs, split_seed) if data.pairs else view

    def _unit(self, data: DataSpec, training: NDArray[np.int32]) -> TargetUnit | None:
        """Return the mean and the deviation of targets that are to be scaled, over the rows that train."""
        if not data.scale_targets:
            return None
        record = self.prepared.record
        if record.task != "regression":
            raise DataError(
                f"{record.title}: data.scale_targets is for numbers; the targets are {record.task}"
            )
        y = self.prepared.targets()[training].astype(np.float64)
        deviation = y.std(axis=0)
        deviation[deviation == 0] = 1.0
        return TargetUnit(y.mean(axis=0).astype(np.float32), deviation.astype(np.float32))

    def _split_uncached(
        self, data: DataSpec, split_seed: int, fold: Fold | None, resample: Resample | None
    ) -> Split:
        return split_of(data, self.prepared, split_seed, fold, self._shuffles, resample)

    def _classes(self, data: DataSpec) -> tuple[int, ...] | None:
        """Return the classes that a recipe keeps; None where targets are no classes."""
        record = self.prepared.record
        if record.task == "classes":
            return tuple(data.classes) if data.classes is not None else tuple(range(record.outputs))
        if data.classes is not None or data.per_class is not None or data.pairs is not None:
            what = (
                "classes"
                if data.classes is not None
                else "per_class"
                if data.per_class is not None
                else "pairs"
            )
            raise DataError(
                f"{record.title}: data.{what} is for classes; the targets are of the task {record.task}"
            )
        return None

    def _inputs_uncached(self, names: tuple[tuple[str, str], ...], flat: bool) -> Any:
        """Return the inputs of the training rows and then of the test rows, as models see them."""
        shape = self._shape(flat)
        inputs = {}
        for name, transform in names:
            parts = self.prepared.inputs(name)
            apply = self._transforms[f"{name} {transform}"].apply
            inputs[name] = transformed(parts, apply if shape is None else partial(_reshaped, apply, shape))
        return inputs if isinstance(self.prepared.x_train, dict) else inputs[""]

    def _shape(self, flat: bool) -> tuple[int, ...] | None:
        """Return the shape of one row where it is not that of the prepared one: flat, `()`, or an image with channels."""
        record = self.prepared.record
        if isinstance(record.input_shape, Mapping):
            return None
        if flat:
            return ()
        return with_channels(record.image_shape) if record.is_image else None

    def _targets_uncached(self, classes: tuple[int, ...] | None) -> tuple[Any, NDArray[np.int32]]:
        """Return the targets of all rows, and the rows to test."""
        y = self.prepared.targets()
        count = len(self.prepared.y_train)
        if classes is None:
            kind = np.int32 if self.prepared.record.task == "map" else np.float32
            return y.astype(kind, copy=False), np.arange(count, len(y), dtype=np.int32)
        labels = _labels(y, classes)
        return labels, (np.flatnonzero(labels[count:] >= 0) + count).astype(np.int32)

    def _weights(self) -> NDArray[np.float32] | None:
        train, test = self.prepared.weights_train, self.prepared.weights_test
        if train is None and test is None:
            return None
        parts = zip((train, test), (self.prepared.y_train, self.prepared.y_test), strict=True)
        return np.concatenate([np.ones(len(y), np.float32) if own is None else own for own, y in parts])


def _reshaped(apply: Callable[[Any], Any], shape: tuple[int, ...], rows: NDArray[Any]) -> NDArray[Any]:
    values: NDArray[Any] = apply(rows)
    return values.reshape(len(rows), *(shape or (int(np.prod(values.shape[1:])),)))


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
    return DatasetViews(load(dataset, root), shuffles=catalogue.is_user_defined(dataset))
