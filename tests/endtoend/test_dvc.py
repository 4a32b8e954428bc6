"""The whole of it as a user runs it: git, DVC, every stage, MLflow."""

import copy
import json
import shutil
from pathlib import Path

import pytest

from pipeline.store import Store
from pipeline.tracking.required import required_experiments

from .kit import PACKAGE, PARAMS, REPOSITORY, call, write_params

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),  # MLflow
]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A git and DVC repository that holds the pipeline and tiny ablations."""
    root = tmp_path / "study"
    root.mkdir()
    shutil.copytree(PACKAGE, root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "dvc.yaml", root)
    shutil.copytree(REPOSITORY / ".dvc", root / ".dvc", ignore=lambda folder, names: {*names} - {"config"})  # noqa: ARG005
    for name in (".dvcignore", ".gitignore"):
        shutil.copy(REPOSITORY / name, root)
    (root / "reports").mkdir()
    write_params(root)
    call(root, "git", "init", "--quiet")
    return root


def runs_in_mlflow(root: Path) -> dict[str, set[str]]:
    """Return the keys of MLflow's runs by experiment; a key twice in one fails."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    found = {}
    for experiment in client.search_experiments():
        runs = client.search_runs([experiment.experiment_id])
        keys = [run.data.tags["run_key"] for run in runs]
        assert len(set(keys)) == len(keys) and {run.info.status for run in runs} <= {"FINISHED"}
        found[experiment.name] = set(keys)
    found.pop("Default")
    return found


def required_keys(root: Path) -> dict[str, set[str]]:
    required = required_experiments(Store(root / ".runs"))
    return {name: {run.run_key for run in each.runs.values()} for name, each in required.items()}


def test_a_study_from_nothing_then_changed(study: Path) -> None:
    call(study, "dvc", "repro")
    store = Store(study / ".runs")
    first = store.runs.keys()
    assert len(first) == 2 * (2 + 3) + 2 * 3
    in_mlflow = runs_in_mlflow(study)
    assert in_mlflow == required_keys(study), "those of the store, and a summary of each variant"
    assert set().union(*in_mlflow.values()) > first
    assert {path.name for path in study.glob("reports/*.html")} == {"index.html", "tuned.html", "width.html"}

    index = study / "reports" / "index.html"
    assert "This is the first report" in index.read_text(encoding="utf-8")
    drawn = index.stat().st_mtime_ns
    again = call(study, "dvc", "repro")
    assert "didn't change" in again and "index.html is up to date" in again
    assert index.stat().st_mtime_ns == drawn

    fewer = copy.deepcopy(PARAMS)
    fewer["ablations"]["tuned"]["variants"]["nesterov"] = {"optimizer": {"momentum": 0.9, "nesterov": True}}
    del fewer["ablations"]["width"]
    write_params(study, fewer)
    before = {key: (store.folder / key / "run.json").stat().st_mtime_ns for key in first}
    call(study, "dvc", "repro")
    added = store.runs.keys() - first
    variants = json.loads((study / "results" / "tuned" / "ablation.json").read_text(encoding="utf-8"))[
        "variants"
    ]
    nesterov = variants[2]
    assert (
        added == {each["run_key"] for each in nesterov["trials"] + nesterov["replicates"]} and len(added) == 5
    )
    assert {key: (store.folder / key / "run.json").stat().st_mtime_ns for key in first} == before
    pages = [path.read_text(encoding="utf-8") for path in study.glob("reports/*.html")]
    assert {path.name for path in study.glob("reports/*.html")} == {"index.html", "tuned.html"}
    assert all("Does width help?" not in page for page in pages) and any("nesterov" in page for page in pages)
    assert set(json.loads((study / "reports" / "metrics.json").read_text(encoding="utf-8"))) == {"tuned"}
    told = index.read_text(encoding="utf-8")
    assert (
        "5 runs trained, 10 reused." in told and "New: nesterov." in told and "Ablations gone: width." in told
    )
    assert runs_in_mlflow(study) == required_keys(study) and len(required_keys(study)) == 1


def test_an_archive_without_git_is_reproduced_too(study: Path) -> None:
    shutil.rmtree(study / ".git")
    shutil.copy(REPOSITORY / "Makefile", study)
    write_params(study, {**PARAMS, "ablations": {"width": PARAMS["ablations"]["width"]}})
    call(study, "make", "-o", "env", "repro")
    assert (study / "results" / "width" / "ablation.json").is_file()
    assert "didn't change" in call(study, "dvc", "repro")
