"""Orphans, which no study requires any more, and their removal.

A run is required if the manifest of any study names it, or if the params file in use requires it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.files import read_json
from pipeline.maintenance import diagnostics
from pipeline.maintenance.contents import run_owners, size_of
from pipeline.params.types.study import Study
from pipeline.planning.state import read_states
from pipeline.store import Store

NOT_ABOUT_RUNS = {
    ".choices",
    ".allowances",
    ".programs",
    ".manifests",
    ".tracking",
    ".live",
    ".diagnostics",
    ".journal",
}
"""Folders of the store whose files are not notes about single runs."""


@dataclass(frozen=True)
class Orphans:
    """What no study requires any more: keys of runs, paths of diagnostics and of notes, and the bytes of all.

    Notes are choices of searches, and files about runs. `kept` is the number of further diagnostics that no ablation is
    known to require; they stay while some ablations are `undecided`.
    """

    runs: tuple[str, ...]
    diagnostics: tuple[Path, ...]
    notes: tuple[Path, ...]
    bytes: int
    kept: int = 0
    undecided: tuple[str, ...] = ()


def orphans(store: Store, study: Study, root: Path) -> Orphans:
    """Return what neither a manifest nor `study` requires; raises as `read_states` does.

    Example:
        >>> prune(store, orphans(store, study, root))
    """
    required = set(run_owners(store))
    choices: set[str] = set()
    states = read_states(study, store, root)
    for state in states:
        required.update(state.required_keys())
        required.update(key for variant in state.variants for key in variant.shared_keys())
        choices.update(
            search.search.key for v in state.variants for search in v.searches if search.search is not None
        )
    runs = tuple(sorted(store.runs.keys() - required))
    notes = [*_unused_choices(store, required, choices), *_notes_about(store, set(runs))]
    unrequired, undecided = diagnostics.unrequired(store, states)
    removable = () if undecided else tuple(unrequired)
    size = sum(size_of(path) for path in (*(store.folder / key for key in runs), *removable, *notes))
    return Orphans(runs, removable, tuple(notes), size, len(unrequired) - len(removable), tuple(undecided))


def prune(store: Store, unused: Orphans) -> None:
    """Remove what `orphans` returned."""
    for key in unused.runs:
        store.runs.remove(key)
    for path in (*unused.diagnostics, *unused.notes):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _unused_choices(store: Store, required: set[str], kept: set[str]) -> Iterator[Path]:
    """Yield the choices whose keys are not `kept` and that have no `required` trial."""
    for path in sorted(store.choices.folder.glob("*.json")):
        choice = read_json(path)
        trials = choice.get("trials") or () if isinstance(choice, dict) else ()
        keys = (key for trial in trials for key in trial["run_keys"])
        if path.stem not in kept and required.isdisjoint(keys):
            yield path


def _notes_about(store: Store, keys: set[str]) -> Iterator[Path]:
    """Yield the notes about runs in other folders of the store; their names begin with the key of the run."""
    folders = (path for path in store.folder.glob(".*") if path.is_dir() and path.name not in NOT_ABOUT_RUNS)
    for folder in sorted(folders):
        yield from sorted(path for path in folder.iterdir() if path.name[:32].partition(".")[0] in keys)
