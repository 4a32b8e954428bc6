import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import DataError
from pipeline.data.pairs import draw_pairs

labellings = st.lists(st.integers(0, 3), min_size=3, max_size=60).map(np.array)


@st.composite
def drawable(draw):
    """Draw labels and some of their rows, of two classes or more, one of them shown twice."""
    labels = draw(labellings)
    rows = draw(st.lists(st.sampled_from(range(len(labels))), min_size=3, unique=True))
    chosen = np.unique(labels[rows], return_counts=True)[1]
    if len(chosen) < 2 or chosen.max() < 2:
        labels[rows] = np.arange(len(rows)) % 2
    return labels, np.sort(np.array(rows, dtype=np.int32))


@given(drawable(), st.integers(1, 40), st.integers(0, 2**31))
def test_half_are_of_one_class_and_no_image_meets_itself(case, half, seed):
    labels, rows = case
    pairs = draw_pairs(labels, rows, 2 * half, seed)
    assert len(pairs.first) == len(pairs.second) == len(pairs.different) == 2 * half
    assert (pairs.first != pairs.second).all()
    assert ((labels[pairs.first] == labels[pairs.second]) == (pairs.different == 0)).all()
    assert pairs.different.sum() == half
    assert set(pairs.first) | set(pairs.second) <= set(rows)
    for part in (pairs.first, pairs.second, pairs.different):
        assert part.dtype == np.int32


def test_every_image_comes_in_every_role():
    labels = np.repeat([0, 1, 2], [2, 5, 13])
    pairs = draw_pairs(labels, np.arange(20, dtype=np.int32), 4000, seed=3)
    for different in (0, 1):
        for part in (pairs.first, pairs.second):
            counts = np.bincount(part[pairs.different == different], minlength=20)
            assert counts.min() > 0
    # The first image is any, so its classes come as often as there are images of them.
    shares = np.bincount(labels[pairs.first[pairs.different == 1]]) / 2000
    assert shares == pytest.approx(np.array([2, 5, 13]) / 20, abs=0.04)
    # Both kinds of pairs are mixed, not one after the other.
    assert 0.4 < pairs.different[:200].mean() < 0.6


def test_the_seed_decides():
    labels, rows = np.arange(100) % 5, np.arange(10, 90, dtype=np.int32)
    one, again, other = (draw_pairs(labels, rows, 50, seed) for seed in (1, 1, 2))
    assert one.first.tolist() == again.first.tolist() and one.second.tolist() == again.second.tolist()
    assert one.first.tolist() != other.first.tolist()


@pytest.mark.parametrize(
    ("labels", "count", "expected"),
    [
        ([0, 0, 0], 2, "at least two classes"),
        ([0, 1, 2], 2, "no class has two images"),
        ([0, 0, 1], 3, "even number"),
        ([0, 0, 1], 0, "even number"),
    ],
)
def test_what_cannot_be_had(labels, count, expected):
    with pytest.raises(DataError, match=expected):
        draw_pairs(np.array(labels), np.arange(len(labels), dtype=np.int32), count, 0)
