"""The `track` stage: MLflow shows the study as it is now, including what an earlier `dvc repro` could not send."""

import sys
from collections.abc import Collection

from pipeline.core.project import ablate_command
from pipeline.store import Store
from pipeline.tracking.ledger import pending
from pipeline.tracking.tracker import Tracker


def track(ablations: Collection[str], store: Store) -> None:
    """Drop manifests other than those of the study's `ablations`, and send MLflow what it lacks (quick if nothing)."""
    for name in store.manifests.own_ablations():
        if name not in ablations:
            store.manifests.remove(name)
    if pending(store):
        with Tracker(store):
            pass
    _report_missing(store)


def _report_missing(store: Store) -> None:
    """Print how many replicates are gone: found damaged or removed by hand after their ablation was finished."""
    stored = store.runs.keys()
    for (name, kind), keys in store.manifests.run_keys().items():
        missing = len(keys - stored)
        if missing and kind == "replicate":
            print(
                f"{name}: {missing} runs are gone from the store; `{ablate_command(name)}` trains them again",
                file=sys.stderr,
            )
