"""The project's root folder, and the names of studies and ablations within it."""

import os
from pathlib import Path


def root() -> Path:
    """Return the project's root: `DVC_ROOT` inside a DVC stage (also in `dvc exp run --temp`).

    Else the nearest folder in which DVC was initialised, from the working folder upwards, or the working folder itself.
    """
    dvc_root = os.environ.get("DVC_ROOT")
    return Path(dvc_root) if dvc_root else _project_around(Path.cwd()) or Path.cwd()


def study_at(folder: Path) -> str:
    """Return the name of the study with its params file in `folder`: its path within the project, empty for the root.

    Inside the copy of the project that `dvc exp run --temp` makes, the path is relative to that copy.
    """
    study = folder.resolve()
    project = _project_around(study) or root().resolve()
    return study.relative_to(project).as_posix().removeprefix(".") if study.is_relative_to(project) else ""


def ablate_command(title: str) -> str:
    """Return the command that trains the ablation with the title `title`, to be run in the project's root.

    Example: `ablate_command("studies/mine/widths")` is
    `keras-ablation ablate widths --params studies/mine/params.yaml`.
    """
    study, _, ablation = title.rpartition("/")
    return f"keras-ablation ablate {ablation}" + (f" --params {study}/params.yaml" if study else "")


def _project_around(folder: Path) -> Path | None:
    return next((parent for parent in (folder, *folder.parents) if (parent / ".dvc").is_dir()), None)
