"""Fetching a data set: its four IDX files under `data/raw`, each with the content that its checksum demands."""

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.errors import DataError
from pipeline.core.files import remove_partial, replacing, sha256
from pipeline.data import catalogue, digits, idx, user_dataset, user_files
from pipeline.data.catalogue import Dataset
from pipeline.data.download_progress import download_bar
from pipeline.data.file_spec import FileSpec
from pipeline.data.sources import (
    AbsentError,
    Limits,
    Source,
    SourceError,
    UnreachableError,
    fetch_file,
    is_url,
)

MIRROR_VARIABLE = "ABLATION_DATA_MIRROR"

_logger = logging.getLogger(__name__)


def fetch(
    dataset: str,
    root: Path,
    mirror: str | None = None,
    limits: Limits | None = None,
    *,
    spec: FileSpec | None = None,
    code: Path | None = None,
) -> Path:
    """Fetch a data set's files to `data/raw/<dataset>` under `root`, and return that folder.

    Correct files that exist are kept; damaged ones are named in a warning and fetched again. The sources, in order:
    `mirror`, or else the variable ABLATION_DATA_MIRROR (a folder, relative to `root`, or a base URL), the Linux
    distribution's package, the official addresses. A file appears only when it is complete and its SHA-256 is
    right. A user's own data set is read from the files in `spec`, or called in the folder `code` (default: `root`).
    Raises `DataError`, with everything that was tried and what to do, if no source has a file.

    Example: `fetch("mnist", Path("."), mirror="/data/mirror")` returns `data/raw/mnist`.
    """
    folder = catalogue.raw_folder(dataset, root)
    remove_partial(folder)
    if catalogue.is_files(dataset):
        return user_files.fetch(dataset, root, spec)
    if catalogue.is_user_defined(dataset):
        return user_dataset.fetch(dataset, root, code)
    record = catalogue.CATALOGUE[dataset]
    missing = [
        part for part in catalogue.PARTS if not _is_correct(folder / record.files[part], record.sha256[part])
    ]
    if missing and not record.sources:
        _make_digits(record, folder)
    elif missing:
        _Search(record, sources(record, root, mirror), limits or Limits()).fetch(missing, folder)
    return folder


def sources(record: Dataset, root: Path, mirror: str | None = None) -> list[Source]:
    """Return the sources of a data set's files, in the order to try them; raises `DataError` for an invalid mirror."""
    local = [] if (named := _mirror(record, root, mirror)) is None else [named]
    if record.package is not None:
        local.append(Source(f"package {record.package_name}", record.package, suffixes=(".gz", "")))
    return [*local, *(Source("official address", address) for address in record.sources)]


def _mirror(record: Dataset, root: Path, mirror: str | None) -> Source | None:
    variable = os.environ.get(MIRROR_VARIABLE)
    name, base = ("data.mirror", mirror) if mirror else (MIRROR_VARIABLE, variable)
    if not base:
        return None
    if "://" in base and not is_url(base):
        raise DataError(f"{name}: must be a folder, or an address with https:// or http://; got {base!r}")
    location = base if is_url(base) else str(root / Path(base).expanduser())
    return Source(name, location, (record.name, record.name.replace("_", "-"), ""), (".gz", ""))


def _is_correct(path: Path, expected: str) -> bool:
    if not path.exists():
        return False
    if sha256(path) == expected:
        return True
    _logger.warning("%s; fetching it again", _damage(path))
    return False


def _damage(path: Path) -> str:
    """Return what is wrong with a file whose SHA-256 is not as expected."""
    try:
        idx.read(path)
    except DataError as error:
        return str(error)
    return f"{path}: does not have the published content (SHA-256)"


def _make_digits(record: Dataset, folder: Path) -> None:
    arrays = digits.arrays()
    hashes = {part: hashlib.sha256(idx.encode(array)).hexdigest() for part, array in arrays.items()}
    if changed := [part for part in catalogue.PARTS if hashes[part] != record.sha256[part]]:
        raise DataError(
            f"digits: the installed scikit-learn has other {', '.join(changed)} than this project expects; "
            "install the versions in constraints.txt"
        )
    for part, array in arrays.items():
        idx.write(folder / record.files[part], array)


class _Search:
    """A search for the files of a data set in several sources; it remembers which sources cannot be reached."""

    def __init__(self, record: Dataset, sources: list[Source], limits: Limits) -> None:
        self._record = record
        self._sources = sources
        self._limits = limits
        self._unreachable: dict[Source, str] = {}

    def fetch(self, parts: list[str], folder: Path) -> None:
        for part in parts:
            self._fetch_file(folder / self._record.files[part], self._record.sha256[part])

    def _fetch_file(self, path: Path, expected: str) -> None:
        tried: dict[Source, str] = {}
        for source in self._sources:
            reason = self._unreachable.get(source) or self._try_source(source, path, expected)
            if reason is None:
                return
            tried[source] = reason
        raise DataError(_failure(self._record, path.name, tried))

    def _try_source(self, source: Source, path: Path, expected: str) -> str | None:
        """Return None if the file was fetched from this source, else why not."""
        if not is_url(source.base) and not Path(source.base).is_dir():
            return f"{source.base}: no such folder"
        reasons, absent = [], ""
        for location in source.locations(path.name):
            try:
                self._try_location(location, path, expected)
                return None
            except AbsentError as fault:
                absent = f"{source.base}: {path.name} {fault}"
            except UnreachableError as fault:
                self._unreachable[source] = f"{source.base}: {fault}"
                return self._unreachable[source]
            except SourceError as fault:
                reasons.append(f"{location}: {fault}")
        return "; ".join(reasons) or absent

    def _try_location(self, location: str, path: Path, expected: str) -> None:
        with replacing(path) as temporary, download_bar(path.name) as on_progress:
            actual = fetch_file(location, temporary, self._limits, on_progress)
            if actual != expected:
                raise SourceError(f"other content: SHA-256 must be {expected[:12]}…; got {actual[:12]}…")
        _logger.info("%s fetched from %s", path, location)


def _failure(record: Dataset, file: str, tried: Mapping[Source, str]) -> str:
    lines = [f"{record.name}: {file} could not be fetched. Tried:"]
    lines += [f"  {source.name}: {reason}" for source, reason in tried.items()]
    lines += [
        f"Without a network, put {', '.join(record.files.values())}, gzipped or not, in a folder;",
        f"then set the variable {MIRROR_VARIABLE}, or `data.mirror` in params.yaml, to that folder.",
    ]
    if record.package_name:
        lines.append(f"Or install Debian's package {record.package_name}.")
    return "\n".join([*lines, "Or use `dataset: digits`, which needs no files."])
