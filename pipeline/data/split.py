"""Which training images train, and which are held out for validation. Pure: labels in, indices out.

The held-out images are chosen before anything else, from all of the training set; classes and sizes are cut
afterwards. So whatever a variant or a phase trains on, no validation image is ever among it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import DataError

Labels = NDArray[np.integer]
Indices = NDArray[np.int32]
Fold = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Split:
    """Ascending, disjoint indices into the training images: those to train on, and those held out."""

    train: Indices
    validation: Indices


def split(
    labels: Labels,
    *,
    validation: int,
    classes: Sequence[int] | None = None,
    skip: int = 0,
    limit: int | None = None,
    per_class: int | None = None,
    shuffle_seed: int | None = None,
    fold: Fold | None = None,
) -> Split:
    """Split the training images, whose `labels` [n] are given.

    1. Hold out the first `validation` images; with a `shuffle_seed`, a random subset of as many, stratified
       by label; with a `fold` (k, n), 0 <= k < n, the k-th of n stratified folds (`validation` is then
       ignored). The folds of one `shuffle_seed` partition the images; without a seed they are dealt in the
       images' own order.
    2. Of both parts keep only the labels in `classes`.
    3. Leave out the first `skip` images of the training part, then cut it to its first `limit` images, or to
       the first `per_class` of each class. So `limit` n and `skip` n have no image in common.

    Raises `DataError` for what cannot be had: an unknown class, more images than there are, an empty part.
    """
    held_out = _held_out(labels, validation, shuffle_seed, fold)
    wanted = _of_classes(labels, classes)
    train = np.flatnonzero(wanted & ~held_out)
    train = _without_first(train, skip)
    if limit is not None and per_class is not None:
        raise DataError(f"limit, per_class: only one of the two is allowed; {limit} and {per_class} came")
    if limit is not None:
        train = _first("limit", train, limit)
    if per_class is not None:
        train = _first_of_each(train, labels, np.unique(labels[wanted]), per_class)
    kept = np.flatnonzero(wanted & held_out)
    _refuse_empty(train, kept, expected=bool(held_out.any()))
    return Split(train.astype(np.int32), kept.astype(np.int32))


def relabel(labels: Labels, classes: Sequence[int]) -> NDArray[np.int64]:
    """Return each label's position in `classes`, so that a model of some classes sees labels 0..len-1.

    Raises `DataError` when a label is not among `classes`.
    """
    positions = {label: position for position, label in enumerate(classes)}
    present, inverse = np.unique(labels, return_inverse=True)
    strangers = [int(label) for label in present if int(label) not in positions]
    if strangers:
        raise DataError(f"classes: allowed labels are {list(classes)}; labels {strangers} came too")
    return np.array([positions[int(label)] for label in present], dtype=np.int64)[inverse]


def stratified_sample(labels: Labels, count: int, seed: int) -> NDArray[np.intp]:
    """Return `count` ascending random indices, each label in proportion (largest remainders first)."""
    generator = generator_of(seed)
    present, sizes = np.unique(labels, return_counts=True)
    shares = _apportion(sizes, count)
    chosen = [
        generator.permutation(np.flatnonzero(labels == label))[:share]
        for label, share in zip(present, shares, strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def _held_out(labels: Labels, validation: int, seed: int | None, fold: Fold | None) -> NDArray[np.bool_]:
    mask = np.zeros(len(labels), dtype=bool)
    mask[_held_out_indices(labels, validation, seed, fold)] = True
    return mask


def _held_out_indices(
    labels: Labels, validation: int, seed: int | None, fold: Fold | None
) -> NDArray[np.intp]:
    if fold is not None:
        return _fold(labels, fold, seed)
    if not 0 <= validation < len(labels):
        raise DataError(
            f"validation: 0 to {len(labels) - 1} of the training images are allowed; {validation} came"
        )
    if seed is None:
        return np.arange(validation)
    return stratified_sample(labels, validation, seed)


def _fold(labels: Labels, fold: Fold, seed: int | None) -> NDArray[np.intp]:
    number, folds = fold
    if not (2 <= folds <= len(labels) and 0 <= number < folds):
        raise DataError(
            f"fold: k of n with 0 <= k < n and 2 <= n <= {len(labels)} is allowed; {number} of {folds} came"
        )
    # Dealt out class by class, every fold gets as many of each class, and as many in all, to within one.
    order = np.arange(len(labels)) if seed is None else generator_of(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    return by_class[number::folds]


def _of_classes(labels: Labels, classes: Sequence[int] | None) -> NDArray[np.bool_]:
    if classes is None:
        return np.ones(len(labels), dtype=bool)
    present = np.unique(labels).tolist()
    if not classes or len(set(classes)) < len(classes) or not set(classes) <= set(present):
        raise DataError(
            f"classes: a list of different labels among {present} is allowed; {list(classes)} came"
        )
    return np.isin(labels, list(classes))


def _first_of_each(
    train: NDArray[np.intp], labels: Labels, classes: Labels, per_class: int
) -> NDArray[np.intp]:
    chosen = [
        _first(f"per_class, class {label}", train[labels[train] == label], per_class) for label in classes
    ]
    return np.sort(np.concatenate(chosen))


def _first(what: str, indices: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    if not 1 <= count <= len(indices):
        raise DataError(f"{what}: 1 to {len(indices)} training images are allowed; {count} came")
    return indices[:count]


def _without_first(train: NDArray[np.intp], skip: int) -> NDArray[np.intp]:
    if skip and not 1 <= skip < len(train):
        raise DataError(f"skip: 0 to {len(train) - 1} training images are allowed; {skip} came")
    return train[skip:]


def _refuse_empty(train: NDArray[np.intp], validation: NDArray[np.intp], *, expected: bool) -> None:
    if not len(train):
        raise DataError("split: no training image is left; hold out fewer images, or allow more classes")
    if expected and not len(validation):
        raise DataError("split: no validation image is left; hold out more images, or allow more classes")


def _apportion(sizes: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    shares, remainders = np.divmod(sizes * count, sizes.sum())
    missing = count - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return shares


def generator_of(seed: int) -> np.random.RandomState:
    """Return the source of chance for what belongs to the data."""
    # The legacy generator: its numbers are frozen for ever (NEP 19), so no new numpy moves a split.
    return np.random.RandomState(np.random.MT19937(seed))
