"""What the README says of results, against a training: only what holds on every machine may stand there."""

import json
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.yaml_file import parse as parse_text
from pipeline.report.site import build

from .kit import REPOSITORY, ablate, project_at

LADDER = "from_softmax_up"
SENTENCE = re.compile(
    r"((?:`\w+`[^`.]*?)+) (?:is|are) \*(better|worse)\* than [^.]* by more than (\d+) points"
)


def findings() -> list[tuple[str, str, float]]:
    """Return every variant of which the README says something, its verdict, and the least difference."""
    text = " ".join((REPOSITORY / "README.md").read_text(encoding="utf-8").split())
    return [
        (variant, verdict, float(least))
        for variants, verdict, least in SENTENCE.findall(text)
        for variant in re.findall(r"`(\w+)`", variants)
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("model_cache")
def test_findings_are_those_of_the_ladder(
    tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    params, _ = parse_text((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    only: dict[str, Any] = {LADDER: params["ablations"][LADDER]}
    root = project_at(tmp_path / "ladder", project, {**params, "ablations": only})
    ablate(root, LADDER)
    build(root / "results", root / "reports", [LADDER])
    report = json.loads((root / "reports" / f"{LADDER}.json").read_text(encoding="utf-8"))
    assert report["baseline"] == "softmax"
    shown = {variant["name"]: variant for variant in report["variants"]}
    assert {name for name, *_ in findings()} == {"hidden_layers", "adam", "decay", "dropout"}
    for name, verdict, least in findings():
        comparison = shown[name]["comparison"]
        sign = 1 if verdict == "better" else -1
        assert comparison["verdict"] == verdict and 100 * sign * comparison["difference"]["mean"] > least
        assert comparison["p_holm"] < 0.005  # far below .05: so much room is left for other machines
