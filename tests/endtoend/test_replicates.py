"""Replicates over searches, splits, folds and groups, in whole studies."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.maintenance.prune import orphans
from pipeline.params.load import load
from pipeline.planning.plan import plan
from pipeline.planning.state import read_states
from pipeline.report.site import build
from pipeline.store import Store

from .kit import PARAMS, ablate, kill_in_rounds, project_at, results

pytestmark = pytest.mark.slow

SPACE = {"optimizer.learning_rate": {"log": [1e-3, 1.0]}}
VARIANTS = {"narrow": {"model": {"layers": [4]}}, "wide": {"model": {"layers": [8]}}}


def entry(**more: Any) -> dict[str, Any]:
    return {"question": "?", "variants": VARIANTS, **more}


STUDY: dict[str, Any] = {
    **PARAMS,
    "ablations": {
        "splits": entry(
            replicates={"over": "splits", "count": 3, "test": 0.3, "seeds": 2},
            tune={"trials": 2, "space": SPACE},
        ),
        "searches": entry(replicates={"over": "searches", "count": 3}, tune={"trials": 2, "space": SPACE}),
        "folds": entry(replicates={"over": "folds", "k": 3, "repeats": 1}),
    },
}


@pytest.fixture
def root(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, model_cache: object) -> Path:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project_at(tmp_path / "study", project, STUDY)


def variants(root: Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads(results(root)[name])["variants"])


def test_each_has_its_own_rows_its_own_search_and_survives_a_kill(
    root: Path, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(root / "params.yaml")
    assert plan(study, Store(root / ".runs"), root).to_train == 2 * (3 * (2 + 2) + 3 * (2 + 1) + 3)
    for name in STUDY["ablations"]:
        ablate(root, name)

    for variant in variants(root, "splits"):
        assert variant["chosen"] is None and len(variant["trials"]) == 3 * 2
        chosen = [replicate["chosen"] for replicate in variant["replicates"]]
        assert chosen[0::2] == chosen[1::2], "runs of one replicate share its search"
        for number, values in enumerate(chosen[0::2]):
            own = [trial for trial in variant["trials"] if trial.get("search", 0) == number]
            best = max(own, key=lambda trial: trial["score"])
            assert best["values"] == values, "and it was chosen from its own trials"
    keys = [trial["run_key"] for trial in variants(root, "searches")[0]["trials"]]
    assert len(set(keys)) == 6
    points = [
        json.dumps(trial["values"])
        for name in ("searches", "splits")
        for trial in variants(root, name)[0]["trials"]
    ]
    assert len(set(points[:6])) == 6, "other searches try other points"
    untuned = variants(root, "folds")[0]
    assert untuned["chosen"] is None and "chosen" not in untuned["replicates"][0]

    store = Store(root / ".runs")
    assert not orphans(store, study, root).runs
    assert plan(study, store, root).to_train == 0
    views = [
        (run.resample, len(run.key))
        for state in read_states(study, store, root)
        for v in state.variants[:1]
        for run in v.replicates
    ]
    assert len(set(views)) == 3 + 1 + 3

    build(root / "results", root / "reports", list(STUDY["ablations"]))
    page = (root / "reports/splits.html").read_text(encoding="utf-8")
    assert "over 3 random splits" in page and "Nadeau and Bengio" in page and "from its seed" in page
    assert "over 3 searches" in (root / "reports/searches.html").read_text(encoding="utf-8")

    killed = project_at(tmp_path / "killed", project, STUDY)
    kill_in_rounds(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        ablate(killed, "splits")
    ablate(killed, "splits")
    assert results(killed)["splits"] == results(root)["splits"]
