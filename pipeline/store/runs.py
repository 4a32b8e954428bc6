"""Finished runs: one folder per run, written completely or not at all."""

import os
import shutil
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import UserError
from pipeline.core.files import read_json, write_json
from pipeline.runs.records import RunRecord, Timing
from pipeline.store.arrays import load_arrays, save_arrays

if TYPE_CHECKING:
    import numpy as np

    Weights = Sequence[np.ndarray]

RUN, CURVES, WEIGHTS, MODEL = "run.json", "curves.json", "weights.npz", "model.keras"
SIGNATURE = "signature.json"
RECENT = 1000
"""Records that are kept in memory."""
WHOLE = ".whole-"
"""The prefix of a folder with all runs of a stack, completely written."""
PARTIAL = ".tmp-"
"""The prefix of a folder that is being written or removed."""


class FinishedRuns:
    """The finished runs in a store's `folder`. Reading never changes anything; damaged runs count as missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._recent: dict[str, RunRecord] = {}

    def keys(self) -> set[str]:
        """Return the keys of all finished runs, including damaged ones, at the cost of one directory listing."""
        if not self.folder.is_dir():
            return set()
        return {entry.name for entry in os.scandir(self.folder) if not entry.name.startswith(".")}

    def __contains__(self, key: str) -> bool:
        return (self.folder / key / RUN).is_file()

    def put(self, record: RunRecord, weights: "Weights | None" = None) -> None:
        """Store a finished run; a run that is stored already stays as it is."""
        self.put_all([(record, weights)])

    def put_all(self, runs: "Sequence[tuple[RunRecord, Weights | None]]") -> None:
        """Store the finished runs of a stack, all or none, so that a killed study forms the same stacks again.

        Raises `ValueError` for NaN and infinities in a record, and for weights that are not numbers.
        """
        staged = self._temporary()
        try:
            for record, weights in runs:
                _write_run(staged / record.key, record, weights)
            whole = staged.rename(staged.with_name(staged.name.replace(PARTIAL, WHOLE)))
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        self._move_in(whole)

    def _move_in(self, whole: Path) -> None:
        """Give the runs in `whole`, a completely written stack, their final names."""
        for entry in list(whole.iterdir()):
            if entry.name not in self:
                self.remove(entry.name)
                entry.rename(self.folder / entry.name)
        shutil.rmtree(whole, ignore_errors=True)

    def get(self, key: str) -> RunRecord | None:
        """Return the record of a run, or None if it is missing or damaged.

        Finished runs do not change, so the records read last are kept in memory.
        """
        if key not in self._recent:
            record = self._read(key)
            if record is None:
                return None
            self._recent[key] = record
            if len(self._recent) > RECENT:
                self._recent.pop(next(iter(self._recent)))
        return self._recent[key]

    def _read(self, key: str) -> RunRecord | None:
        run, curves = read_json(self.folder / key / RUN), read_json(self.folder / key / CURVES)
        if not isinstance(run, dict) or not isinstance(curves, dict):
            return None
        try:
            return RunRecord.from_json({**run, "curves": curves})
        except (TypeError, KeyError):
            return None

    def timings(self, keys: Sequence[str]) -> dict[str, Timing]:
        """Return how long each of these runs trained; leave out runs of which that is not known, as of damaged ones."""
        stored = {key: read_json(self.folder / key / RUN) for key in keys}
        return {
            key: Timing(run["seconds"], tuple(run.get("phase_seconds") or ()))
            for key, run in stored.items()
            if isinstance(run, dict) and run.get("seconds")
        }

    def weights(self, key: str) -> "list[np.ndarray] | None":
        """Return the trained weights in the order of Keras's `get_weights`; None if they were not kept or are damaged."""
        return load_arrays(self.folder / key / WEIGHTS)

    def has_damaged_weights(self, key: str) -> bool:
        """Return whether weights were kept with the run but cannot be read."""
        return self.has_weights(key) and self.weights(key) is None

    def model_path(self, key: str) -> Path:
        """Return the path of the run's `.keras` file, whether or not that exists."""
        return self.folder / key / MODEL

    def signature_path(self, key: str) -> Path:
        """Return the path of the file that says what the `.keras` file takes and returns, whether or not it exists."""
        return self.folder / key / SIGNATURE

    def discard_damaged(self, keys: Iterable[str], weights: bool = False) -> set[str]:
        """Remove the runs among `keys` that are stored but cannot be read, to be trained again; return their keys.

        `weights`: runs with damaged weights count as damaged too.
        """
        stored = [key for key in keys if (self.folder / key).is_dir()]
        damaged = {
            key for key in stored if self.get(key) is None or (weights and self.has_damaged_weights(key))
        }
        for key in damaged:
            self.remove(key)
        return damaged

    def discard_without_weights(self, keys: Iterable[str]) -> set[str]:
        """Remove the finished runs among `keys` that came without their weights; return their keys."""
        without = {
            key
            for key in keys
            if (record := self.get(key)) is not None
            and record.outcome == "finished"
            and not self.has_weights(key)
        }
        for key in without:
            self.remove(key)
        return without

    def has_weights(self, key: str) -> bool:
        """Return whether weights were kept with the run."""
        return (self.folder / key / WEIGHTS).is_file()

    def remove(self, key: str) -> None:
        """Remove a run; raises `UserError` if that fails. It is renamed first, so that no reader sees half of it."""
        self._recent.pop(key, None)
        folder, removed = self.folder / key, self._temporary()
        try:
            folder.rename(removed)
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(
                f"{folder} cannot be removed ({error.strerror}); remove it by hand, `dvc repro` trains the run again"
            ) from error
        shutil.rmtree(removed, ignore_errors=True)

    def recover(self) -> None:
        """Move in the stacks that killed processes had completely written, and remove what they left half written."""
        for whole in self.folder.glob(f"{WHOLE}*"):
            self._move_in(whole)
        for partial in self.folder.glob(f"{PARTIAL}*"):
            shutil.rmtree(partial, ignore_errors=True)

    def _temporary(self) -> Path:
        """Return a new path for a folder that is being written or removed."""
        return self.folder / f"{PARTIAL}{uuid.uuid4().hex}"


def _write_run(folder: Path, record: RunRecord, weights: "Weights | None") -> None:
    fields = record.as_json()
    write_json(folder / CURVES, fields.pop("curves"))
    write_json(folder / RUN, fields)
    if weights is not None:
        save_arrays(folder / WEIGHTS, weights)
