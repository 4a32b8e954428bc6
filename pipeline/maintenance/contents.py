"""The contents of the store, by the ablations that require them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, nearest
from pipeline.store import Store

NOBODY = "(nobody)"
"""Stands for the ablation of runs that no manifest names."""


@dataclass(frozen=True)
class Share:
    """The stored runs of one kind that one ablation requires; runs that several ablations share are counted in each."""

    ablation: str
    kind: str
    runs: int
    bytes: int


@dataclass(frozen=True)
class Contents:
    """How many runs are stored, how large they are, and by which ablations they are required.

    Outcomes of diagnostics are counted in the contents of the whole store only, else zero.
    """

    runs: int
    bytes: int
    diagnostics: int
    diagnostic_bytes: int
    shares: tuple[Share, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the contents as plain data; programs know `diagnostics` as `looks`, and a share's `kind` as `phase`."""
        shares = [
            {"ablation": share.ablation, "phase": share.kind, "runs": share.runs, "bytes": share.bytes}
            for share in self.shares
        ]
        outcomes = {"looks": self.diagnostics, "look_bytes": self.diagnostic_bytes}
        return {"runs": self.runs, "bytes": self.bytes, "shares": shares, **outcomes}


def contents(store: Store, ablation: str | None = None, kind: str | None = None) -> Contents:
    """Return what the store holds; opens no run.

    `ablation` is a pattern such as `studies/mine/*`: only ablations whose titles match it. `kind`: only runs of this kind.
    Raises `UserError` if no title matches.

    Example:
        >>> contents(Store(), kind="trial").runs
    """
    sizes = {key: size_of(store.folder / key) for key in sorted(store.runs.keys())}
    keys_of = store.manifests.run_keys()
    orphans = set(sizes).difference(*keys_of.values())
    if orphans:
        keys_of[NOBODY, ""] = orphans
    if ablation is not None:
        _refuse_unknown(ablation, [*store.manifests.all(), NOBODY])
    shown = {
        (title, run_kind): sizes.keys() & keys
        for (title, run_kind), keys in keys_of.items()
        if fnmatchcase(title, ablation or "*") and kind in (None, run_kind)
    }
    outcomes = store.diagnostics.files() if ablation is None and kind is None else []
    runs = set[str]().union(*shown.values())
    return Contents(
        runs=len(runs),
        bytes=_sum(sizes, runs),
        diagnostics=len(outcomes),
        diagnostic_bytes=sum(map(size_of, outcomes)),
        shares=tuple(Share(*owner, len(keys), _sum(sizes, keys)) for owner, keys in shown.items()),
    )


def run_owners(store: Store) -> dict[str, list[str]]:
    """Return, by run key, the titles of the ablations whose manifests name the run."""
    return _owners((title, keys) for (title, _), keys in store.manifests.run_keys().items())


def outcome_owners(store: Store) -> dict[str, list[str]]:
    """Return, by the key of a diagnostic, the titles of the ablations whose manifests name it."""
    manifests = store.manifests.all()
    return _owners((title, manifest.get("diagnostics") or ()) for title, manifest in manifests.items())


def _owners(keys_by_title: Iterable[tuple[str, Iterable[str]]]) -> dict[str, list[str]]:
    owners: dict[str, list[str]] = {}
    for title, keys in keys_by_title:
        for key in keys:
            owners.setdefault(key, []).append(title)
    return owners


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; what is removed at the same time counts as zero."""
    try:
        if not path.is_dir():
            return path.lstat().st_size
        return sum(
            size_of(Path(entry.path)) if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
            for entry in os.scandir(path)
        )
    except FileNotFoundError:
        return 0


def _sum(sizes: Mapping[str, int], keys: Iterable[str]) -> int:
    return sum(sizes[key] for key in keys)


def _refuse_unknown(pattern: str, names: Sequence[str]) -> None:
    if not any(fnmatchcase(name, pattern) for name in names):
        raise UserError(
            f"--ablation: must match one of {', '.join(names)}; got {pattern!r}.{nearest(pattern, names)}"
        )
