"""The outcomes of diagnostics in the store: which cannot be read, and which no ablation requires.

The key of an outcome does not show which ablation requires it; the manifest of a finished ablation does.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.diagnostics.required import required
from pipeline.maintenance.contents import outcome_owners
from pipeline.planning.ablation import AblationState
from pipeline.store import Store


def unreadable(store: Store) -> Iterator[Path]:
    """Yield the files of outcomes that cannot be read."""
    for path in store.diagnostics.files():
        if path.suffix == ".json" and store.diagnostics.get(path.stem) is None:
            yield path


def unrequired(store: Store, states: Iterable[AblationState]) -> tuple[list[Path], list[str]]:
    """Return the outcomes that neither a manifest names nor `states` require, and the titles of undecided ablations.

    Undecided ablations are not finished, or were finished by a version whose manifests name no diagnostics: they may
    require any outcome.
    """
    kept, manifests, stored = set(outcome_owners(store)), store.manifests.all(), store.runs.keys()
    undecided = {title: None for title in manifests if manifests[title].get("diagnostics") is None}
    for state in states:
        kept.update(diagnostic.key for diagnostic in required(store, state))
        title = store.manifests.title_of(state.name)
        if state.is_trained(stored):
            undecided.pop(title, None)
        elif title not in manifests:
            undecided[title] = None
    return [path for path in store.diagnostics.files() if path.stem not in kept], list(undecided)
