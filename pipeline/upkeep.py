"""Upkeep of the store: what it holds and for whom, what is damaged, and what no study wants any more.

A run is wanted where a manifest names it, whichever study wrote that, or where the params file at hand asks for it.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from pipeline import upkeep_looks
from pipeline.errors import UserError, nearest
from pipeline.params.schema import Study
from pipeline.store import Store, ablate_command, read_json
from pipeline.survey import survey

NOBODY = "(nobody)"
SHARED = {".choices", ".manifests", ".tracking", ".live", ".probes"}


@dataclass(frozen=True)
class Share:
    """What one ablation has in the store by phase; runs that several ablations share are counted in each."""

    ablation: str
    phase: str
    runs: int
    bytes: int


@dataclass(frozen=True)
class Contents:
    """Runs of a store: how many, how large, and whose they are; of the whole store, looks at models too."""

    runs: int
    bytes: int
    looks: int
    look_bytes: int
    shares: tuple[Share, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the contents as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Damage:
    """What cannot be read, by its name in the store, and which ablations want it."""

    name: str
    reason: str
    ablations: tuple[str, ...]


@dataclass(frozen=True)
class Leftovers:
    """What no study wants any more: keys of runs, paths of looks and of notes, and the bytes of all.

    `doubtful`: how many more looks nobody is known to want, which stay while some ablations are `silent`.
    """

    runs: tuple[str, ...]
    looks: tuple[Path, ...]
    notes: tuple[Path, ...]
    bytes: int
    doubtful: int = 0
    silent: tuple[str, ...] = ()


def contents(store: Store, ablation: str | None = None, phase: str | None = None) -> Contents:
    """Return what the store holds, of the ablations whose names match a glob, and of one phase; opens no run.

    Raises `UserError` where no name matches.
    """
    sizes = {key: size_of(store.folder / key) for key in sorted(store.keys())}
    named = store.named_runs()
    unwanted = sizes.keys() - {key for keys in named.values() for key in keys}
    if unwanted:
        named[NOBODY, ""] = set(unwanted)
    if ablation is not None:
        _refuse_unknown(ablation, [*store.manifests(), NOBODY])
    shown = {
        (name, its): sizes.keys() & keys
        for (name, its), keys in named.items()
        if fnmatchcase(name, ablation or "*") and phase in (None, its)
    }
    looks = upkeep_looks.files(store) if ablation is None and phase is None else []
    return Contents(
        runs=len(set().union(*shown.values())),
        bytes=_sum(sizes, set().union(*shown.values())),
        looks=len(looks),
        look_bytes=sum(map(size_of, looks)),
        shares=tuple(Share(*whose, len(keys), _sum(sizes, keys)) for whose, keys in shown.items()),
    )


def _sum(sizes: Mapping[str, int], keys: Iterable[str]) -> int:
    return sum(sizes[key] for key in keys)


def _refuse_unknown(pattern: str, names: Sequence[str]) -> None:
    if not any(fnmatchcase(name, pattern) for name in names):
        raise UserError(
            f"--ablation: must match one of {', '.join(names)}; got {pattern!r}.{nearest(pattern, names)}"
        )


def verify(store: Store) -> list[Damage]:
    """Read everything; remove what cannot be read, and return it. A damaged model is removed without its run."""
    store.sweep()
    owners, lookers = _owners(store), upkeep_looks.owners(store)
    found = [Damage(name, reason, ()) for name, reason in _damaged_notes(store)]
    for path in list(upkeep_looks.unreadable(store)):
        path.unlink(missing_ok=True)
        found.append(Damage(_name(store, path), "it cannot be read", tuple(lookers.get(path.stem, ()))))
    for key in sorted(store.keys()):
        whose = tuple(owners.get(key, ()))
        if store.get(key) is None:
            found.append(Damage(key, "its record cannot be read", whose))
        elif store.has_weights(key) and store.weights(key) is None:
            found.append(Damage(key, "its weights cannot be read", whose))
        elif store.model_path(key).exists() and not _is_whole_archive(store.model_path(key)):
            store.model_path(key).unlink()
            found.append(Damage(f"{key}/{store.model_path(key).name}", "the model cannot be read", whose))
    return found


def leftovers(store: Store, study: Study, root: Path) -> Leftovers:
    """Return what neither a manifest nor `study` wants; raises as `survey` does."""
    wanted = set(_owners(store))
    choices: set[str] = set()
    states = survey(study, store, root)
    for state in states:
        wanted.update(state.wanted_keys())
        choices.update(each.search.key for each in state.variants if each.search is not None)
    runs = tuple(sorted(store.keys() - wanted))
    notes = [*_old_choices(store, wanted, choices), *_notes_about(store, set(runs))]
    found, silent = upkeep_looks.unwanted(store, states)
    looks = () if silent else tuple(found)
    size = sum(size_of(path) for path in (*(store.folder / key for key in runs), *looks, *notes))
    return Leftovers(runs, looks, tuple(notes), size, len(found) - len(looks), tuple(silent))


def prune(store: Store, old: Leftovers) -> None:
    """Remove what `leftovers` found."""
    for key in old.runs:
        store.remove(key)
    for path in (*old.looks, *old.notes):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder; what vanishes meanwhile counts nothing."""
    try:
        if not path.is_dir():
            return path.lstat().st_size
        return sum(
            size_of(Path(entry.path)) if entry.is_dir(follow_symlinks=False) else entry.stat().st_size
            for entry in os.scandir(path)
        )
    except FileNotFoundError:
        return 0


def _owners(store: Store) -> dict[str, list[str]]:
    """Return, by run key, the ablations whose manifests name it."""
    found: dict[str, list[str]] = {}
    for (ablation, _), keys in store.named_runs().items():
        for key in keys:
            found.setdefault(key, []).append(ablation)
    return found


def _damaged_notes(store: Store) -> Iterator[tuple[str, str]]:
    """Remove choices and manifests that are no JSON; they are made again from the runs."""
    for folder in (".choices", ".manifests"):
        for path in sorted((store.folder / folder).rglob("*.json")):
            if not isinstance(read_json(path), dict):
                path.unlink(missing_ok=True)
                yield _name(store, path), "it cannot be read; the next training makes it again"


def _name(store: Store, path: Path) -> str:
    return path.relative_to(store.folder).as_posix()


def _is_whole_archive(path: Path) -> bool:
    """Whether a zip file (a `.keras` file is one) is complete, every checksum right; nothing in it is run."""
    try:
        with ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, BadZipFile, EOFError, NotImplementedError):
        return False


def _old_choices(store: Store, wanted: set[str], kept: set[str]) -> Iterator[Path]:
    """Yield choices that no study at hand makes and none of whose trials is wanted."""
    for path in sorted((store.folder / ".choices").glob("*.json")):
        choice = read_json(path)
        trials = choice.get("trials") or () if isinstance(choice, dict) else ()
        if path.stem not in kept and wanted.isdisjoint(key for trial in trials for key in trial["run_keys"]):
            yield path


def _notes_about(store: Store, keys: set[str]) -> Iterator[Path]:
    """Yield what other folders of the store hold about runs, each under a name that begins with the run's key."""
    hidden = (path for path in store.folder.glob(".*") if path.is_dir() and path.name not in SHARED)
    for folder in sorted(hidden):
        yield from sorted(path for path in folder.iterdir() if path.name[:32].partition(".")[0] in keys)


def again(ablations: Iterable[str]) -> str:
    """Say how to train again what is missing."""
    return " and ".join(f"`{ablate_command(name)}`" for name in ablations)


def count_by_owner(damages: Iterable[Damage]) -> Counter[str]:
    """Return how many damaged entries each ablation has."""
    return Counter(name for damage in damages for name in damage.ablations)
