"""The `track` stage: MLflow shows what the study is made of now, also what an earlier `dvc repro` could not send."""

from collections.abc import Collection

from pipeline.store import Store
from pipeline.tracking.ledger import pending
from pipeline.tracking.tracker import Tracker


def track(ablations: Collection[str], store: Store) -> None:
    """Forget all but the study's `ablations`, and send MLflow what it lacks; cheap where it lacks nothing."""
    for name in store.manifests():
        if name not in ablations:
            store.remove_manifest(name)
    if pending(store):
        with Tracker(store):
            pass
