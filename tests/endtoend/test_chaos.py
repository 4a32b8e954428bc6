"""The chaos benchmark in short: two faults while a study trains, one on the finished one, and the numbers it ends with."""

import json
import shutil
from pathlib import Path

import pytest

from benchmarks import chaos as module
from benchmarks.chaos import Chaos, Outcome, Project, dvc_killed, interrupted, truncated

pytestmark = pytest.mark.slow


def test_after_a_handful_of_faults_everything_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WHILE_TRAINING", {"Ctrl-C": interrupted, "DVC killed": dvc_killed})
    damage = {"a store entry truncated": lambda chaos: module._damage(chaos, truncated)}
    monkeypatch.setattr(module, "ON_FINISHED", {"a data file corrupted": module.data_corrupted, **damage})
    chaos = Chaos(tmp_path, seed=1)
    chaos.run(3)
    line = chaos.tally.line()
    assert line.pop("faults") >= 3
    assert set(line.values()) == {0}, line


class Undisturbed(Chaos):
    """A comparison of two projects written by hand."""

    def __init__(self, folder: Path) -> None:
        self.tally = module.Tally()
        self.peaceful, self.project = Project(folder / "peaceful"), Project(folder / "disturbed")
        for each in (self.peaceful, self.project):
            entries = [{"phase": "replicate", "run_key": key} for key in ("one", "two")]
            each.store.manifests.put("first", {"entries": entries})
            for key in ("one", "two"):
                folder = each.store.folder / key
                folder.mkdir()
                (folder / "run.json").write_text("{}", encoding="utf-8")


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Undisturbed:
    for name, value in {"repro": "", "end_all": None}.items():
        monkeypatch.setattr(Project, name, lambda *_, value=value: value)
    monkeypatch.setattr(Project, "hashes", lambda self: (self.root / "hashes").exists())
    monkeypatch.setattr(Project, "in_mlflow", lambda self: module.Counter(self.store.runs.keys()))
    return Undisturbed(tmp_path)


def test_nothing_bad_is_counted_where_nothing_happened(compared: Undisturbed) -> None:
    compared._recover("peace", compared.project.written())
    assert not compared.tally.bad


def test_every_kind_of_harm_is_counted(compared: Undisturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    project = compared.project
    sound = project.written()
    shutil.rmtree(project.store.folder / "one")
    compared._recover("loss", {})
    assert compared.tally.line()["lost"] == 2  # in the store, and so in MLflow
    (project.store.folder / "two" / "run.json").rename(project.root / "kept")
    (project.store.folder / "two" / "run.json").write_text("{}", encoding="utf-8")
    compared._judge("again", "Traceback (most recent call last)", sound, set())
    assert (compared.tally.bad["retrained"], compared.tally.bad["tracebacks"]) == (1, 1)
    compared._judge("damaged", "", sound, {"two"})
    assert compared.tally.bad["retrained"] == 1
    (project.root / "hashes").touch()
    (project.store.folder / ".whole-left").mkdir()
    monkeypatch.setattr(Project, "in_mlflow", lambda self: module.Counter([*self.store.runs.keys(), "two"]))
    compared._recover("more", {})
    assert compared.tally.bad["different"] == 1 and compared.tally.bad["duplicated"] >= 1


def test_the_last_line_and_the_table_hold_the_counts() -> None:
    tally = module.Tally()
    tally.faults.update({"Ctrl-C": 3, "DVC killed": 2})
    assert json.loads(json.dumps(tally.line())) == {
        "faults": 5, "lost": 0, "duplicated": 0, "retrained": 0, "different": 0, "tracebacks": 0,
    }  # fmt: skip
    assert "| **in all** | **5** |" in module.markdown(tally)
    assert Outcome().came
