"""`check` reads again only where something that it read is another: whatever that was."""

import shutil
from pathlib import Path

import pytest

from pipeline.cli import commands
from pipeline.stages import unchanged

PARAMS = """
dataset: {csv: table.csv, target: kind}
base:
  model: {layers: [8, {name: "my_layers:Gated"}]}
  optimizer: sgd
  training: {epochs: 1}
ablations:
  widths: {question: "?", variants: {plain: {}, wide: {model: {layers: [16]}}}}
"""
LAYER = """
import keras

from helpers import SCALE


class Gated(keras.layers.Layer):
    def call(self, inputs):
        return inputs * SCALE * 2.0
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "my_layers.py").write_text(LAYER)
    (tmp_path / "helpers.py").write_text("SCALE = 2.0")
    (tmp_path / "table.csv").write_text("size,kind\n1,a\n2,b\n" * 20)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checks(monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether `check` reads the params file, rather than saying what it said before."""
    read: list[object] = []
    study = commands._study
    with monkeypatch.context() as patch:
        patch.setattr(commands, "_study", lambda options: read.append(1) or study(options))
        assert commands.main(["check", "--settings", "data/settings"]) == 0
    return bool(read)


def test_nothing_is_read_again_while_nothing_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checks(monkeypatch)
    first = capsys.readouterr().out
    (project / "unrelated.txt").write_text("new")
    assert not checks(monkeypatch)
    assert capsys.readouterr().out == first == "params.yaml: 1 ablation, nothing wrong\n"


@pytest.mark.parametrize("file", ["params.yaml", "my_layers.py", "helpers.py", "table.csv"])
def test_what_was_read_counts(project: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    checks(monkeypatch)
    study = (
        (project / "data/settings/study.json").read_text(),
        (project / "data/settings/dataset.json").read_text(),
    )
    path = project / file
    path.write_text(path.read_text().replace("2", "3").replace("wide", "wider"))
    assert checks(monkeypatch) and not checks(monkeypatch)
    if file != "params.yaml":
        now = (
            (project / "data/settings/study.json").read_text(),
            (project / "data/settings/dataset.json").read_text(),
        )
        assert now != study


def test_what_was_written_counts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks(monkeypatch)
    (project / "data/settings/ablations/widths.json").write_text("{}")
    assert checks(monkeypatch) and not checks(monkeypatch)
    shutil.rmtree(project / "data/settings")
    assert checks(monkeypatch) and not checks(monkeypatch)


def test_what_is_around_counts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks(monkeypatch)
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert checks(monkeypatch) and not checks(monkeypatch)
    libraries = unchanged._libraries()
    monkeypatch.setattr(unchanged, "_libraries", lambda: (*libraries, str(project)))
    assert checks(monkeypatch)  # as after `pip install`


def test_a_fault_is_told_every_time(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks(monkeypatch)
    good = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(good.replace("sgd", "sdg"))
    for _ in range(2):
        assert commands.main(["check", "--settings", "data/settings"]) == 2
    (project / "params.yaml").write_text(good)
    assert checks(monkeypatch)
