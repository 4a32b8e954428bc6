"""The stage that brings data: what it says, and what it removes."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.data.prepare import load
from pipeline.params.load import parse
from pipeline.stages.fetch import fetch
from pipeline.stages.prepare import prepare

BASE = {"model": {"layers": [4]}, "optimizer": {"name": "sgd"}, "training": {"epochs": 1}}


def test_files_are_brought_with_their_cautions_and_former_ones_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{row % 3},{row % 2}\n" for row in range(20)))

    def study(**more: Any) -> Any:
        entry = {"question": "?", "variants": {"a": {}}}
        dataset = {"csv": str(tmp_path / "t.csv"), "target": "y", **more}
        return parse({"base": BASE, "dataset": dataset, "ablations": {"one": entry}})

    fetch(study(), tmp_path)
    assert "t.csv: 4 of 4 test rows equal a training row" in capsys.readouterr().err
    (tmp_path / "data" / "raw" / "mnist").mkdir()
    fetch(study(test=0.5), tmp_path)
    prepare(study(test=0.5), tmp_path)
    (name,) = study(test=0.5).datasets
    assert {path.name for path in (tmp_path / "data" / "raw").iterdir()} == {name, "mnist"}
    assert len(load(name, tmp_path).x_test) == 10
