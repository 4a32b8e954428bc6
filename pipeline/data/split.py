"""The split of the training images into those that train and those held out for validation: from labels to indices.

The held-out images are chosen first, from the whole training set; classes and sizes are limited afterwards. Therefore no
variant or phase ever trains on a validation image.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.text import plural

Labels = NDArray[np.integer]
Indices = NDArray[np.int32]
EXPECTED = 5
"""Images of a class that a part should have, at least, for it to be strange that it has none."""
Fold = tuple[int, int]
"""The fold held out and the number of folds: (k, n) with 0 <= k < n."""


@dataclass(frozen=True, eq=False)
class Split:
    """Ascending, disjoint indices into the training images: those to train on, and those held out.

    `test`: those that are tested, of all images, where they are not the data set's own test images.
    """

    train: Indices
    validation: Indices
    test: Indices | None = None


def split(
    labels: Labels | None,
    *,
    validation: int,
    classes: Sequence[int] | None = None,
    skip: int = 0,
    limit: int | None = None,
    per_class: int | None = None,
    shuffle_seed: int | None = None,
    fold: Fold | None = None,
    mixed: bool = False,
    count: int | None = None,
    groups: Labels | None = None,
    time: bool = False,
) -> Split:
    """Split the training images, whose `labels` [n] are given; None, with their `count`, where they have no classes.

    1. Hold out the first `validation` images; with a `shuffle_seed`, a random subset of that size, stratified by
       label; with a `fold` (k, n), 0 <= k < n, the k-th of n stratified folds (`validation` is then ignored). The
       folds of one `shuffle_seed` partition the images; without a seed they are dealt out in the order of the images.
       With `groups` [n], whole groups are held out, at least one and about `validation` images, classes in proportion as
       far as that goes. With `time`, the last images are held out; of folds, each holds out a later part and trains on
       all before it.
    2. Of both parts keep only the labels in `classes`.
    3. Leave out the first `skip` images of the training part, then cut it to its first `limit` images, or to the
       first `per_class` of each class. So `limit` n and `skip` n have no image in common. Where `mixed`, the first
       images are those of a random order, since the images may be sorted by class.

    Raises `DataError` for impossible requests: an unknown class, more images than there are, an empty part, a part
    without a class of which it should have several images, fewer groups than folds, groups and `time` together.

    Example: `split(np.array([0, 1, 0, 1]), validation=1)` trains on the images 1, 2 and 3 and holds out image 0.
    """
    if time and groups is not None:
        raise DataError(
            "split: the last part cannot be held out where there are groups; set data.split: random"
        )
    by_class = labels is not None
    if labels is None:
        labels = np.zeros(count or 0, np.int64)
    if time or groups is not None:
        held_out, usable = _held_out_whole(labels, validation, shuffle_seed, fold, groups, by_class=by_class)
    else:
        held_out = _held_out(labels, validation, shuffle_seed, fold)
        usable = ~held_out
    in_classes = _in_classes(labels, classes)
    train = _without_first(_ordered(in_classes & usable, shuffle_seed if mixed else None), skip)
    if limit is not None and per_class is not None:
        raise DataError(f"limit, per_class: must not both be set; got {limit} and {per_class}")
    if limit is not None:
        train = _first("limit", train, limit)
    if per_class is not None:
        train = _first_of_each(train, labels, np.unique(labels[in_classes]), per_class)
    train, kept = np.sort(train), np.flatnonzero(in_classes & held_out)
    _check_not_empty(train, kept, expect_validation=bool(held_out.any()))
    for name, part in () if time or groups is not None else (("training", train), ("validation", kept)):
        _check_classes(name, labels[part], labels[in_classes])
    return Split(train.astype(np.int32), kept.astype(np.int32))


def relabel(labels: Labels, classes: Sequence[int]) -> NDArray[np.int64]:
    """Return each label's position in `classes`, so that a model of some classes has labels 0..len-1.

    Raises `DataError` if a label is not among `classes`.

    Example: `relabel(np.array([3, 7, 3]), [3, 7])` is `[0, 1, 0]`.
    """
    positions = {label: position for position, label in enumerate(classes)}
    present, inverse = np.unique(labels, return_inverse=True)
    unknown = [int(label) for label in present if int(label) not in positions]
    if unknown:
        raise DataError(f"classes: all labels must be among {list(classes)}; got {unknown} too")
    return np.array([positions[int(label)] for label in present], dtype=np.int64)[inverse]


def stratified_sample(labels: Labels, count: int, seed: int) -> NDArray[np.intp]:
    """Return `count` random indices [count], ascending, with the labels in proportion (largest remainders first)."""
    generator = random_generator(seed)
    present, sizes = np.unique(labels, return_counts=True)
    shares = _apportion(sizes, count)
    samples = [
        generator.permutation(np.flatnonzero(labels == label))[:share]
        for label, share in zip(present, shares, strict=True)
    ]
    return np.sort(np.concatenate(samples))


def _held_out(labels: Labels, validation: int, seed: int | None, fold: Fold | None) -> NDArray[np.bool_]:
    mask = np.zeros(len(labels), dtype=bool)
    mask[_held_out_indices(labels, validation, seed, fold)] = True
    return mask


def _held_out_whole(
    labels: Labels,
    validation: int,
    seed: int | None,
    fold: Fold | None,
    groups: Labels | None,
    *,
    by_class: bool,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which images are held out, whole groups or the last ones, and which may train."""
    number, folds = fold or (0, 0)
    if fold is None and not 0 <= validation < len(labels):
        raise DataError(f"validation: must be 0 to {len(labels) - 1} training images; got {validation}")
    if groups is None:
        return _last(len(labels), validation, number, folds)
    held_out = np.zeros(len(labels), bool)
    if fold is not None or validation:
        folds = folds or max(2, round(len(labels) / validation))
        held_out[
            group_fold(labels, groups, number, folds, seed, exact=fold is not None, by_class=by_class)
        ] = True
    return held_out, ~held_out


def _last(
    count: int, validation: int, number: int, folds: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the last images, or fold `number` of `folds` parts that follow a first one; and all before them."""
    starts = [count - validation, count]
    if folds:
        starts = [count * part // (folds + 1) for part in (number + 1, number + 2)]
    rows = np.arange(count)
    return (rows >= starts[0]) & (rows < starts[1]), rows < starts[0]


def group_fold(
    labels: Labels, groups: Labels, number: int, folds: int, seed: int | None, *, exact: bool, by_class: bool
) -> NDArray[np.intp]:
    """Return the images of fold `number` of `folds`, each of whole groups; of fewer folds if there are fewer groups."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    present = len(np.unique(groups))
    if present < (folds if exact else 2):
        raise DataError(
            f"groups: {folds if exact else 2} parts need as many groups; got {plural(present, 'group')}"
        )
    kind = StratifiedGroupKFold if by_class else GroupKFold
    folder = kind(min(folds, present), shuffle=seed is not None, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with fewer images than folds
        parts = list(folder.split(np.empty((len(labels), 0)), labels, groups))
    held_out: NDArray[np.intp] = parts[number][1]
    return held_out


def _held_out_indices(
    labels: Labels, validation: int, seed: int | None, fold: Fold | None
) -> NDArray[np.intp]:
    if fold is not None:
        return fold_rows(labels, fold, seed)
    if not 0 <= validation < len(labels):
        raise DataError(f"validation: must be 0 to {len(labels) - 1} training images; got {validation}")
    if seed is None:
        return np.arange(validation)
    return stratified_sample(labels, validation, seed)


def fold_rows(labels: Labels, fold: Fold, seed: int | None) -> NDArray[np.intp]:
    """Return the rows of fold k of n, (k, n), classes in proportion; raises `DataError` for one that there is not."""
    number, folds = fold
    if not (2 <= folds <= len(labels) and 0 <= number < folds):
        raise DataError(
            f"fold: must be k of n with 0 <= k < n and 2 <= n <= {len(labels)}; got {number} of {folds}"
        )
    # Dealt out class by class: the folds' sizes, of each class and in total, differ by at most one.
    order = np.arange(len(labels)) if seed is None else random_generator(seed).permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    return by_class[number::folds]


def _in_classes(labels: Labels, classes: Sequence[int] | None) -> NDArray[np.bool_]:
    if classes is None:
        return np.ones(len(labels), dtype=bool)
    present = np.unique(labels).tolist()
    if not classes or len(set(classes)) < len(classes) or not set(classes) <= set(present):
        raise DataError(f"classes: must be a list of different labels among {present}; got {list(classes)}")
    return np.isin(labels, list(classes))


def _first_of_each(
    train: NDArray[np.intp], labels: Labels, classes: Labels, per_class: int
) -> NDArray[np.intp]:
    parts = [
        _first(f"per_class, class {label}", train[labels[train] == label], per_class) for label in classes
    ]
    return np.sort(np.concatenate(parts))


def _first(option: str, indices: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    if not len(indices):
        raise DataError(f"{option}: no training image is left to choose from; hold out or skip fewer images")
    if not 1 <= count <= len(indices):
        raise DataError(f"{option}: must be 1 to {len(indices)} training images; got {count}")
    return indices[:count]


def _without_first(train: NDArray[np.intp], skip: int) -> NDArray[np.intp]:
    if skip and not 1 <= skip < len(train):
        raise DataError(f"skip: must be 0 to {len(train) - 1} training images; got {skip}")
    return train[skip:]


def _check_not_empty(
    train: NDArray[np.intp], validation: NDArray[np.intp], *, expect_validation: bool
) -> None:
    if not len(train):
        raise DataError("split: no training image is left; hold out fewer images, or allow more classes")
    if expect_validation and not len(validation):
        raise DataError("split: no validation image is left; hold out more images, or allow more classes")


def _ordered(chosen: NDArray[np.bool_], seed: int | None) -> NDArray[np.intp]:
    """Return the indices of chosen images, ascending, or in a random order."""
    order = np.arange(len(chosen)) if seed is None else random_generator(seed).permutation(len(chosen))
    return order[chosen[order]]


def _check_classes(name: str, part: Labels, labels: Labels) -> None:
    """Raise `DataError` where a part lacks a class of which it should have `EXPECTED` images or more.

    By chance that happens once in 150 parts (e to the power of -5); in data sorted by class always.
    """
    classes, counts = np.unique(labels, return_counts=True)
    due = counts * len(part) >= EXPECTED * len(labels)
    lacking = [
        (label, count) for label, count in zip(classes[due], counts[due], strict=True) if label not in part
    ]
    if len(part) and lacking:
        label, count = lacking[0]
        raise DataError(
            f"split: none of the {len(part)} {name} images has class {label}, as {count} of all {len(labels)} do: "
            "the images seem to be sorted by class; set data.split: random"
        )


def _apportion(sizes: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return how many of `count` each class has, in proportion to `sizes`; the largest remainders are rounded up."""
    shares, remainders = np.divmod(sizes * count, sizes.sum())
    missing = count - int(shares.sum())
    shares[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return shares


def random_generator(seed: int) -> np.random.RandomState:
    """Return the random generator of everything about the data that is drawn at random."""
    # The legacy generator: its numbers never change (NEP 19), so that no new version of numpy changes a split.
    return np.random.RandomState(np.random.MT19937(seed))
