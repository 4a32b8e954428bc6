"""What a phase sees of a data set; and only the data set in use is held as floats."""

import gc
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import DataError
from pipeline.data.catalogue import PARTS, Dataset
from pipeline.data.prepare import Prepared
from pipeline.engine.datasets import DatasetCache, DatasetViews
from pipeline.params.types.recipe import DataSpec
from pipeline.runs.resample import Resample

CLASSES = 3


def sha256(content: str) -> dict[str, str]:
    return dict.fromkeys(PARTS, content)


def images(count: int = 60, shape: tuple[int, ...] = (4, 3), seed: int = 0, content: str = "") -> Prepared:
    """Return made-up images in three classes, 20 of them for testing."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (count + 20, *shape), dtype=np.uint8)
    labels = np.arange(count + 20) % CLASSES
    record = Dataset("made_up", shape, tuple("abc"), count, 20, sha256(content), validation=12)
    return Prepared(pixels[:count], labels[:count], pixels[count:], labels[count:], record)


def view(views: DatasetViews, flat: bool = True, **data: Any) -> Any:
    return views.view(DataSpec(**data), flat, split_seed=7)


@pytest.mark.parametrize(("shape", "expected"), [((4, 3), (4, 3, 1)), ((4, 3, 3), (4, 3, 3))])
def test_convolutions_see_height_width_and_channels(
    shape: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    views = DatasetViews(images(shape=shape))
    assert view(views, flat=False).x.shape == (80, *expected)
    assert view(views).x.shape == (80, np.prod(shape))


def test_pools_of_other_images_have_other_names() -> None:
    """Scaled alike, two data sets could else be confused, and one be trained with the images of the other."""
    pools = {
        view(DatasetViews(images(content=content)), flat=flat).pool
        for content in "ab"
        for flat in (True, False)
    }
    assert len(pools) == 4


def test_only_the_data_set_in_use_is_held(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    views = {"digits": DatasetViews(images()), "mnist": DatasetViews(images(seed=1, content="two"))}
    monkeypatch.setattr("pipeline.engine.datasets.views_of", lambda dataset, _: views[dataset])
    cache = DatasetCache(project)
    kept = weakref.ref(view(cache("digits")).x)
    view(cache("digits"), scale="standardise")
    gc.collect()
    assert kept() is not None
    view(cache("mnist"))
    gc.collect()
    assert kept() is None
    assert view(cache("digits")).x.shape == (80, 12)


def test_a_pair_is_two_images_in_one_vector() -> None:
    views = DatasetViews(images())
    single, pairs = view(views), view(views, pairs=40)
    assert [len(rows) for rows in (pairs.training, pairs.validation, pairs.test)] == [40, 12, 20]
    assert (pairs.outputs, pairs.names, pairs.x.shape) == (2, ("same", "different"), (72, 24))
    for name in ("training", "validation", "test"):
        allowed = {single.x[row].tobytes(): single.y[row] for row in getattr(single, name)}
        rows = getattr(pairs, name)
        halves = np.split(pairs.x[rows], 2, axis=1)
        # A KeyError where an image is not of that part.
        labels = [[allowed[image.tobytes()] for image in half] for half in halves]
        assert (np.equal(*labels) == (pairs.y[rows] == 0)).all()
        assert pairs.y[rows].sum() * 2 == len(rows)


def test_pairs_of_images_for_convolutions_and_of_chosen_images_only() -> None:
    views = DatasetViews(images())
    flat, spatial = view(views, pairs=10), view(views, flat=False, pairs=10)
    assert spatial.x.shape == (42, 2, 4, 3, 1)
    assert (spatial.x.reshape(42, -1) == flat.x).all() and (spatial.y == flat.y).all()
    few = view(views, pairs=200, skip=8, limit=6)
    known = {image.tobytes() for image in view(views).x[view(views).training[8:14]]}
    assert {half.tobytes() for half in few.x[few.training].reshape(-1, 12)} == known


def test_pairs_belong_to_the_study() -> None:
    views = DatasetViews(images())
    one, again = (views.view(DataSpec(pairs=40), True, split_seed=seed) for seed in (7, 8))
    assert one.pool != again.pool and (one.x != again.x).any()
    assert view(views, pairs=40).pool == one.pool != view(views, pairs=42).pool


@pytest.mark.parametrize(
    "resample",
    [Resample("splits", 3, test=0.25), Resample("folds", 1, k=4), Resample("groups", 0, test=0.3)],
    ids=lambda resample: resample.over,
)
def test_rows_that_are_tested_train_nothing(resample: Resample) -> None:
    prepared, groups = images(), np.arange(80) // 4
    if resample.over == "groups":
        prepared = replace(prepared, groups_train=groups[:60], groups_test=groups[60:])
    views = DatasetViews(prepared)
    seen = views.view(DataSpec(scale="standardise"), True, 7, None, resample)
    parts = [seen.training, seen.validation, seen.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(80)), "each row is in one part"
    assert len(seen.validation) == 12 or resample.over == "groups"
    assert seen.x[seen.training].mean(axis=0) == pytest.approx(0, abs=1e-5), "scaled by what trains alone"
    assert np.abs(seen.x[seen.test].mean(axis=0)).max() > 0.01
    if resample.over == "groups":
        owners = [set(groups[part].tolist()) for part in parts]
        assert sum(map(len, owners)) == len(set.union(*owners))
    folds = [views.view(DataSpec(), True, 7, (k, 3), resample) for k in range(3)]
    assert {tuple(fold.test) for fold in folds} == {tuple(seen.test)}, (
        "folds of a search leave the test rows alone"
    )
    assert sorted(np.concatenate([fold.validation for fold in folds]).tolist()) == sorted(
        np.concatenate(parts[:2]).tolist()
    )


def test_other_replicates_test_other_rows() -> None:
    views = DatasetViews(images())
    tested = [
        views.view(DataSpec(), True, 7, None, Resample("folds", number, k=4)).test for number in range(8)
    ]
    assert sorted(np.concatenate(tested[:4]).tolist()) == sorted(np.concatenate(tested[4:]).tolist())
    assert len({rows.tobytes() for rows in tested}) == 8


def test_groups_must_not_be_torn_apart() -> None:
    groups = np.arange(80) // 4
    grouped = DatasetViews(replace(images(), groups_train=groups[:60], groups_test=groups[60:]))
    with pytest.raises(DataError, match="write over: groups"):
        grouped.view(DataSpec(), True, 7, None, Resample("splits", 0, test=0.2))
    with pytest.raises(DataError, match="the rows have no groups"):
        DatasetViews(images()).view(DataSpec(), True, 7, None, Resample("groups", 0, test=0.2))
    with pytest.raises(DataError, match="must be known of training and of test rows"):
        DatasetViews(replace(images(), groups_train=groups[:60])).view(
            DataSpec(), True, 7, None, Resample("folds", 0, k=2)
        )
