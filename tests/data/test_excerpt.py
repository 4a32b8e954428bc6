"""Excerpts of data sets."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.data.catalogue import Dataset
from pipeline.data.excerpt import excerpt
from pipeline.data.pictures import png
from pipeline.data.prepare import Prepared


def images(labels: list[int], names: list[str], shape: tuple[int, ...] = (4, 4)) -> Prepared:
    x = np.random.default_rng(0).integers(256, size=(len(labels), *shape), dtype=np.uint8)
    y = np.array(labels, np.int64)
    return Prepared(x, y, x[:3], y[:3], Dataset("made_up", shape, tuple(names), len(x), 3, {}, validation=0))


def test_the_first_images_of_every_class_come_in_turn() -> None:
    data = images([0, 0, 0, 1, 1, 2] + 9 * [0], ["a", "b", "<c>"])
    found = excerpt(data)
    assert [name for _, name in found.pictures] == ["a", "b", "<c>", "a", "b", *6 * "a"]
    pngs = [picture for picture, _ in found.pictures]
    assert pngs == [png(data.x_train[row]) for row in (0, 3, 5, 1, 4, 2, 6, 7, 8, 9, 10)]
    assert (found.train_count, found.test_count, found.classes) == (15, 3, 3)


@pytest.mark.parametrize(
    ("classes", "shown", "pictures"), [(2, 2, 24), (10, 10, 20), (24, 24, 24), (200, 24, 24)]
)
def test_there_are_at_most_24_pictures(classes: int, shown: int, pictures: int) -> None:
    names = [f"class {number}" for number in range(classes)]
    found = excerpt(images(list(range(classes)) * 15, names, (4, 4, 3)))
    assert len(found.pictures) == pictures and len({name for _, name in found.pictures}) == shown
    assert found.classes == classes and found.image_shape == (4, 4, 3)


def test_other_data_show_what_they_are() -> None:
    data = images([0, 1, 0], ["sun", "sea"])
    labels = replace(
        data, y_train=np.array([[1, 1], [0, 1], [0, 0]]), record=replace(data.record, task="labels")
    )
    assert [name for _, name in excerpt(labels).pictures] == ["sun, sea", "sea", ""]
    inputs = {"wide": np.ones((3, 5), np.float32), "deep": np.ones((3, 2, 2), np.int32)}
    record = replace(data.record, kind="inputs", input_shape={"wide": (5,), "deep": (2, 2)})
    found = excerpt(replace(data, x_train=inputs, record=record))
    assert found.arrays == (("wide", (5,), "float32"), ("deep", (2, 2), "int32"))
    assert (found.kind, found.pictures, found.image_shape) == ("inputs", (), ())
