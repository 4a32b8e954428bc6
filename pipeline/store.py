"""The store: one folder a run, written whole or not at all.

Layout, under the folder that `root()` names (outside DVC's outputs, ignored by git)::

    .runs/<run key>/run.json       what was run, how it ended, its metrics
    .runs/<run key>/curves.json    one value per epoch
    .runs/<run key>/weights.npz    the trained weights, replicates only
    .runs/<run key>/model.keras    added for the best replicate of a variant
    .runs/.choices/<key>.json      the frozen outcome of one variant's search
    .runs/.manifests/<name>.json   which runs an ablation is made of, as far as known yet (of a study in a folder of its
                                   own: <folder>/<name>.json)
    .runs/.probes/<key>.json       what was found by looking at models (pipeline.probes)
    .runs/.live/<run key>.json     curves so far of a run in training
    .runs/.checkpoints/<name>.npz  where a long training stands, until its runs are stored
    .runs/.sizes.json              the best sizes of stacks, as measured, by machine and graph

A finished run never changes; files appear under their final name only when complete.
"""

import fcntl
import json
import os
import shutil
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from pipeline.errors import UserError
from pipeline.records import Curves, EngineRecord, RunRecord, Took

if TYPE_CHECKING:
    import numpy as np

    Weights = Sequence[np.ndarray]

RUN, CURVES, WEIGHTS, MODEL = "run.json", "curves.json", "weights.npz", "model.keras"
WHOLE = ".whole-"  # begins the name of a folder that holds all runs of a stack, complete


def root() -> Path:
    """Return the project's root: `DVC_ROOT` inside a DVC stage (also in `dvc exp run --temp`).

    Else the nearest folder around the working folder that DVC was initialised in, or the working folder itself.
    """
    named = os.environ.get("DVC_ROOT")
    return Path(named) if named else _project_around(Path.cwd()) or Path.cwd()


def study_at(folder: Path) -> str:
    """Return what a study is called whose params file lies in `folder`: its path within the project, empty for the root.

    A copy of the project that `dvc exp run --temp` works in counts as the project.
    """
    here = folder.resolve()
    project = _project_around(here) or root().resolve()
    return here.relative_to(project).as_posix().removeprefix(".") if here.is_relative_to(project) else ""


def ablate_command(title: str) -> str:
    """Return what trains the ablation of that manifest, typed in the project's root."""
    study, _, ablation = title.rpartition("/")
    return f"python -m pipeline ablate {ablation}" + (f" --params {study}/params.yaml" if study else "")


def _project_around(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if (each / ".dvc").is_dir()), None)


def write_json(path: Path, value: object) -> None:
    """Write `value` as JSON under its final name only once complete; refuses NaN and infinities (`ValueError`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_text(json.dumps(value, allow_nan=False, ensure_ascii=False), encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any | None:
    """Return what `path` holds, or None when it is missing, cut short or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


class Store:
    """The finished runs of a project. Safe for one writer and any number of readers.

    Runs are shared by all studies of the project; manifests are kept apart by `study`, as `study_at` names it.
    """

    def __init__(self, folder: Path | None = None, study: str = "") -> None:
        self.folder = folder if folder is not None else root() / ".runs"
        self.study = study

    def keys(self) -> set[str]:
        """Return the keys of all finished runs, at the cost of one directory listing."""
        if not self.folder.is_dir():
            return set()
        return {entry.name for entry in os.scandir(self.folder) if not entry.name.startswith(".")}

    def __contains__(self, key: str) -> bool:
        return (self.folder / key / RUN).is_file()

    @contextmanager
    def one_writer(self) -> Iterator[None]:
        """Let one process at a time train into the store or remove from it; the lock is lost with the process.

        Whoever must wait for another says so.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(
                    "another process trains into this store; waiting for it to end",
                    file=sys.stderr,
                    flush=True,
                )
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def put(self, record: RunRecord, weights: "Weights | None" = None) -> None:
        """Store a finished run; one that is there already stays as it is."""
        self.put_all([(record, weights)])

    def put_all(self, runs: "Sequence[tuple[RunRecord, Weights | None]]") -> None:
        """Store the finished runs of a stack, all or none: a study killed at any moment forms the same stacks again."""
        staged = self.folder / f".tmp-{uuid.uuid4().hex}"
        try:
            for record, weights in runs:
                _write_run(staged / record.key, record, weights)
            whole = staged.rename(staged.with_name(staged.name.replace(".tmp-", WHOLE)))
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        self._move_in(whole)

    def _move_in(self, whole: Path) -> None:
        """Give the runs of a stack that was written whole their final names."""
        for entry in list(whole.iterdir()):
            final = self.folder / entry.name
            if entry.name not in self:
                self.remove(entry.name)
                entry.rename(final)
        shutil.rmtree(whole, ignore_errors=True)

    def get(self, key: str) -> RunRecord | None:
        """Return the run, or None where it is missing or damaged (a damaged entry is removed, to be trained again)."""
        folder = self.folder / key
        run, curves = read_json(folder / RUN), read_json(folder / CURVES)
        try:
            return _record(run, curves)
        except (TypeError, KeyError):
            self.remove(key)
            return None

    def times(self, keys: Sequence[str]) -> dict[str, Took]:
        """Return how long each of these runs trained; runs that are not stored, or damaged, are left out."""
        found = {key: read_json(self.folder / key / RUN) for key in keys}
        return {
            key: Took(run["seconds"], tuple(run.get("phase_seconds") or ()))
            for key, run in found.items()
            if isinstance(run, dict) and "seconds" in run
        }

    def remove(self, key: str) -> None:
        """Forget a run, under another name first, so that nobody sees half of it; raises `UserError` where that fails."""
        folder, doomed = self.folder / key, self.folder / f".tmp-{uuid.uuid4().hex}"
        try:
            folder.rename(doomed)
        except FileNotFoundError:
            return
        except OSError as error:
            raise UserError(
                f"{folder} cannot be removed ({error.strerror}); remove it by hand, `dvc repro` trains the run again"
            ) from error
        shutil.rmtree(doomed, ignore_errors=True)

    def weights(self, key: str) -> "list[np.ndarray] | None":
        """Return the trained weights in the model's own order, or None where they were not kept.

        A run whose weights are damaged is removed, to be trained again.
        """
        path = self.folder / key / WEIGHTS
        if not self.has_weights(key):
            return None
        found = _load_arrays(path)
        if found is None:
            self.remove(key)
        return found

    def has_weights(self, key: str) -> bool:
        """Whether weights were kept with the run, readable or not."""
        return (self.folder / key / WEIGHTS).is_file()

    def model_path(self, key: str) -> Path:
        """Return where the run's `.keras` file lies, or would lie."""
        return self.folder / key / MODEL

    def sweep(self) -> None:
        """Finish what killed processes had written whole, remove what they left half written."""
        for whole in self.folder.glob(f"{WHOLE}*"):
            self._move_in(whole)
        for leftover in self.folder.glob(".tmp-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.rmtree(self.folder / ".live", ignore_errors=True)

    def choice(self, key: str) -> dict[str, Any] | None:
        """Return the frozen outcome of a search, or None while it has not ended."""
        return read_json(self.folder / ".choices" / f"{key}.json")

    def put_choice(self, key: str, choice: dict[str, Any]) -> None:
        """Freeze the outcome of a search."""
        write_json(self.folder / ".choices" / f"{key}.json", choice)

    def put_manifest(self, ablation: str, manifest: dict[str, Any]) -> None:
        """Say which runs `ablation` of this study is made of, as far as known yet."""
        write_json(self._manifest_path(ablation), manifest)

    def manifest(self, ablation: str) -> dict[str, Any] | None:
        """Return which runs `ablation` of this study was last said to be made of."""
        return read_json(self._manifest_path(ablation))

    def manifests(self) -> dict[str, dict[str, Any]]:
        """Return the manifests of all studies by name: `<ablation>`, or `<study>/<ablation>`."""
        folder = self.folder / ".manifests"
        names = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.json")}
        found = {name: read_json(names[name]) for name in sorted(names)}
        return {name: manifest for name, manifest in found.items() if manifest is not None}

    def named_runs(self) -> dict[tuple[str, str], set[str]]:
        """Return the keys of the runs that manifests name, by ablation and phase, stored or not."""
        found: dict[tuple[str, str], set[str]] = {}
        for ablation, manifest in self.manifests().items():
            for entry in manifest.get("entries") or ():
                found.setdefault((ablation, entry["phase"]), set()).add(entry["run_key"])
        return found

    def title_of(self, ablation: str) -> str:
        """Return what `ablation` of this study is called among all studies: the name of its manifest."""
        return f"{self.study}/{ablation}".removeprefix("/")

    def own_ablations(self) -> list[str]:
        """Return the ablations of this study that have a manifest."""
        return sorted(path.stem for path in (self.folder / ".manifests" / self.study).glob("*.json"))

    def remove_manifest(self, ablation: str) -> None:
        """Forget an ablation that this study no longer has; its runs stay."""
        self._manifest_path(ablation).unlink(missing_ok=True)

    def _manifest_path(self, ablation: str) -> Path:
        return self.folder / ".manifests" / f"{self.title_of(ablation)}.json"

    def put_live(self, key: str, curves: Curves) -> None:
        """Publish the curves so far of a run in training."""
        write_json(self.folder / ".live" / f"{key}.json", curves)

    def live(self) -> dict[str, Curves]:
        """Return the curves so far of all runs in training."""
        found = {path.stem: read_json(path) for path in (self.folder / ".live").glob("*.json")}
        return {key: curves for key, curves in found.items() if curves is not None}

    def end_live(self, keys: Sequence[str]) -> None:
        """Withdraw live curves, once their runs are stored or given up."""
        for key in keys:
            (self.folder / ".live" / f"{key}.json").unlink(missing_ok=True)

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of stacks that were found by measuring."""
        found = read_json(self.folder / ".sizes.json")
        return found if isinstance(found, dict) else {}

    def put_size(self, key: str, size: int) -> None:
        """Remember a size of stacks."""
        write_json(self.folder / ".sizes.json", {**self.sizes(), key: size})

    def put_checkpoint(self, name: str, plain: dict[str, Any], arrays: "Sequence[np.ndarray]") -> None:
        """Replace where a training stands: plain data and arrays, in one file written whole or not at all."""
        import numpy as np

        path = self._checkpoint(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{uuid.uuid4().hex}.npz")
        text = np.frombuffer(json.dumps(plain, allow_nan=False).encode(), np.uint8)
        try:
            _save_weights(temporary, [text, *arrays])
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def checkpoint(self, name: str) -> "tuple[dict[str, Any], list[np.ndarray]] | None":
        """Return where a training stood, or None where it was not kept, or what was kept is damaged."""
        arrays = _load_arrays(self._checkpoint(name))
        if not arrays:
            return None
        try:
            return json.loads(arrays[0].tobytes()), arrays[1:]
        except ValueError:
            return None

    def end_checkpoints(self) -> None:
        """Forget all checkpoints: nothing is half trained any more."""
        shutil.rmtree(self.folder / ".checkpoints", ignore_errors=True)

    def _checkpoint(self, name: str) -> Path:
        return self.folder / ".checkpoints" / f"{name}.npz"


def _load_arrays(path: Path) -> "list[np.ndarray] | None":
    """Return the arrays that `_save_weights` wrote, or None where they cannot be read."""
    import numpy as np

    try:
        with (
            path.open("rb") as file,
            np.load(file, allow_pickle=False) as archive,
        ):  # it leaves a broken file open
            return [archive[str(index)] for index in range(len(archive.files))]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _write_run(folder: Path, record: RunRecord, weights: "Weights | None") -> None:
    fields = asdict(record)
    write_json(folder / CURVES, fields.pop("curves"))
    write_json(folder / RUN, fields)
    if weights is not None:
        _save_weights(folder / WEIGHTS, weights)


def _save_weights(path: Path, weights: "Weights") -> None:
    """Write arrays in order, without pickle."""
    import numpy as np

    np.savez(path, allow_pickle=False, **{str(index): array for index, array in enumerate(weights)})


def _record(run: Any, curves: Any) -> RunRecord:
    if not isinstance(run, dict) or not isinstance(curves, dict):
        raise TypeError("a run and its curves are mappings")
    return RunRecord(**{**run, "engine": EngineRecord(**run["engine"])}, curves=curves)
