"""The `ablate` stage: train what one ablation lacks, and write its results from the store."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import UserError, nearest
from pipeline.core.native_logs import native_logs_to
from pipeline.data.catalogue import is_user_defined, lookup
from pipeline.diagnostics.required import missing, required
from pipeline.params.expansion.expand import check_against
from pipeline.params.types.study import Study
from pipeline.planning.manifests import write_manifest
from pipeline.planning.plan import missing_runs
from pipeline.planning.state import AblationState, lacks_models, read_states
from pipeline.result_files.write import write_results
from pipeline.store import Store
from pipeline.tracking.tracker import Tracker
from pipeline.training.progress import ShowProgress


def ablate(
    study: Study, name: str, store: Store, root: Path, show_progress: ShowProgress, ahead: bool = False
) -> None:
    """Train what ablation `name` lacks and write its results to `<root>/results/<name>`.

    `show_progress` shows the training. `ahead`: if this ablation needs training, train what the study's other ablations
    lack at the same time. TensorFlow then starts once for all of them, and runs of different ablations share stacks; the
    stages of the others find everything done. Raises `UserError` for an unknown name, and where a recipe does not fit a
    data set of one's own, about which nothing is known before it is fetched.
    """
    if name not in study.ablations:
        known = ", ".join(study.ablations)
        raise UserError(
            f"ablation {name!r} is not in the study; there are {known}.{nearest(name, study.ablations)}"
        )
    with store.one_writer():
        store.recover()
        (state,) = read_states(study, store, root, [name])
        if not is_finished(store, state):
            names = [other for other in study.ablations if other != name] if ahead else []
            others = read_states(study, store, root, names)
            unfinished = [other for other in others if not is_finished(store, other)]
            _train(study, store, root, [state, *unfinished], show_progress)
        diagnostics = required(store, state)
        write_manifest(store, state, [diagnostic.key for diagnostic in diagnostics])
        write_results(store, state, diagnostics, root / "results")


def is_finished(store: Store, state: AblationState) -> bool:
    """Return whether no run, model or diagnostic of an ablation is missing; damaged runs are removed, and so missing."""
    if not state.is_trained(store.runs.keys()):
        return False
    if store.runs.discard_damaged(state.replicate_keys()) or lacks_models(store, state):
        return False
    undiagnosed = {diagnostic.run.key for diagnostic in missing(store, state)}
    store.runs.discard_damaged(undiagnosed, weights=True)
    return not undiagnosed


def _train(
    study: Study, store: Store, root: Path, states: Sequence[AblationState], show_progress: ShowProgress
) -> None:
    for state in states:
        dataset = study.dataset_of(state.name)
        if is_user_defined(dataset):
            check_against(study, state.name, lookup(dataset, root))
    total = missing_runs(states, store.runs.keys())
    with Tracker(store):
        print(f"starting TensorFlow for {total} runs", file=sys.stderr, flush=True)
        with native_logs_to(store.folder / ".tensorflow.log"):
            from pipeline.training.runner import Runner
            from pipeline.training.threads import set_pool

            set_pool(study, states, store.runs.keys())
            runner = Runner(study, store, root)
        with store.journal.session(), show_progress(total) as view:
            runner.run(states, view)
