import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine.batches import batches, steps_per_epoch

IMAGES = st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True)
SIZES = st.integers(1, 90)


@given(rows=IMAGES, size=SIZES, epoch=st.integers(1, 5), seed=st.integers(0, 2**31 - 1))
def test_every_image_occurs_and_none_more_often_than_filling_up_needs(
    rows: list[int], size: int, epoch: int, seed: int
) -> None:
    drawn = batches(np.array(rows, np.int32), size, epoch, seed)
    assert drawn.shape == (steps_per_epoch(len(rows), size), size)
    assert drawn.shape[0] == (len(rows) + size - 1) // size
    images, times = np.unique(drawn, return_counts=True)
    assert images.tolist() == sorted(rows)
    assert times.max() - times.min() <= 1
    assert sorted(drawn.ravel()[: len(rows)]) == sorted(rows), "filling up comes last"


def test_batches_follow_from_epoch_and_seed_alone() -> None:
    rows = np.arange(50, dtype=np.int32)
    first = batches(rows, 8, 1, 7)
    assert np.array_equal(first, batches(rows.copy(), 8, 1, 7))
    assert not np.array_equal(first, batches(rows, 8, 2, 7))
    assert not np.array_equal(first, batches(rows, 8, 1, 8))
    assert not np.array_equal(first.ravel()[:50], rows), "shuffled"
