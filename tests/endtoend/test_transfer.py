"""Pretraining on pairs, transfer with cached features, and the figures they give, from params to page."""

import copy
import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from pipeline.report.site import build
from pipeline.store import Store

from .kit import PARAMS, ablate, project_at, results

pytestmark = pytest.mark.slow

PAIRS = {
    "name": "pairs",
    "data": {"pairs": 40, "skip": 0, "limit": 60, "per_class": None},
    "model": {"towers": 2, "joint": [3], "output": {"units": 1, "activation": "sigmoid"}},
    "training": {"loss": "binary_crossentropy"},
}
HEAD = {"name": "head", "trainable": "head", "cache_features": True}
GRID = {
    "question": "Do pairs help?",
    "base": {"data": {"limit": None, "skip": 60}, "training": {"epochs": 2}},
    "grid": {
        "strategy": {"scratch": {}, "tower": {"phases": [PAIRS, HEAD]}},
        "data.per_class": [2, 4],
    },
}


def test_a_tower_learned_on_pairs_is_reused(
    tmp_path: Path,
    project: Path,
    model_cache: object,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    params = {**copy.deepcopy(PARAMS), "ablations": {"pairs": GRID}}
    root = project_at(tmp_path / "study", project, params)
    ablate(root, "pairs")
    found = json.loads(results(root)["pairs"])
    store = Store(root / ".runs")
    for variant in found["variants"]:
        for replicate in variant["replicates"]:
            record = store.runs.get(replicate["run_key"])
            assert record is not None and record.outcome == "finished"
            is_tower = variant["levels"]["strategy"] == "tower"
            assert len(record.phase_seconds) == (2 if is_tower else 1)
            assert len(record.curves["loss"]) == (4 if is_tower else 2)
            assert record.parameters == (64 + 1) * 6 + (6 + 1) * 10  # of one tower and ten classes
            assert "seconds" not in json.dumps(replicate)
    build(root / "results", root / "reports", ["pairs"])
    page = (root / "reports" / "pairs.html").read_text(encoding="utf-8")
    assert "Error ratio on the same examples" in page and "How many examples it takes" in page
