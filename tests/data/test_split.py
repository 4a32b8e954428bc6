import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.data.split import relabel, split, stratified_sample

CLASSES = 4
PER_CLASS = 12

seeds = st.one_of(st.none(), st.integers(0, 2**63 - 1))
some_classes = st.one_of(st.none(), st.lists(st.integers(0, CLASSES - 1), min_size=1, unique=True))


@st.composite
def labelled(draw):
    """Draw labels of four classes, at least twelve images each, in any order."""
    extra = draw(st.lists(st.integers(0, CLASSES - 1), max_size=40))
    labels = np.array(list(range(CLASSES)) * PER_CLASS + extra)
    return labels[np.random.RandomState(draw(st.integers(0, 1000))).permutation(len(labels))]


@given(labelled(), st.integers(0, 20), some_classes, seeds)
def test_parts_are_disjoint_ascending_and_of_the_classes_only(labels, validation, classes, seed):
    try:
        parts = split(labels, validation=validation, classes=classes, shuffle_seed=seed)
    except DataError as error:
        assert "validation image is left" in str(error) or "training image is left" in str(error)
        return
    both = np.concatenate([parts.train, parts.validation])
    expected = range(CLASSES) if classes is None else classes
    assert len(np.unique(both)) == len(both) == np.isin(labels, list(expected)).sum()
    assert set(labels[both]) <= set(expected)
    for part in (parts.train, parts.validation):
        assert part.dtype == np.int32
        assert (np.diff(part) > 0).all()


@given(labelled(), st.integers(1, 20), some_classes, seeds, st.integers(1, 5))
def test_cutting_moves_no_validation_image(labels, validation, classes, seed, count):
    """Images held out of the whole set are never in the training part of any variant."""
    whole = split(labels, validation=validation, shuffle_seed=seed)
    for cut in ({"limit": count}, {"per_class": count}):
        try:
            part = split(labels, validation=validation, classes=classes, shuffle_seed=seed, **cut)
        except DataError:
            continue
        assert set(part.validation) <= set(whole.validation)
        assert set(part.train) <= set(whole.train)


@given(labelled(), st.integers(1, 3), some_classes, seeds)
def test_per_class_takes_exactly_the_first_of_each_class(labels, per_class, classes, seed):
    fold = (0, 4)
    whole = split(labels, validation=0, classes=classes, shuffle_seed=seed, fold=fold)
    part = split(labels, validation=0, classes=classes, shuffle_seed=seed, fold=fold, per_class=per_class)
    for label in np.unique(labels[whole.train]):
        expected = whole.train[labels[whole.train] == label][:per_class]
        assert part.train[labels[part.train] == label].tolist() == expected.tolist()
        assert len(expected) == per_class
    assert part.validation.tolist() == whole.validation.tolist()


@given(labelled(), st.integers(2, 12), seeds)
def test_folds_partition_the_images_evenly_and_by_class(labels, folds, seed):
    parts = [split(labels, validation=0, shuffle_seed=seed, fold=(k, folds)) for k in range(folds)]
    held_out = np.concatenate([part.validation for part in parts])
    assert np.sort(held_out).tolist() == list(range(len(labels)))
    counts = np.array([np.bincount(labels[part.validation], minlength=CLASSES) for part in parts])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1
    for part in parts:
        assert len(part.train) + len(part.validation) == len(labels)


@given(labelled(), st.integers(0, 40), st.integers(0, 2**63 - 1))
def test_stratified_sample_has_the_size_and_the_proportions(labels, count, seed):
    sample = stratified_sample(labels, count, seed)
    assert len(np.unique(sample)) == len(sample) == count
    exact = np.bincount(labels) * count / len(labels)
    assert (np.abs(np.bincount(labels[sample], minlength=CLASSES) - exact) < 1).all()


def test_without_a_seed_the_first_images_are_held_out():
    parts = split(np.array([0, 1, 0, 1, 0, 1]), validation=2)
    assert parts.validation.tolist() == [0, 1]
    assert parts.train.tolist() == [2, 3, 4, 5]


def test_classes_are_cut_before_sizes():
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])
    parts = split(labels, validation=3, classes=[1, 2], limit=3)
    assert parts.validation.tolist() == [1, 2]
    assert parts.train.tolist() == [4, 5, 7]


@settings(max_examples=20)
@given(st.integers(0, 2**63 - 1))
def test_a_seed_decides_and_zero_is_a_seed_like_any_other(seed):
    labels = np.arange(200) % 10
    first, again = (split(labels, validation=50, shuffle_seed=seed).validation for _ in range(2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != split(labels, validation=50, shuffle_seed=seed + 1).validation.tolist()
    assert first.tolist() != list(range(50))


def test_a_split_is_pinned_for_ever():
    """Stored runs rely on it: a change here changes the training images of every finished run."""
    labels = np.arange(20) % 2
    assert split(labels, validation=6, shuffle_seed=7).validation.tolist() == [5, 8, 10, 15, 17, 18]
    assert split(labels, validation=0, shuffle_seed=7, fold=(1, 5)).validation.tolist() == [14, 17, 18, 19]


def test_training_only_needs_no_validation():
    assert split(np.array([0, 1]), validation=0).validation.tolist() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"validation": 6}, "validation: must be 0 to 5 .* got 6"),
        ({"validation": -1}, "got -1"),
        ({"validation": 1, "classes": [0, 7]}, r"classes: .*\[0, 1\]; got \[0, 7\]"),
        ({"validation": 1, "classes": []}, "classes"),
        ({"validation": 1, "classes": [1, 1]}, "classes: must be a list of different labels"),
        ({"validation": 1, "limit": 6}, "limit: must be 1 to 5 .* got 6"),
        ({"validation": 1, "limit": 0}, "limit: .* got 0"),
        ({"validation": 1, "per_class": 3}, "per_class, class 0: must be 1 to 2"),
        ({"validation": 5, "per_class": 1}, "per_class, class 0: no training image is left"),
        ({"validation": 1, "limit": 1, "per_class": 1}, "must not both be set"),
        ({"validation": 0, "fold": (3, 3)}, "got 3 of 3"),
        ({"validation": 0, "fold": (0, 1)}, "got 0 of 1"),
        ({"validation": 0, "fold": (0, 7)}, "n <= 6"),
        ({"validation": 1, "classes": [1]}, "no validation image is left"),
        ({"validation": 5, "classes": [0]}, "no training image is left"),
    ],
)
def test_impossible_requests_are_refused(arguments, words):
    with pytest.raises(DataError, match=words):
        split(np.array([0, 1, 0, 1, 0, 1]), **arguments)


def test_relabel_follows_the_order_of_the_classes():
    relabelled = relabel(np.array([5, 9, 5, 7], dtype=np.uint8), [9, 5, 7])
    assert relabelled.tolist() == [1, 0, 1, 2]
    assert relabelled.dtype == np.int64
    assert relabel(np.array([], dtype=np.int64), [3]).tolist() == []


def test_relabel_refuses_other_labels():
    with pytest.raises(DataError, match=r"\[5, 6\]; got \[1\] too"):
        relabel(np.array([5, 1, 6]), [5, 6])


@given(labelled(), st.integers(0, 10), some_classes, seeds, st.integers(1, 5))
def test_what_is_skipped_is_what_a_limit_keeps(labels, validation, classes, seed, count):
    """So one phase can learn from the first n images, and another from none of them."""
    shared = {"validation": validation, "classes": classes, "shuffle_seed": seed}
    try:
        whole, first = split(labels, **shared), split(labels, **shared, limit=count)
        rest = split(labels, **shared, skip=count)
    except DataError:
        return
    assert np.concatenate([first.train, rest.train]).tolist() == whole.train.tolist()
    assert rest.validation.tolist() == whole.validation.tolist()


def test_skipping_comes_before_cutting():
    labels = np.arange(40) % 2
    assert split(labels, validation=10, skip=6, limit=4).train.tolist() == [16, 17, 18, 19]
    assert split(labels, validation=10, skip=5, per_class=2).train.tolist() == [15, 16, 17, 18]
    with pytest.raises(DataError, match="skip: must be 0 to 29 training images; got 30"):
        split(labels, validation=10, skip=30)


SORTED = np.repeat(np.arange(10), 140)


@pytest.mark.parametrize(
    "arguments", [{"validation": 140}, {"validation": 700, "limit": 90}, {"validation": 0, "limit": 90}]
)
def test_images_sorted_by_class_are_noticed(arguments):
    with pytest.raises(
        DataError, match=r"none of the .* images has class .* sorted by class; set data.split: random"
    ):
        split(SORTED, **arguments)


@pytest.mark.parametrize(
    "arguments", [{"validation": 140}, {"validation": 700, "limit": 200}, {"validation": 0, "limit": 200}]
)
def test_mixed_images_have_all_classes_in_both_parts(arguments):
    for seed in range(20):
        parts = split(SORTED, **arguments, shuffle_seed=seed, mixed=True)
        assert set(SORTED[parts.train]) == set(range(10))
        assert not len(parts.validation) or set(SORTED[parts.validation]) == set(range(10))


def test_what_is_skipped_of_mixed_images_is_what_a_limit_keeps():
    kept = split(SORTED, validation=100, shuffle_seed=3, mixed=True, limit=200).train
    rest = split(SORTED, validation=100, shuffle_seed=3, mixed=True, skip=200).train
    assert not set(kept) & set(rest) and len(kept) + len(rest) == 1300


def test_few_images_may_lack_a_class_by_chance():
    labels = np.arange(100) % 10
    assert len(split(labels, validation=5, limit=4).train) == 4


GROUPS = np.repeat(np.arange(12), 5)


@pytest.mark.parametrize("labels", [None, np.tile([0, 1], 30)])
def test_groups_never_straddle(labels):
    parts = [
        split(labels, count=60, validation=0, groups=GROUPS, shuffle_seed=3, fold=(k, 4)) for k in range(4)
    ]
    for part in parts:
        assert not set(GROUPS[part.train]) & set(GROUPS[part.validation])
        assert len(part.train) + len(part.validation) == 60 and len(part.validation) == 15
    assert sorted(np.concatenate([part.validation for part in parts])) == list(range(60))
    held_out = split(labels, count=60, validation=6, groups=GROUPS, shuffle_seed=3)
    assert set(GROUPS[held_out.validation]).isdisjoint(GROUPS[held_out.train])
    again = split(labels, count=60, validation=6, groups=GROUPS, shuffle_seed=4)
    assert 5 <= len(held_out.validation) <= 10 and again.validation.tolist() != held_out.validation.tolist()
    assert len(split(labels, count=60, validation=0, groups=GROUPS).validation) == 0


def test_groups_keep_classes_in_proportion():
    labels = np.repeat([0, 0, 1] * 4, 5)
    for k in range(4):
        held_out = split(labels, validation=0, groups=GROUPS, shuffle_seed=0, fold=(k, 4)).validation
        assert np.bincount(labels[held_out]).tolist() == [10, 5]


def test_fewer_groups_than_folds_are_refused():
    with pytest.raises(DataError, match="groups: 13 parts need as many groups; got 12 groups"):
        split(None, count=60, validation=0, groups=GROUPS, fold=(0, 13))
    with pytest.raises(DataError, match="2 parts need as many groups; got 1 group"):
        split(None, count=60, validation=6, groups=np.zeros(60, int), shuffle_seed=0)


def test_the_last_part_is_held_out_in_time():
    assert split(None, count=10, validation=3, time=True).validation.tolist() == [7, 8, 9]
    parts = [split(np.arange(9) // 3, validation=0, time=True, shuffle_seed=1, fold=(k, 2)) for k in range(2)]
    assert [(part.train.tolist(), part.validation.tolist()) for part in parts] == [
        ([0, 1, 2], [3, 4, 5]),
        ([0, 1, 2, 3, 4, 5], [6, 7, 8]),
    ]
    with pytest.raises(DataError, match="cannot be held out where there are groups"):
        split(None, count=60, validation=5, groups=GROUPS, time=True)


def test_without_classes_the_split_is_random():
    held_out = split(None, count=100, validation=20, shuffle_seed=0).validation
    assert len(held_out) == 20 and len(set(held_out)) == 20 and held_out.max() > 50
