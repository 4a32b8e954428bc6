"""A study that asks questions of two data sets."""

import copy
import json
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipeline.cli.commands import main
from pipeline.report.site import build
from pipeline.store import Store

from .kit import PARAMS, results, write_params

pytestmark = pytest.mark.slow

OWN = """
import numpy as np

def Stripes():
    labels = np.arange(200) % 2
    pixels = np.random.default_rng(0).integers(0, 200, (200, 6, 5))
    pixels[labels == 1, 2:4] += 55
    pixels = pixels.astype("uint8")
    return (pixels[:160], labels[:160]), (pixels[160:], labels[160:])
"""


@pytest.fixture
def study(tmp_path: Path, model_cache: object, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """A project with an ablation on digits and one on images of the user's own."""
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    (tmp_path / "stripes.py").write_text(OWN, encoding="utf-8")
    params = copy.deepcopy(PARAMS)
    params["ablations"]["width"] |= {"dataset": "stripes:Stripes"}
    write_params(tmp_path, params)
    return tmp_path


def test_two_data_sets_in_one_study(study: Path) -> None:
    for command in (["fetch"], ["prepare"], ["ablate", "tuned", "--ahead"], ["ablate", "width"], ["plan"]):
        assert main(command) == 0
    store = Store(study / ".runs")
    assert len(store.runs.keys()) == 2 * (2 + 3) + 2 * 3
    found = {name: json.loads(text) for name, text in results(study).items()}
    assert {name: each["dataset"] for name, each in found.items()} == {
        "tuned": "digits",
        "width": "stripes:Stripes",
    }
    # 8 x 8 digits in ten classes through six units; 6 x 5 stripes in two.
    assert found["tuned"]["variants"][0]["parameters"] == (64 + 1) * 6 + (6 + 1) * 10
    assert found["width"]["variants"][0]["parameters"] == (30 + 1) * 6 + (6 + 1) * 2
    build(study / "results", study / "reports", ["tuned", "width"])
    page = (study / "reports" / "index.html").read_text(encoding="utf-8")
    assert {"Leaders on digits, by", "Leaders on stripes:Stripes, by"} <= set(
        re.findall(r"Leaders on [^ ]+, by", page)
    )


def test_an_ablation_on_two_data_sets(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (study / "bands.py").write_text(OWN, encoding="utf-8")  # another module: the first one is imported
    params = copy.deepcopy(PARAMS)
    width = params["ablations"].pop("width")
    params["ablations"] = {"width": {**width, "datasets": ["digits", "bands:Stripes"]}}
    write_params(study, params)
    settings = ["check", "--settings", "data/settings"]
    for command in (settings, ["fetch"], ["prepare"], ["ablate", "width", "--ahead"], ["report"], ["track"]):
        assert main(command) == 0, command
    assert json.loads((study / "data/settings/ablations.json").read_text()) == [
        "width@digits",
        "width@Stripes",
    ]
    assert (study / "data/settings/ablations/width.json").is_file(), "what its stage depends on"
    assert sorted(path.name for path in (study / "results/width").iterdir()) == ["Stripes", "digits"]
    assert "2 data sets allow no verdict" in (study / "reports/width.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["show", "width"]) == 0
    assert "width, across data sets" in capsys.readouterr().out
    assert main(["ablate", "width@digits"]) == 2
    assert "there are width" in capsys.readouterr().err

    del params["ablations"]["width"]["datasets"]
    write_params(study, params)
    before = len(Store(study / ".runs").runs.keys())
    for command in (settings, ["ablate", "width"], ["report"], ["track"]):
        assert main(command) == 0, command
    assert len(Store(study / ".runs").runs.keys()) == before, "on digits all is trained"
    assert (
        not (study / "results/width/Stripes").exists() and not (study / "reports/width@Stripes.html").exists()
    )
    assert "width@digits" not in Store(study / ".runs").manifests.all()
