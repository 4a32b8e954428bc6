"""Data sets in folders of images, one folder for each class, as Keras's `image_dataset_from_directory` has them."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError
from pipeline.core.text import one_line, plural
from pipeline.data.file_spec import FileSpec
from pipeline.data.halves import Half
from pipeline.data.rows import Mask, slices

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"}
PARTS = ("train", "test")


@dataclass(frozen=True, eq=False)
class ImageRows:
    """Image files as an array of unsigned bytes [n, h, w, channels], opened as they are read."""

    files: NDArray[np.object_]
    size: tuple[int, int]
    grayscale: bool
    resized: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is read."""
        return (len(self.files), *self.size, 1 if self.grayscale else 3)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Unsigned bytes."""
        return np.dtype(np.uint8)

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield the images in order; raises `DataError`, naming the file, for one that is broken or of another size."""
        read = partial(_pixels, size=self.size, grayscale=self.grayscale, resized=self.resized)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for piece in slices(self.shape, self.dtype):
                yield np.stack(list(pool.map(read, self.files[piece])))

    def only(self, mask: Mask) -> "ImageRows":
        """Return the images where `mask` is true."""
        return replace(self, files=self.files[mask])


def read(spec: FileSpec) -> tuple[Half, Half | None]:
    """Return the images in a folder with one folder for each class; or in its `train` and `test`, with these in each.

    The folders name the classes. Images get the size that `spec` says, as Keras resizes them; without one they must have
    one size. Raises `DataError` for a class without images, fewer than two classes, and a broken file.
    """
    folders = _folders(spec.path)
    if {folder.name for folder in folders} == set(PARTS):
        train, test = (_listed(spec, spec.path / part) for part in PARTS)
        return _half(spec, *train, first=train[0][0]), _half(spec, *test, first=train[0][0])
    files, labels = _listed(spec, spec.path)
    return _half(spec, files, labels, first=files[0]), None


def _half(spec: FileSpec, files: list[Path], labels: list[str], first: Path) -> Half:
    size = spec.size or _pixels(first, None, spec.grayscale, resized=False).shape[:2]
    return Half(
        {"": ImageRows(np.array(files, object), (size[0], size[1]), spec.grayscale, spec.size is not None)},
        np.array(labels),
    )


def _listed(spec: FileSpec, folder: Path) -> tuple[list[Path], list[str]]:
    """Return the image files in the folders in `folder`, and for each the name of its class."""
    files: list[Path] = []
    labels: list[str] = []
    folders = _folders(folder)
    if len(folders) < 2:
        where = f"{spec.title}{'' if folder == spec.path else f'/{folder.name}'}"
        names = "".join(f" ({each.name})" for each in folders)
        raise DataError(
            f"{where}: must have a folder for each class, at least two; got {len(folders)}{names}"
        )
    for each in folders:
        found = sorted(
            path for path in each.rglob("*") if path.suffix.lower() in SUFFIXES and not _is_hidden(path, each)
        )
        if not found:
            others = plural(sum(path.is_file() for path in each.rglob("*")), "other file")
            raise DataError(
                f"{spec.title}: class {each.name} has no image ({others}); "
                f"images end in {', '.join(sorted(SUFFIXES))}"
            )
        files += found
        labels += [each.name] * len(found)
    return files, labels


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _pixels(path: Path, size: tuple[int, int] | None, grayscale: bool, resized: bool) -> NDArray[np.uint8]:
    """Return the pixels of an image [h, w, channels], stretched to `size` [h, w] where it is `resized`."""
    from PIL import Image

    try:
        with Image.open(path) as opened:
            image = opened.convert("L" if grayscale else "RGB")
    except Exception as error:  # Pillow's decoders raise whatever they like
        raise DataError(f"{path}: is no image that can be read: {one_line(error)}") from error
    if size is not None and resized:
        image = image.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels: NDArray[np.uint8] = np.asarray(image, np.uint8)
    if size is not None and pixels.shape[:2] != tuple(size):
        expected, got = (f"{height} × {width}" for height, width in (size, pixels.shape[:2]))
        raise DataError(
            f"{path}: is {got} pixels, and the first image {expected}; set size to resize them all"
        )
    return pixels[..., None] if grayscale else pixels
