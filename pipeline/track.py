"""The `track` stage: MLflow shows what the study is made of now, also what an earlier `dvc repro` could not send."""

from pipeline.params.schema import Study
from pipeline.store import Store
from pipeline.tracking.ledger import pending
from pipeline.tracking.tracker import Tracker


def track(study: Study, store: Store) -> None:
    """Forget ablations that the study no longer has, and send MLflow what it lacks; cheap where it lacks nothing."""
    for name in store.manifests():
        if name not in study.ablations:
            store.remove_manifest(name)
    if pending(store):
        with Tracker(store):
            pass
