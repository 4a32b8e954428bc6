"""Upkeep of what was found by looking at models: whose it is, what cannot be read, what nobody wants any more.

An outcome's key says nothing of the ablation that asked for it; a manifest does, once its ablation is finished.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.probes.ledger import Ledger
from pipeline.probes.wanted import wanted
from pipeline.store import Store
from pipeline.survey import AblationState


def files(store: Store) -> list[Path]:
    """Return the outcomes that are kept, and what killed processes left half written beside them."""
    folder = Ledger(store).folder
    return sorted(folder.iterdir()) if folder.is_dir() else []


def owners(store: Store) -> dict[str, list[str]]:
    """Return, by an outcome's key, the ablations whose manifests name it."""
    found: dict[str, list[str]] = {}
    for ablation, manifest in store.manifests().items():
        for key in manifest.get("looks") or ():
            found.setdefault(key, []).append(ablation)
    return found


def unreadable(store: Store) -> Iterator[Path]:
    """Yield outcomes that cannot be read."""
    ledger = Ledger(store)
    yield from (path for path in files(store) if path.suffix == ".json" and ledger.get(path.stem) is None)


def unwanted(store: Store, states: Iterable[AblationState]) -> tuple[list[Path], list[str]]:
    """Return the outcomes that neither a manifest names nor `states` want, and the ablations yet to say what they want.

    Those are not finished, or were finished by a version whose manifests name no looks; they may want any outcome.
    """
    kept = set(owners(store))
    silent = [name for name, manifest in store.manifests().items() if manifest.get("looks") is None]
    for state in states:
        kept.update(probe.key for probe in wanted(store, state))
        title, complete = store.title_of(state.name), state.is_complete(store.keys())
        if complete and title in silent:
            silent.remove(title)
        elif not complete and store.manifest(state.name) is None:
            silent.append(title)
    return [path for path in files(store) if path.stem not in kept], silent
