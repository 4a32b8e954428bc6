"""Fetching: every data set's four IDX files under `data/raw`, each with exactly the content it must have."""

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.data import catalogue, digits, idx, own
from pipeline.data.catalogue import Dataset
from pipeline.data.files import replacing, sha256, sweep
from pipeline.data.progress import shown
from pipeline.data.sources import AbsentError, Limits, Source, SourceError, UnreachableError, bring, is_url
from pipeline.errors import DataError

MIRROR_VARIABLE = "ABLATION_DATA_MIRROR"

_logger = logging.getLogger(__name__)


def fetch(dataset: str, root: Path, mirror: str | None = None, limits: Limits | None = None) -> Path:
    """Bring a data set's IDX files to `data/raw/<dataset>` under `root`, and return that folder.

    Files that are there and right stay; broken ones are named in a warning and fetched again. Sources, in
    order: `mirror` or else the variable ABLATION_DATA_MIRROR (a folder, relative to `root`, or a base URL),
    the Linux distribution's package, the official addresses. A file appears only complete and with the
    right SHA-256. Raises `DataError` with all that was tried, and what to do, when no source gives a file.
    """
    folder = catalogue.raw_folder(dataset, root)
    sweep(folder)
    if catalogue.is_own(dataset):
        return own.fetch(dataset, root)
    record = catalogue.CATALOGUE[dataset]
    missing = [
        part for part in catalogue.PARTS if not _is_right(folder / record.files[part], record.sha256[part])
    ]
    if missing and not record.sources:
        _make_digits(record, folder)
    elif missing:
        _Search(record, sources(record, root, mirror), limits or Limits()).fetch(missing, folder)
    return folder


def sources(record: Dataset, root: Path, mirror: str | None = None) -> list[Source]:
    """Return the places to look for a data set's files, in order; raises `DataError` for a bad mirror."""
    found = [] if (named := _mirror(record, root, mirror)) is None else [named]
    if record.package is not None:
        found.append(Source(f"package {record.package_name}", record.package, suffixes=(".gz", "")))
    return [*found, *(Source("official address", address) for address in record.sources)]


def _mirror(record: Dataset, root: Path, mirror: str | None) -> Source | None:
    variable = os.environ.get(MIRROR_VARIABLE)
    name, base = ("data.mirror", mirror) if mirror else (MIRROR_VARIABLE, variable)
    if not base:
        return None
    if "://" in base and not is_url(base):
        raise DataError(
            f"{name}: a folder, or an address with https:// or http://, is allowed; {base!r} came"
        )
    place = base if is_url(base) else str(root / Path(base).expanduser())
    return Source(name, place, (record.name, record.name.replace("_", "-"), ""), (".gz", ""))


def _is_right(path: Path, wanted: str) -> bool:
    if not path.exists():
        return False
    if sha256(path) == wanted:
        return True
    _logger.warning("%s; fetching it again", _damage(path))
    return False


def _damage(path: Path) -> str:
    try:
        idx.read(path)
    except DataError as error:
        return str(error)
    return f"{path}: does not have the published content (SHA-256)"


def _make_digits(record: Dataset, folder: Path) -> None:
    arrays = digits.arrays()
    came = {part: hashlib.sha256(idx.encode(array)).hexdigest() for part, array in arrays.items()}
    if changed := [part for part in catalogue.PARTS if came[part] != record.sha256[part]]:
        raise DataError(
            f"digits: the installed scikit-learn gives other {', '.join(changed)} than this project knows; "
            "install the versions in constraints.txt"
        )
    for part, array in arrays.items():
        idx.write(folder / record.files[part], array)


class _Search:
    """One search for the files of a data set, which remembers what failed and why."""

    def __init__(self, record: Dataset, places: list[Source], limits: Limits) -> None:
        self._record = record
        self._sources = places
        self._limits = limits
        self._unreachable: dict[Source, str] = {}

    def fetch(self, parts: list[str], folder: Path) -> None:
        for part in parts:
            self._fetch_file(folder / self._record.files[part], self._record.sha256[part])

    def _fetch_file(self, path: Path, wanted: str) -> None:
        tried: dict[Source, str] = {}
        for source in self._sources:
            reason = self._unreachable.get(source) or self._try_source(source, path, wanted)
            if reason is None:
                return
            tried[source] = reason
        raise DataError(_failure(self._record, path.name, tried))

    def _try_source(self, source: Source, path: Path, wanted: str) -> str | None:
        """Return None when the file came, else why not."""
        if not is_url(source.base) and not Path(source.base).is_dir():
            return f"{source.base}: no such folder"
        reasons, absent = [], ""
        for location in source.locations(path.name):
            try:
                self._try_location(location, path, wanted)
                return None
            except AbsentError as fault:
                absent = f"{source.base}: {path.name} {fault}"
            except UnreachableError as fault:
                self._unreachable[source] = f"{source.base}: {fault}"
                return self._unreachable[source]
            except SourceError as fault:
                reasons.append(f"{location}: {fault}")
        return "; ".join(reasons) or absent

    def _try_location(self, location: str, path: Path, wanted: str) -> None:
        with replacing(path) as temporary, shown(path.name) as advance:
            came = bring(location, temporary, self._limits, advance)
            if came != wanted:
                raise SourceError(f"other content: SHA-256 {wanted[:12]}… is wanted, {came[:12]}… came")
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
