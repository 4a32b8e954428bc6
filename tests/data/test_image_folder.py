"""Folders of images, and what is wrong with them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import DataError

from .test_user_files import Bring, bring

__all__ = ["bring"]


def draw(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (6, 4)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    for number in range(10):
        draw(tmp_path / "flowers" / "rose" / f"{number}.png", (200, number, 0))
        draw(tmp_path / "flowers" / "iris" / "more" / f"{number}.bmp", (0, number, 200))
    (tmp_path / "flowers" / "rose" / ".hidden.png").write_bytes(b"")
    (tmp_path / "flowers" / "rose" / "notes.txt").write_text("no image")
    return tmp_path / "flowers"


@pytest.mark.usefixtures("flowers")
def test_a_folder_for_each_class(bring: Bring) -> None:
    data = bring(images="flowers")
    assert data.class_names == ("iris", "rose") and data.record.input_shape == (4, 6, 3)
    assert data.x_train.dtype == np.uint8 and data.record.is_image and data.record.kind == "images"
    assert (len(data.x_train), np.bincount(data.y_test).tolist()) == (16, [2, 2])
    np.testing.assert_array_equal(data.x_train[:, 0, 0, 0], np.where(data.y_train == 1, 200, 0))


def test_sizes_grey_and_a_test_part_of_its_own(tmp_path: Path, bring: Bring) -> None:
    for part, count in (("train", 3), ("test", 1)):
        for number in range(count):
            draw(tmp_path / "d" / part / "a" / f"{number}.png", (255, 255, 255), size=(5, 5 + number))
            draw(tmp_path / "d" / part / "b" / f"{number}.png", (0, 0, 0), size=(8, 5))
    data = bring(images="d", size=[3, 2], grayscale=True)
    assert (data.x_train.shape, data.x_test.shape) == ((6, 3, 2, 1), (2, 3, 2, 1))
    assert data.x_test[:, 0, 0, 0].tolist() == [255, 0] and data.y_test.tolist() == [0, 1]


def test_faults_name_the_file_or_the_class(tmp_path: Path, flowers: Path, bring: Bring) -> None:
    draw(flowers / "rose" / "wide.png", (0, 0, 0), size=(9, 4))
    with pytest.raises(
        DataError, match=r"rose/wide.png: is 4 × 9 pixels, and the first image 4 × 6; set size"
    ):
        bring(images="flowers")
    broken = flowers / "rose" / "3.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(DataError, match=r"rose/3.png: is no image that can be read"):
        bring(images="flowers", size=8)
    (flowers / "tulip").mkdir()
    (flowers / "tulip" / "list.csv").write_text("")
    with pytest.raises(DataError, match=r"flowers: class tulip has no image \(1 other file\)"):
        bring(images="flowers", size=8)
    (tmp_path / "one" / "only").mkdir(parents=True)
    with pytest.raises(
        DataError, match=r"one: must have a folder for each class, at least two; got 1 \(only\)"
    ):
        bring(images="one")
