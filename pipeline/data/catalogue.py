"""The catalogue of data sets: their shapes and classes, their sources, and the checksums of their content."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from pipeline.core.digests import digest as plain_digest
from pipeline.core.errors import DataError, nearest
from pipeline.core.metrics import Task

PARTS = ("train_images", "train_labels", "test_images", "test_labels")
META = "meta.json"

TASKS: tuple[Task, ...] = get_args(Task)
Kind = Literal["images", "arrays", "inputs", "table"]
Shape = tuple[int, ...]

_CALLABLE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_FILES = re.compile(r"\w[\w-]*-[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True)
class Column:
    """A column of a table: numbers from `low` to `high`, or one of `categories`, as the training rows have them.

    `missing` counts the gaps in the training rows.
    """

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()
    missing: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Dataset:
    """What is known of a data set without reading its arrays.

    `input_shape` is the shape of one example, or one shape by name where there are several inputs; of a table, `[columns]`
    before encoding. `output_names` names the classes, the labels or the targets. `kind` says what `x` is: images of
    unsigned bytes, other arrays, several inputs, or a table with `columns`. `sha256` is the checksum of each part, and
    `dtypes` its type; those of the catalogue are IDX files. `validation` is how many training examples are held out by
    default; `title` what people call it, `cautions` what they should know. `sources` are the official addresses;
    `package` the folder where a Linux distribution's package puts the files, `package_name` the name of that package.
    """

    name: str
    input_shape: Shape | Mapping[str, Shape]
    output_names: tuple[str, ...]
    train_count: int
    test_count: int
    sha256: Mapping[str, str]
    validation: int
    sources: tuple[str, ...] = ()
    package: str | None = None
    package_name: str | None = None
    task: Task = "classes"
    kind: Kind = "images"
    columns: tuple[Column, ...] = ()
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    label: str = ""
    cautions: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What people call the data set: the path of its file or folder, or its name."""
        return self.label or self.name

    @property
    def outputs(self) -> int:
        """The number of classes, labels or targets."""
        return len(self.output_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, the labels or the targets."""
        return self.output_names

    @property
    def image_shape(self) -> Shape:
        """The shape of the one input, [h, w] or [h, w, channels] for images; raises `DataError` for several inputs."""
        if isinstance(self.input_shape, Mapping):
            raise DataError(f"{self.title}: has several inputs ({', '.join(self.input_shape)}), not one")
        return self.input_shape

    @property
    def is_image(self) -> bool:
        """Whether the examples are images of unsigned bytes."""
        return self.kind == "images"

    @property
    def is_idx(self) -> bool:
        """Whether the fetched files are IDX, as MNIST's: images of unsigned bytes with at most 256 classes."""
        return set(self.sha256) == set(PARTS)

    @property
    def digest(self) -> str:
        """The hash of the content: the same for the same arrays, independent of the name."""
        if self.is_idx:
            return digest_of(self.sha256)
        columns = [asdict(column) for column in self.columns]
        return plain_digest([dict(self.sha256), self.task, self.output_names, columns])

    @property
    def files(self) -> dict[str, str]:
        """The file name of each part: of IDX files as MNIST names them, else `<part>.npy`."""
        if self.is_idx:
            return file_names(len(self.image_shape) + 1)
        return {part: f"{part}.npy" for part in self.sha256}

    def shape(self, part: str) -> Shape:
        """Return the shape that the array of a part must have.

        Example: `CATALOGUE["mnist"].shape("test_images")` is `(10000, 28, 28)`.
        """
        if not self.is_idx:
            return self.shapes[part]
        count = self.train_count if part.startswith("train") else self.test_count
        return (count, *self.image_shape) if part.endswith("images") else (count,)


def digest_of(content: Mapping[str, str]) -> str:
    """Return one hash for the SHA-256 of each part."""
    lines = "\n".join(f"{part} {content[part]}" for part in PARTS)
    return hashlib.sha256(lines.encode()).hexdigest()


def file_names(dimensions: int) -> dict[str, str]:
    """Return the file name of each part, for arrays of images with that number of dimensions."""
    images, labels = f"images-idx{dimensions}-ubyte", "labels-idx1-ubyte"
    return dict(
        zip(PARTS, [f"{half}-{kind}" for half in ("train", "t10k") for kind in (images, labels)], strict=True)
    )


_NUMERALS = tuple("0123456789")

CATALOGUE: Mapping[str, Dataset] = {
    record.name: record
    for record in (
        Dataset(
            name="digits",
            input_shape=(8, 8),
            output_names=_NUMERALS,
            train_count=1_397,
            test_count=400,
            sha256={
                "train_images": "a97dad758a786f2cec4b3b4b70684f8d87247749c3a5baa85ae12a0f97d22d24",
                "train_labels": "e9345bda04bdfeb53c90ff5d7143518e6bf453464a0af512a754c6393d1248f2",
                "test_images": "e431137c1ad1ab5e22cb97c845bc643b549594c71e425d79b2f1006630619aa7",
                "test_labels": "07e5445ac8ada80c6d6ebe291b680956b6d0626faabca0c7cf4db620e1141aac",
            },
            validation=300,
        ),
        Dataset(
            name="mnist",
            input_shape=(28, 28),
            output_names=_NUMERALS,
            train_count=60_000,
            test_count=10_000,
            sha256={
                "train_images": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                "train_labels": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                "test_images": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                "test_labels": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            },
            validation=5_000,
            sources=(
                "https://storage.googleapis.com/cvdf-datasets/mnist",
                "https://ossci-datasets.s3.amazonaws.com/mnist",
            ),
        ),
        Dataset(
            name="fashion_mnist",
            input_shape=(28, 28),
            output_names=(
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            train_count=60_000,
            test_count=10_000,
            sha256={
                "train_images": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                "train_labels": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                "test_images": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                "test_labels": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            },
            validation=5_000,
            sources=(
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion",
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            ),
            package="/usr/share/datasets/fashion-mnist",
            package_name="dataset-fashion-mnist",
        ),
    )
}


def check_name(dataset: str) -> None:
    """Raise `DataError` unless `dataset` is in the catalogue, has the form `module:Name`, or is the name of files."""
    if dataset in CATALOGUE or is_files(dataset) or _CALLABLE.fullmatch(dataset):
        return
    allowed = f"{', '.join(CATALOGUE)}, or your own `module:Name`"
    raise DataError(f"dataset: must be one of {allowed}; got {dataset!r}.{nearest(dataset, CATALOGUE)}")


def files_name(path: str, mapping: Mapping[str, Any]) -> str:
    """Return the name of a data set that a mapping in params describes: the stem of its path and a digest of the mapping.

    Example: `files_name("data/train.csv", {"csv": "data/train.csv"})` is `train-` and 8 hex digits.
    """
    stem = re.sub(r"\W+", "_", Path(path).stem, flags=re.ASCII)[:64]
    return f"{stem or 'data'}-{plain_digest(dict(mapping))[:8]}"


def is_files(dataset: str) -> bool:
    """Return whether `dataset` is a name that `files_name` gives."""
    return _FILES.fullmatch(dataset) is not None


def is_user_defined(dataset: str) -> bool:
    """Return whether `dataset` is a user's own; raises `DataError` for an invalid name."""
    check_name(dataset)
    return dataset not in CATALOGUE


def folder_name(dataset: str) -> str:
    """Return the name of a data set's folder: its own name, with a hyphen for the colon of `module:Name`."""
    check_name(dataset)
    return dataset.replace(":", "-")


def raw_folder(dataset: str, root: Path) -> Path:
    """Return the folder of the fetched files, which may not exist yet."""
    return root / "data" / "raw" / folder_name(dataset)


def prepared_folder(dataset: str, root: Path) -> Path:
    """Return the folder of the prepared arrays, which may not exist yet."""
    return root / "data" / "prepared" / folder_name(dataset)


def lookup(dataset: str, root: Path) -> Dataset:
    """Return what is known of a data set without reading its images; for a user's own, what `fetch` recorded.

    Raises `DataError` for an unknown name, and for a user's own data set that was not fetched yet.
    """
    return _user_defined(dataset, root) if is_user_defined(dataset) else CATALOGUE[dataset]


def digest(dataset: str, root: Path) -> str:
    """Return the hash of a data set's content without reading its images; raises as `lookup` does."""
    return lookup(dataset, root).digest


def _user_defined(dataset: str, root: Path) -> Dataset:
    path = raw_folder(dataset, root) / META
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
        return _images_of(dataset, meta) if "shape" in meta else _arrays_of(dataset, meta)
    except OSError as error:
        raise DataError(f"{dataset}: not fetched yet; run `dvc repro fetch`") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{dataset}: {path} is damaged; run `dvc repro fetch`") from error


def _images_of(dataset: str, meta: Mapping[str, Any]) -> Dataset:
    """Return the record of images in IDX files."""
    train_count, test_count = meta["counts"]
    return Dataset(
        name=dataset,
        input_shape=tuple(meta["shape"]),
        output_names=tuple(meta["classes"]),
        train_count=train_count,
        test_count=test_count,
        sha256={part: meta["sha256"][part] for part in PARTS},
        validation=train_count // 10,
        cautions=tuple(meta.get("cautions", ())),
    )


def _arrays_of(dataset: str, meta: Mapping[str, Any]) -> Dataset:
    """Return the record of any other arrays."""
    shapes = {part: tuple(shape) for part, shape in meta["shapes"].items()}
    inputs = {
        part.partition(".")[2]: shape[1:] for part, shape in shapes.items() if part.startswith("x_train")
    }
    train_count, test_count = shapes["y_train"][0], shapes["y_test"][0]
    return Dataset(
        name=dataset,
        input_shape=inputs.get("", inputs),
        output_names=tuple(meta["outputs"]),
        train_count=train_count,
        test_count=test_count,
        sha256={part: meta["sha256"][part] for part in shapes},
        validation=train_count // 10,
        task=meta["task"],
        kind=meta["kind"],
        columns=tuple(
            Column(**{**column, "categories": tuple(column["categories"])}) for column in meta["columns"]
        ),
        shapes=shapes,
        label=meta["title"],
        cautions=tuple(meta["cautions"]),
    )
