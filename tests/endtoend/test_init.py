"""A study is begun in a repository that has its own code, and runs there: with DVC, without, and as a colleague's."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.params.load import load
from pipeline.stages.init import KINDS, TEMPLATES, init

from .kit import REPOSITORY, call, environment

COMMAND = str(Path(sys.executable).parent / "keras-ablation")


def git(folder: Path, *command: str) -> None:
    names = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *names, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a space in its path, and with a package of its own that is called as ours is."""
    root = tmp_path / "my repository"
    (root / "pipeline").mkdir(parents=True)
    (root / "pipeline/__init__.py").write_text("raise RuntimeError('not this one')\n")
    git(root, "init", "--quiet")
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return root


def test_dvc_yaml_is_that_of_this_repository() -> None:
    assert (TEMPLATES / "stages.yaml").read_text() == (REPOSITORY / "dvc.yaml").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_each_beginning_is_right(repository: Path, kind: str) -> None:
    told = init(repository / "study", kind)
    assert any("initialised DVC" in line for line in told)
    assert f"finished runs will be in {repository / '.runs'}" in "\n".join(told)
    assert load(repository / "study/params.yaml").ablations
    assert "/.runs/" in (repository / ".gitignore").read_text().splitlines()


def test_what_is_there_is_left_alone(repository: Path) -> None:
    (repository / "params.yaml").write_text("mine: 1\n")
    (repository / ".gitignore").write_text("mine")
    told = call(repository, COMMAND, "init", status=2)
    assert told == "" and (repository / "params.yaml").read_text() == "mine: 1\n"
    assert not (repository / "dvc.yaml").exists()
    call(repository, COMMAND, "init", "ablations", "--from", "model")
    assert (repository / ".gitignore").read_text().splitlines()[0] == "mine"
    call(repository, COMMAND, "init", "ablations", status=2)


@pytest.mark.slow
def test_it_runs_with_dvc_in_a_folder_of_a_repository(repository: Path) -> None:
    call(repository, COMMAND, "init", "study", "--from", "images")
    call(repository, "dvc", "repro", "study/dvc.yaml")
    assert (repository / "study/reports/pooling.html").is_file() and (repository / ".runs").is_dir()
    assert "pooling" in call(repository, COMMAND, "show", "--params", "study/params.yaml")


@pytest.mark.slow
def test_it_runs_without_dvc_and_without_git(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    call(folder, COMMAND, "init", "--from", "table")
    assert "no_scm" in (folder / ".dvc/config").read_text()
    call(folder, COMMAND, "run")
    assert (folder / "reports/columns.html").is_file() and (folder / "mlflow.db").is_file()
    assert "nothing to train" in call(folder, COMMAND, "plan")


@pytest.mark.slow
def test_a_colleague_trains_only_what_is_new_and_mlflow_follows_checkouts(
    repository: Path, tmp_path: Path
) -> None:
    call(repository, COMMAND, "init", "--from", "table")
    text = (
        (repository / "params.yaml")
        .read_text()
        .replace("epochs: 60", "epochs: 2")
        .replace("start: 5, max: 20", "start: 4, max: 4")
    )
    (repository / "params.yaml").write_text(text)
    call(repository, "dvc", "repro")
    call(repository, "dvc", "remote", "add", "-d", "box", str(tmp_path / "box"))
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "done")
    call(repository, "dvc", "push")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    call(clone, "dvc", "pull")
    assert "nothing to train" in call(clone, COMMAND, "plan")
    call(clone, "dvc", "repro")
    assert "columns" in call(clone, COMMAND, "store", "list") and (clone / "mlflow.db").is_file()
    edited = (clone / "params.yaml").read_text().replace("features: all", "features: [area]")
    (clone / "params.yaml").write_text(edited)
    assert "nothing to train" in call(clone, COMMAND, "plan")
    assert environment()["PATH"]
