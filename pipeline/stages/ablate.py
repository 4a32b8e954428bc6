"""The `ablate` stage: train what one ablation lacks, and write its results from the store."""

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, nearest
from pipeline.core.garbage import rare_collections
from pipeline.core.native_logs import native_logs_to
from pipeline.core.project import ON, is_temporary
from pipeline.core.text import duration, plural
from pipeline.data.catalogue import is_user_defined, lookup
from pipeline.diagnostics.required import Diagnostic, missing, required
from pipeline.params.expansion.expand import check_against
from pipeline.params.types.study import Study
from pipeline.planning.ablation import AblationState
from pipeline.planning.budget import Spending
from pipeline.planning.cost import Work
from pipeline.planning.ledger import Ledger
from pipeline.planning.looks import advance
from pipeline.planning.manifests import write_manifest
from pipeline.planning.speed import as_journal, place
from pipeline.planning.state import allowed, lacks_models, read_states
from pipeline.planning.work import missing_runs, work_of
from pipeline.result_files.schema import Ablation
from pipeline.result_files.write import results_of, write_left_out, write_results, write_travelling
from pipeline.store import Store
from pipeline.store.archive import adopt
from pipeline.tracking.tracker import Tracker
from pipeline.training.progress import ShowProgress


def ablate(
    study: Study, name: str, store: Store, root: Path, show_progress: ShowProgress, ahead: bool = False
) -> None:
    """Train what ablation `name` lacks, on each of its data sets, and write its results to `<root>/results/<name>`.

    `show_progress` shows the training. `ahead`: if this ablation needs training, train what the study's other ablations
    lack at the same time. TensorFlow then starts once for all of them, and runs of different ablations share stacks; the
    stages of the others find everything done. Raises `UserError` for an unknown name, and where a recipe does not fit a
    data set of one's own, about which nothing is known before it is fetched.
    """
    if name not in study.groups:
        known = ", ".join(study.groups)
        raise UserError(
            f"ablation {name!r} is not in the study; there are {known}.{nearest(name, study.groups)}"
        )
    _remove_others(root / "results" / name, study.groups[name])
    for member in study.groups[name]:
        _ablate(study, member, store, root, show_progress, ahead)


def _remove_others(folder: Path, members: Sequence[str]) -> None:
    """Remove results of data sets on which an ablation is not any more, which DVC would keep with its others."""
    kept = {member.partition(ON)[2] for member in members}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path)
        elif path.is_file() and "" not in kept:
            path.unlink()


def _ablate(
    study: Study, name: str, store: Store, root: Path, show_progress: ShowProgress, ahead: bool
) -> None:
    with store.one_writer():
        store.recover()
        adopt(store, root / "results", study.ablations)
        if study.budget is not None and allowed(study, store) is None:
            _train(study, store, root, Spending(study, store, root).passes(), show_progress)
        (state,) = read_states(study, store, root, [name])
        if state.is_left_out:
            store.manifests.remove(name)
            write_left_out(state, root / "results", f"the budget of {duration(study.budget or 0)} is used up")
            return
        if not is_finished(store, state):
            names = [other for other in study.ablations if other != name] if ahead else []
            others = read_states(study, store, root, names)
            unfinished = [other for other in others if not (other.is_left_out or is_finished(store, other))]
            _train(study, store, root, iter([[state, *unfinished]]), show_progress)
        ablation = results_of(store, state, root)
        diagnostics = required(store, state)
        manifest = _write_manifest(store, state, ablation, diagnostics, root)
        write_results(store, state, diagnostics, root / "results", ablation)
        write_travelling(store, state, manifest, root / "results")


def _write_manifest(
    store: Store, state: AblationState, ablation: Ablation, diagnostics: Iterable[Diagnostic], root: Path
) -> dict[str, Any]:
    """Write the manifest of a finished ablation, with what MLflow shows of its variants."""
    from pipeline.report.findings import find  # which imports scipy
    from pipeline.report.summaries import summaries

    Ledger(root).record(state.families or [])  # before anybody sees a verdict
    keys = [diagnostic.key for diagnostic in diagnostics]
    shown = summaries(find(ablation))
    return write_manifest(store, state, keys, keep=not is_temporary(root), summaries=shown)


def is_finished(store: Store, state: AblationState) -> bool:
    """Return whether no run, model or diagnostic of an ablation is missing; damaged runs are removed, and so missing."""
    keys = store.runs.keys()
    if not state.is_trained(keys):
        return False
    while advance(state, store):
        if not state.is_trained(keys):
            return False
    if store.runs.discard_damaged(state.replicate_keys()) or lacks_models(store, state):
        return False
    undiagnosed = {diagnostic.run.key for diagnostic in missing(store, state)}
    store.runs.discard_damaged(undiagnosed, weights=True)
    without = store.runs.discard_without_weights(undiagnosed)
    if without:
        what = plural(len(without), "run")
        print(
            f"{state.name}: {what} came without weights, which diagnostics need: trained again",
            file=sys.stderr,
        )
    return not undiagnosed


def _train(
    study: Study, store: Store, root: Path, passes: Iterator[list[AblationState]], show_progress: ShowProgress
) -> None:
    """Train what is missing of the ablations of each pass; TensorFlow starts with the first that lacks anything."""
    for states in passes:
        if not all(is_finished(store, state) for state in states):
            _train_all(study, store, root, chain([states], passes), show_progress)


def _train_all(
    study: Study, store: Store, root: Path, passes: Iterator[list[AblationState]], show_progress: ShowProgress
) -> None:
    first = next(passes)
    stored = store.runs.keys()
    total, work, done = missing_runs(first, stored), Work(), dict[str, Any]()
    with store.journal.session(done), Tracker(store):
        print(f"starting TensorFlow for {total} runs", file=sys.stderr, flush=True)
        with native_logs_to(store.folder / ".tensorflow.log"), rare_collections():
            from pipeline.training.runner import Runner
            from pipeline.training.threads import set_pool

            set_pool(study, first, stored)
            runner = Runner(study, store, root)
        with show_progress(total) as view:
            for states in chain([first], passes):
                _check_fetched(study, states, root)
                work += work_of(states, store, store.runs.keys())
                runner.run(states, view)
                # Now, so that MLflow gets the summaries in this session.
                for state in states:
                    ablation = results_of(store, state, root)
                    _write_manifest(store, state, ablation, required(store, state), root)
        done |= as_journal(work, place(study))


def _check_fetched(study: Study, states: Sequence[AblationState], root: Path) -> None:
    """Check recipes on data sets of one's own, about which nothing is known before they are fetched."""
    for state in states:
        dataset = study.dataset_of(state.name)
        if is_user_defined(dataset):
            check_against(study, state.name, lookup(dataset, root))
