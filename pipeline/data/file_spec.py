"""A data set in files, as a mapping in params describes it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.metrics import Task


@dataclass(frozen=True)
class FileSpec:
    """A CSV file, a folder of images or an npz file at `path`, called `title`, and how it is read.

    `test` is the fraction held out where there is no test part; `time`: the last part. Of a CSV: the columns with the
    `target`, those to `drop`, those with `categories` whatever their values, and those with `groups` and `weights`. Of
    images: the `size` [h, w] they get (None: the one they have), and whether they become grey.
    """

    kind: Literal["csv", "images", "npz"]
    path: Path
    title: str
    test: float = 0.2
    time: bool = False
    task: Task | None = None
    target: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    groups: str | None = None
    weights: str | None = None
    size: tuple[int, int] | None = None
    grayscale: bool = False
