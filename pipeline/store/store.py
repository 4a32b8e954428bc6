"""Everything that a project has trained, in the folder `.runs/` of its root: outside DVC's outputs, ignored by git.

Layout::

    .runs/<run key>/run.json       the recipe, how the run ended, its metrics
    .runs/<run key>/curves.json    one value per epoch
    .runs/<run key>/weights.npz    the trained weights, of replicates only
    .runs/<run key>/model.keras    the model, of the best replicate of a variant
    .runs/.choices/<key>.json      the frozen choice of one variant's search
    .runs/.manifests/<name>.json   the runs of an ablation, as far as known yet; of a study in its own folder:
                                   .runs/.manifests/<folder>/<name>.json
    .runs/.allowances/<key>.json   how many seeds of each ablation a study's budget allowed
    .runs/.diagnostics/<key>.json  the outcome of a diagnostic
    .runs/.models/<key>.json       what was found out by building a model
    .runs/.live/<run key>.json     the curves so far of a run in training
    .runs/.checkpoints/<name>.npz  a checkpoint of a long training, until its runs are stored
    .runs/.states/<run key>.npz    what a trial goes on from whose search has not decided on it yet
    .runs/.programs/               compiled programs, with JAX
    .runs/.journal/<time>.json     the runs that a session trained, and how long it took
    .runs/.sizes.json              the fastest sizes of stacks, as measured, by machine and graph

A finished run never changes; files have their final name only when complete.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.files import is_locked, locked
from pipeline.core.project import root
from pipeline.store.checkpoints import CheckpointFiles
from pipeline.store.choices import Choices
from pipeline.store.diagnostics import DiagnosticOutcomes
from pipeline.store.journal import Journal
from pipeline.store.live import LiveCurves
from pipeline.store.manifests import Manifests
from pipeline.store.models import BuiltModels
from pipeline.store.runs import FinishedRuns
from pipeline.store.sizes import StackSizes


class Store:
    """Everything that a project has trained. Safe for one writer and any number of readers.

    `folder` is `.runs/` in the project's root by default. Runs are shared by all studies of the project; manifests are
    separate for each `study`, as `study_at` names it.

    Example:
        >>> store = Store()
        >>> record = store.runs.get(key)
    """

    def __init__(self, folder: Path | None = None, study: str = "") -> None:
        self.folder = folder if folder is not None else root() / ".runs"
        self.runs = FinishedRuns(self.folder)
        self.choices = Choices(self.folder / ".choices")
        self.allowances = Choices(self.folder / ".allowances")
        self.manifests = Manifests(self.folder / ".manifests", study)
        self.diagnostics = DiagnosticOutcomes(self.folder / ".diagnostics")
        self.models = BuiltModels(self.folder / ".models")
        self.live = LiveCurves(self.folder / ".live")
        self.checkpoints = CheckpointFiles(self.folder / ".checkpoints")
        self.states = CheckpointFiles(self.folder / ".states")
        self.journal = Journal(self.folder / ".journal", self.runs)
        self.stack_sizes = StackSizes(self.folder / ".sizes.json")

    @contextmanager
    def one_writer(self) -> Iterator[None]:
        """Let one process at a time train into the store or remove from it; a process that has to wait prints so."""
        with locked(self.folder / ".lock", on_wait=_print_waiting):
            yield

    def is_written_to(self) -> bool:
        """Return whether a process trains into the store."""
        return is_locked(self.folder / ".lock")

    def recover(self) -> None:
        """Finish or remove what killed processes left, as `FinishedRuns.recover` does; remove their live curves."""
        self.runs.recover()
        self.live.clear()


def _print_waiting() -> None:
    print("another process trains into this store; waiting for it to end", file=sys.stderr, flush=True)
