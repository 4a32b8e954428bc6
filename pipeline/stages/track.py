"""The `track` stage: MLflow shows the study as it is now, including what an earlier `dvc repro` could not send."""

import sys
from collections.abc import Collection
from pathlib import Path

from pipeline.core.project import ablate_command, is_temporary
from pipeline.store import Store
from pipeline.store.archive import adopt
from pipeline.tracking.address import default_uri, unsupported
from pipeline.tracking.ledger import pending
from pipeline.tracking.report_pages import try_to_send_pages
from pipeline.tracking.tracker import Tracker


def track(ablations: Collection[str], store: Store, root: Path) -> None:
    """Follow the results at `root`, as DVC brought them, and send MLflow what it lacks (quick if nothing).

    In a copy of the project for one experiment nothing is done: MLflow shows the study of the workspace.
    """
    if is_temporary(root):
        return
    adopt(store, root / "results", ablations)
    store.manifests.follow(root / "results", ablations)
    uri = default_uri(store.folder.parent)
    if why_not := unsupported(uri):
        print(why_not, file=sys.stderr)
    else:
        if pending(store):
            with Tracker(store):
                pass
        if uri.startswith("http"):  # a database of the project's own gets its pages when somebody looks at it
            try_to_send_pages(store, uri)
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
