"""The data set of a study or an ablation: a name, a callable of one's own, or files with how to read them."""

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline.core.errors import UserError, nearest
from pipeline.core.metrics import Task
from pipeline.core.plugins import is_plugin, locate
from pipeline.core.project import root, study_at, study_folder
from pipeline.data.catalogue import CATALOGUE, files_name
from pipeline.data.file_spec import FileSpec
from pipeline.params.faults import Fault, FaultsError, fault_at, invalid, listing, read_as, show
from pipeline.params.numbers import is_integer
from pipeline.params.spec import Spec, defined_as, only_one

KINDS = ("csv", "images", "npz")
COMMON = ("test", "split", "task")
KEYS = {
    "csv": ("target", "drop", "categories", "groups", "weights", *COMMON),
    "images": ("size", "grayscale", *COMMON),
    "npz": COMMON,
}
"""What may stand beside each kind of file."""


def _read_names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _read_size(value: Any) -> Any:
    return [value, value] if is_integer(value) else value


Names = Annotated[tuple[str, ...], Field(strict=False), BeforeValidator(_read_names), defined_as("names")]
Side = Annotated[int, Field(ge=1, le=4096)]


class DatasetSpec(Spec):
    """Files with data: a CSV file, a folder of images, or an npz file; and how to read them.

    `test` is the fraction that is held out for testing where the files have no test part. `target`: one column, or more.
    """

    csv: str | None = None
    images: str | None = None
    npz: str | None = None
    target: Names = ()
    drop: Names = ()
    categories: Names = ()
    groups: str | None = None
    weights: str | None = None
    size: Annotated[
        Annotated[tuple[Side, Side], Field(strict=False)] | None,
        BeforeValidator(_read_size),
        defined_as("pair"),
    ] = None
    grayscale: bool = False
    test: Annotated[float, Field(gt=0, lt=1)] = 0.2
    split: Literal["random", "time"] = "random"
    task: Task | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kind = only_one(self, KINDS)
        allowed = (kind, *KEYS[kind])
        faults = [
            fault_at(f"has no use beside {kind}; allowed: {listing(allowed)}", key)
            for key in self.model_fields_set
            if key not in allowed and getattr(self, key) != type(self).model_fields[key].default
        ]
        faults += [*_path_faults(self.path, self.title, kind), *self._column_faults()]
        if faults:
            raise FaultsError(*faults)
        return self

    @property
    def kind(self) -> Literal["csv", "images", "npz"]:
        """Which kind of files."""
        return "csv" if self.csv is not None else "images" if self.images is not None else "npz"

    @property
    def title(self) -> str:
        """The path as it was written."""
        return str(getattr(self, self.kind))

    @cached_property
    def path(self) -> Path:
        """The path, absolute; one that was not is relative to the study's folder.

        In a copy of the project, as `dvc exp run --temp` makes, files that git ignores are those of the project itself.
        """
        folders = (study_folder(), root() / study_at(study_folder()))
        paths = [Path(os.path.normpath(each.resolve() / Path(self.title).expanduser())) for each in folders]
        return next((path for path in paths if path.exists()), paths[0])

    @property
    def name(self) -> str:
        """The name of the data set, which changes with everything that is written here."""
        return files_name(self.title, self.model_dump(mode="json", exclude_defaults=True))

    def source(self) -> FileSpec:
        """Return what the reading of the files needs."""
        return FileSpec(
            kind=self.kind,
            path=self.path,
            title=self.title,
            test=self.test,
            time=self.split == "time",
            task=self.task,
            target=self.target,
            drop=self.drop,
            categories=self.categories,
            groups=self.groups,
            weights=self.weights,
            size=self.size,
            grayscale=self.grayscale,
        )

    def _column_faults(self) -> list[Fault]:
        """Return the faults of a CSV file's columns among each other; the file itself is not read here."""
        if self.kind != "csv":
            return []
        if not self.target:
            return [fault_at("is missing: the column to predict", "target")]
        uses: dict[str, str] = {}
        faults = []
        for key in ("target", "groups", "weights", "drop", "categories"):
            value = getattr(self, key)
            for column in [value] if isinstance(value, str) else value or ():
                if column in uses:
                    faults.append(fault_at(f"{column!r} is {uses[column]} already", key))
                uses.setdefault(column, key)
        if self.groups is not None and self.split == "time":
            faults.append(Fault((("split",), ("groups",)), "time and groups exclude each other; keep one"))
        return faults


def _path_faults(path: Path, written: str, kind: str) -> list[Fault]:
    """Return what is wrong with a path: it must exist, and be inside the project unless it is absolute."""
    wanted = "folder" if kind == "images" else "file"
    is_absolute = Path(written).expanduser().is_absolute()
    if not is_absolute and not path.is_relative_to(root().resolve()):
        return [
            fault_at(f"must be a {wanted} in the project, or an absolute path; got {show(written)}", kind)
        ]
    if path.is_dir() if kind == "images" else path.is_file():
        return []
    if path.exists():
        return [fault_at(f"must be a {wanted}; got {show(written)}", kind)]
    beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    return [fault_at(f"there is no {wanted} {show(written)}.{nearest(path.name, beside)}", kind)]


def _read_dataset(value: Any) -> Any:
    if isinstance(value, DatasetSpec):
        return value
    if isinstance(value, Mapping):
        return read_as(DatasetSpec, value)
    if not isinstance(value, str) or (value not in CATALOGUE and not is_plugin(value)):
        near = nearest(value, CATALOGUE) if isinstance(value, str) else ""
        forms = f"{listing(CATALOGUE)}, module:Name, or a mapping with csv, images or npz"
        raise invalid(f"must be one of {forms}; got {show(value)}.{near}")
    if is_plugin(value):
        try:
            locate(value, root())
        except UserError as error:
            raise invalid(str(error)) from None
    return value


AnyDataset = Annotated[str | DatasetSpec, BeforeValidator(_read_dataset), defined_as("dataset")]


def name_of(dataset: str | DatasetSpec) -> str:
    """Return the name by which everything else knows a data set."""
    return dataset if isinstance(dataset, str) else dataset.name
