"""A study in a folder of its own: its own results and reports, the project's runs and MLflow, nothing mixed up."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.yaml_file import parse as parse_text
from pipeline.store import Store

from .kit import PARAMS, REPOSITORY, call, write_params
from .test_dvc import required_keys, runs_in_mlflow, study  # noqa: F401  (a fixture, and what reads MLflow)

STUDIES = sorted(path.parent for path in REPOSITORY.glob("studies/*/params.yaml"))


def stages(path: Path) -> dict[str, Any]:
    found, faults = parse_text(path.read_text(encoding="utf-8"))
    assert faults == []
    return dict(found["stages"])


def one_level_up(value: Any) -> Any:
    """Return stages as a study has them: the code is the project's, everything else its own."""
    if isinstance(value, dict):
        return {key: one_level_up(item) for key, item in value.items()}
    if isinstance(value, list):
        return [one_level_up(item) for item in value]
    return f"../../{value}" if isinstance(value, str) and value.startswith("pipeline/") else value


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_a_study_has_the_stages_of_the_project(folder: Path) -> None:
    assert stages(folder / "dvc.yaml") == one_level_up(stages(REPOSITORY / "dvc.yaml"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")  # MLflow
def test_a_study_of_its_own_beside_the_projects(study: Path) -> None:  # noqa: F811
    both = copy.deepcopy(PARAMS)
    del both["ablations"]["tuned"]
    own = copy.deepcopy(both)
    own["ablations"]["width"]["variants"]["twenty"] = {"model": {"layers": [20]}}
    folder = study / "studies" / "mine"
    folder.mkdir(parents=True)
    shutil.copy(STUDIES[0] / "dvc.yaml", folder)
    write_params(study, both)
    write_params(folder, own)
    call(study, "dvc", "repro")
    before = (study / "results" / "width" / "ablation.json").read_bytes()

    call(study, "dvc", "repro", "studies/mine/dvc.yaml")
    assert "didn't change" in call(study, "dvc", "repro", "studies/mine/dvc.yaml")
    call(study, "dvc", "repro")
    variants = json.loads((folder / "results" / "width" / "ablation.json").read_text(encoding="utf-8"))[
        "variants"
    ]
    assert [each["name"] for each in variants] == ["six", "twelve", "twenty"]
    assert (folder / "reports" / "width.html").is_file() and not (folder / ".runs").exists()
    assert (study / "results" / "width" / "ablation.json").read_bytes() == before
    assert (
        len(Store(study / ".runs").runs.keys()) == 3 * 3
    )  # the two variants that both have were trained once
    assert required_keys(study).keys() == {"width", "studies/mine/width"}
    assert runs_in_mlflow(study) == required_keys(study)
    ignored = call(study, "git", "status", "--porcelain", "--untracked-files=all")
    assert not any(word in ignored for word in ("results/", "mine/data", "width.html"))
