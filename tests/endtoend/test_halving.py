"""Trials that are ended early, in a whole study: what is trained, kills, lost states, other processes, pages."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.maintenance.prune import orphans
from pipeline.params.load import load
from pipeline.planning.plan import plan
from pipeline.store import Store

from .kit import PARAMS, ablate, kill_in_rounds, project_at, results, write_params

pytestmark = pytest.mark.slow

TUNE: dict[str, Any] = {
    "trials": 6,
    "stop": "halving",
    "space": {"optimizer.learning_rate": {"log": [1e-4, 1.0]}},
}


def of(**study: Any) -> dict[str, Any]:
    base = {**PARAMS["base"], "training": {"epochs": 20, "batch_size": 32}}
    variants = {"narrow": {"model": {"layers": [4]}}, "wide": {"model": {"layers": [8]}}}
    ablation = {"question": "?", "seeds": 2, "tune": TUNE, "variants": variants}
    return {**PARAMS, "base": base, "ablations": {"one": ablation}, **study}


@pytest.fixture
def root(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, model_cache: object) -> Path:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project_at(tmp_path / "study", project, of())


def test_a_study_trains_less_than_half_of_its_trials_and_is_the_same_after_a_kill(
    root: Path, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreseen = plan(load(root / "params.yaml"), Store(root / ".runs"), root).to_train
    ablate(root, "one")
    store = Store(root / ".runs")
    records = [record for key in sorted(store.runs.keys()) if (record := store.runs.get(key)) is not None]
    trials = [record for record in records if record.kind == "trial"]
    assert sorted(record.epochs for record in trials) == [3] * 12 + [6] * 6 + [20] * 4
    assert foreseen == 2 * (6 + 2) and not (root / ".runs/.states").exists()
    found = json.loads(results(root)["one"])["variants"]
    for variant in found:
        outcomes = [trial["outcome"] for trial in variant["trials"]]
        assert outcomes.count("stopped") == 4 and outcomes.count("finished") == 2
        assert {replicate["epochs"] for replicate in variant["replicates"]} == {20}
    assert not orphans(store, load(root / "params.yaml"), root).runs

    killed = project_at(tmp_path / "killed", project, of())
    kill_in_rounds(monkeypatch, 2, 4)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            ablate(killed, "one")
        unused = orphans(Store(killed / ".runs"), load(killed / "params.yaml"), killed)
        assert not unused.runs and not unused.notes
    ablate(killed, "one")
    assert results(killed) == results(root)


def test_lost_states_cost_time_alone(
    root: Path, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablate(root, "one")
    forgetful = project_at(tmp_path / "forgetful", project, of())
    monkeypatch.setattr("pipeline.store.checkpoints.CheckpointFiles.put", lambda *_: None)
    ablate(forgetful, "one")
    one, other = (json.loads(results(at)["one"])["variants"] for at in (root, forgetful))
    for mine, its in zip(one, other, strict=True):
        assert mine["chosen"] == its["chosen"] and mine["trials"] == its["trials"]


def test_states_travel_to_worker_processes(root: Path, tmp_path: Path, project: Path) -> None:
    ablate(root, "one")
    processes = of(executor={"kind": "processes", "workers": 2})
    elsewhere = project_at(tmp_path / "processes", project, processes)
    ablate(elsewhere, "one")
    one, other = (json.loads(results(at)["one"])["variants"] for at in (root, elsewhere))
    assert [variant["chosen"] for variant in one] == [variant["chosen"] for variant in other]
    store = Store(elsewhere / ".runs")
    records = [record for key in sorted(store.runs.keys()) if (record := store.runs.get(key))]
    trials = {tuple(r.curves["loss"]): r.seconds for r in records if r.kind == "trial"}
    begun = [losses for losses in trials if len(losses) == 20]
    assert begun
    for losses in begun:  # a trial that goes on has taken what it took before, too
        assert trials[losses] > trials[losses[:6]] > trials[losses[:3]]


def test_the_page_tells_it(root: Path) -> None:
    from pipeline.report.site import build

    ablate(root, "one")
    build(root / "results", root / "reports", ["one"])
    page = (root / "reports/one.html").read_text()
    assert "Half of the trials were ended after 15 % of their epochs" in page
    assert "trials that were ended early, as they stood then" in page


def test_switching_it_off_trains_the_rest_of_the_trials(root: Path) -> None:
    ablate(root, "one")
    stored = Store(root / ".runs").runs.keys()
    whole = of()
    whole["ablations"]["one"]["tune"] = {**TUNE, "stop": None}
    write_params(root, whole)
    ablate(root, "one")
    store = Store(root / ".runs")
    new = [record for key in store.runs.keys() - stored if (record := store.runs.get(key)) is not None]
    assert sum(record.kind == "trial" for record in new) == 2 * 4
