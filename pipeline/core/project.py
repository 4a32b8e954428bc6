"""The project's root folder, and the names of studies and ablations within it."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

ON = "@"
"""Between the name of an ablation and that of the data set, of one that is repeated on several."""

TAKEN = {"index", "metrics"}
"""Names of pages and files that no ablation's page can have."""
GIT_SECONDS = 10
"""A repository so large that git needs longer is described by nothing."""

_study_folder: ContextVar[Path | None] = ContextVar("study_folder", default=None)


def root() -> Path:
    """Return the project's root: `DVC_ROOT` inside a DVC stage (also in `dvc exp run --temp`).

    Else the nearest folder in which DVC was initialised, from the working folder upwards, or the working folder itself.
    """
    dvc_root = os.environ.get("DVC_ROOT")
    return Path(dvc_root) if dvc_root else _project_around(Path.cwd()) or Path.cwd()


def commit(folder: Path) -> str | None:
    """Return the commit that is checked out around a folder, with `-dirty` where tracked files differ; None without git.

    Example: `commit(Path())` is `626cefe1a2b3-dirty`.
    """
    git = shutil.which("git")
    if git is None:
        return None
    try:
        described = subprocess.run(  # noqa: S603  git, with words of ours
            [git, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip() or None


def is_temporary(folder: Path) -> bool:
    """Return whether a folder is in a copy of the project that DVC made for one experiment (`dvc exp run --temp`)."""
    around = _project_around(folder.resolve())
    return around is not None and around.resolve() != root().resolve()


def study_folder() -> Path:
    """Return the folder of the params file that is being read, or the project's root."""
    return _study_folder.get() or root()


@contextmanager
def reading_study(folder: Path) -> Iterator[None]:
    """Say during the block that the params file in `folder` is being read: its paths are relative to it."""
    token = _study_folder.set(folder)
    try:
        yield
    finally:
        _study_folder.reset(token)


def study_at(folder: Path) -> str:
    """Return the name of the study with its params file in `folder`: its path within the project, empty for the root.

    Inside the copy of the project that `dvc exp run --temp` makes, the path is relative to that copy.
    """
    study = folder.resolve()
    project = _project_around(study) or root().resolve()
    return study.relative_to(project).as_posix().removeprefix(".") if study.is_relative_to(project) else ""


def name_in_file(ablation: str) -> str:
    """Return the name that params.yaml has for an ablation: `widths` of `widths@digits`."""
    return ablation.partition(ON)[0]


def result_folder(results: Path, ablation: str) -> Path:
    """Return the folder of an ablation's results; of one on several data sets there is one in it for each.

    Example: `result_folder(Path("results"), "widths@digits")` is `results/widths/digits`.
    """
    return results.joinpath(*ablation.split(ON))


def on_several(ablations: Sequence[str]) -> list[str]:
    """Return the names in the params file of ablations on several data sets."""
    names = dict.fromkeys(map(name_in_file, ablations))
    return [name for name in names if name not in ablations]


def page_stems(ablations: Sequence[str]) -> dict[str, str]:
    """Return the file name, without its ending, of every ablation's page.

    It is the ablation's own name, unless that is taken by the index, by `metrics.json`, or by a name that
    differs only in case, which some file systems do not distinguish: then underscores are added.
    """
    stems: dict[str, str] = {}
    taken = TAKEN | {name.lower() for name in ablations if name.lower() not in TAKEN}
    seen: set[str] = set()
    for name in ablations:
        stem = name
        if name.lower() in TAKEN | seen:
            while stem.lower() in taken:
                stem += "_"
            taken.add(stem.lower())
        seen.add(name.lower())
        stems[name] = stem
    return stems


def ablate_command(title: str) -> str:
    """Return the command that trains the ablation with the title `title`, to be run in the project's root.

    Example: `ablate_command("studies/mine/widths")` is
    `keras-ablation ablate widths --params studies/mine/params.yaml`.
    """
    study, _, ablation = title.rpartition("/")
    return f"keras-ablation ablate {name_in_file(ablation)}" + (
        f" --params {study}/params.yaml" if study else ""
    )


def _project_around(folder: Path) -> Path | None:
    return next((parent for parent in (folder, *folder.parents) if (parent / ".dvc").is_dir()), None)
