"""The `track` stage: MLflow shows what the study is made of now, also what an earlier `dvc repro` could not send."""

import sys
from collections.abc import Collection

from pipeline.store import Store, ablate_command
from pipeline.tracking.ledger import pending
from pipeline.tracking.tracker import Tracker


def track(ablations: Collection[str], store: Store) -> None:
    """Forget all but the study's `ablations`, and send MLflow what it lacks; cheap where it lacks nothing."""
    for name in store.own_ablations():
        if name not in ablations:
            store.remove_manifest(name)
    if pending(store):
        with Tracker(store):
            pass
    _name_the_missing(store)


def _name_the_missing(store: Store) -> None:
    """Say which measured runs are gone: found damaged, or removed by hand, after their ablation was finished."""
    have = store.keys()
    for (name, phase), keys in store.named_runs().items():
        gone = len(keys - have)
        if gone and phase == "replicate":
            print(
                f"{name}: {gone} runs are gone from the store; `{ablate_command(name)}` trains them again",
                file=sys.stderr,
            )
