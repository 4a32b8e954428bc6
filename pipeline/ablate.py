"""The `ablate` stage: bring one ablation's runs into the store, and its results out of it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import UserError
from pipeline.journal import session
from pipeline.manifests import write_manifest
from pipeline.params.schema import Study
from pipeline.plan import missing_runs
from pipeline.probes.wanted import missing, wanted
from pipeline.progress import progress
from pipeline.publish import write_results
from pipeline.quiet import native_logs_to
from pipeline.store import Store
from pipeline.survey import AblationState, lacks_models, survey
from pipeline.tracking.tracker import Tracker


def ablate(study: Study, name: str, store: Store, root: Path, ahead: bool = False) -> None:
    """Train what ablation `name` lacks and write its results to `<root>/results/<name>`.

    `ahead`: where this one needs training at all, train what the study's other ablations lack in the same go. TensorFlow
    then starts once for all of them, and runs of different ablations share stacks; their own stages find everything
    done. Raises `UserError` for an unknown name.
    """
    if name not in study.ablations:
        raise UserError(f"ablation {name!r} is not in the study; there are {', '.join(study.ablations)}")
    with store.one_writer():
        _bring_up_to_date(study, name, store, root, ahead)


def _bring_up_to_date(study: Study, name: str, store: Store, root: Path, ahead: bool) -> None:
    store.sweep()
    (state,) = survey(study, store, root, [name])
    _drop_unreadable_weights(store, state)
    if not _is_done(store, state):
        others = [other for other in study.ablations if other != name] if ahead else []
        states = [state, *survey(study, store, root, others)]
        lacking = [each for each in states if not _is_done(store, each)]
        for each in lacking:
            _drop_damaged(store, each)
        _train(study, store, root, lacking)
    write_manifest(store, state, [probe.key for probe in wanted(store, state)])
    write_results(store, state, root / "results")


def _drop_unreadable_weights(store: Store, state: AblationState) -> None:
    """Read the weights that are yet to be looked at; a run whose weights are damaged is removed, to be trained again."""
    if state.is_complete(store.keys()):
        for probe in missing(store, state):
            store.weights(probe.run.key)


def _is_done(store: Store, state: AblationState) -> bool:
    """Look for all runs in one listing, then read the replicates: what cannot be read is removed from the store."""
    return (
        state.is_complete(store.keys())
        and not lacks_models(store, state)
        and state.is_complete(store.keys())
        and not missing(store, state)
    )


def _drop_damaged(store: Store, state: AblationState) -> None:
    for each in state.variants:
        if each.is_chosen:
            for run in each.replicates:
                store.get(run.key)


def _train(study: Study, store: Store, root: Path, states: Sequence[AblationState]) -> None:
    total = missing_runs(states, store.keys())
    with Tracker(store):
        print(f"starting TensorFlow for {total} runs", file=sys.stderr, flush=True)
        with native_logs_to(store.folder / ".tensorflow.log"):
            from pipeline.runner import Runner

            runner = Runner(study, store, root)
        with session(store), progress(total) as view:
            runner.run(states, view)
