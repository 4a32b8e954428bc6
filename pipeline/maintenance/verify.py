"""Verification of the store: everything is read, and what is damaged is removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from pipeline.core.files import read_json
from pipeline.maintenance.contents import outcome_owners, run_owners
from pipeline.maintenance.diagnostics import unreadable
from pipeline.store import Store


@dataclass(frozen=True)
class Damage:
    """A damaged entry: its name in the store, what is wrong with it, and the titles of the ablations that require it."""

    name: str
    reason: str
    ablations: tuple[str, ...]


def verify(store: Store) -> list[Damage]:
    """Read everything; remove what cannot be read, and return it. A damaged model is removed without its run.

    Example:
        >>> [damage.name for damage in verify(Store())]
    """
    store.recover()
    return [*_damaged_notes(store), *_damaged_outcomes(store), *_damaged_runs(store)]


def _damaged_notes(store: Store) -> Iterator[Damage]:
    """Remove choices and manifests that are not JSON objects; they are made again from the runs."""
    for folder in (store.choices.folder, store.manifests.folder):
        for path in sorted(folder.rglob("*.json")):
            if not isinstance(read_json(path), dict):
                path.unlink(missing_ok=True)
                yield Damage(_name(store, path), "it cannot be read; the next training makes it again", ())


def _damaged_outcomes(store: Store) -> Iterator[Damage]:
    owners = outcome_owners(store)
    for path in list(unreadable(store)):
        path.unlink(missing_ok=True)
        yield Damage(_name(store, path), "it cannot be read", tuple(owners.get(path.stem, ())))


def _damaged_runs(store: Store) -> Iterator[Damage]:
    owners = run_owners(store)
    for key in sorted(store.runs.keys()):
        ablations = tuple(owners.get(key, ()))
        reason = _damage(store, key)
        if reason:
            store.runs.remove(key)
            yield Damage(key, reason, ablations)
        model = store.runs.model_path(key)
        if model.exists() and not _is_whole_archive(model):
            model.unlink()
            yield Damage(_name(store, model), "the model cannot be read", ablations)


def _damage(store: Store, key: str) -> str:
    """Return what of a run cannot be read, or an empty string."""
    if store.runs.get(key) is None:
        return "its record cannot be read"
    return "its weights cannot be read" if store.runs.has_damaged_weights(key) else ""


def _name(store: Store, path: Path) -> str:
    return path.relative_to(store.folder).as_posix()


def _is_whole_archive(path: Path) -> bool:
    """Return whether a zip file (a `.keras` file is one) is complete, with correct checksums; its content is not run."""
    try:
        with ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, BadZipFile, EOFError, NotImplementedError):
        return False
