"""A study that looks after 6, 12 and 24 seeds: who stops when, kills, clones, changed plans, pages."""

import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.load import load
from pipeline.planning.ledger import Ledger
from pipeline.planning.plan import plan
from pipeline.planning.state import read_states
from pipeline.store import Store

from .kit import PARAMS, ablate, kill_in_rounds, project_at, results, write_params

pytestmark = pytest.mark.slow

LOOKS = {"start": 6, "max": 24}
VARIANTS: dict[str, Any] = {
    "plain": {},
    "untrained": {"optimizer": {"learning_rate": 1e-7}},  # far worse
    "close": {"optimizer": {"learning_rate": 0.101}},
}


def of(seeds: Any = LOOKS, variants: dict[str, Any] = VARIANTS, **ablation: Any) -> dict[str, Any]:
    base = {**PARAMS["base"], "training": {"epochs": 6, "batch_size": 16}}
    one = {"question": "?", "baseline": "plain", "seeds": seeds, "variants": variants, **ablation}
    return {**PARAMS, "base": base, "ablations": {"one": one}}


@pytest.fixture
def root(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, model_cache: object) -> Path:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project_at(tmp_path / "study", project, of())


def seeds(root: Path) -> dict[str, list[int]]:
    found = json.loads(results(root)["one"])
    return {v["name"]: [run["seed"] for run in v["replicates"]] for v in found["variants"]}


def counts(root: Path) -> dict[str, int]:
    return {name: len(used) for name, used in seeds(root).items()}


def measured(root: Path) -> dict[str, Any]:
    found = json.loads(results(root)["one"])
    return {v["name"]: [run["metrics"] for run in v["replicates"]] for v in found["variants"]}


def page(root: Path) -> str:
    from pipeline.report.site import build

    build(root / "results", root / "reports", ["one"])
    return (root / "reports/one.html").read_text()


def test_settled_variants_stop_and_the_baseline_goes_as_far_as_the_others(root: Path) -> None:
    ablate(root, "one")
    trained = counts(root)
    assert trained["untrained"] == 6 and trained["close"] > 6 and trained["plain"] == trained["close"]
    (family,) = Ledger(root).families
    assert family.seen == trained["close"] and set(family.ended.values()) == {6, trained["close"]}
    told = page(root)
    assert "untrained is worse than plain" in told and "over 6 to" in told and "6 of 24" in told


def test_a_study_that_is_killed_between_looks_goes_on_to_the_same_bytes(
    root: Path, tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ablate(root, "one")
    killed = project_at(tmp_path / "killed", project, of())
    kill_in_rounds(monkeypatch, 2)
    with pytest.raises(KeyboardInterrupt):
        ablate(killed, "one")
    assert len(Store(killed / ".runs").runs.keys()) == 3 * 6
    ablate(killed, "one")
    assert results(killed) == results(root)
    assert (killed / "reports/looks.json").read_bytes() == (root / "reports/looks.json").read_bytes()


def test_a_clone_trains_what_was_trained_and_knows_what_was_looked_at(
    root: Path, tmp_path: Path, project: Path
) -> None:
    ablate(root, "one")
    clone = project_at(tmp_path / "clone", project, of())
    shutil.copytree(root / "reports", clone / "reports")
    (state,) = read_states(load(clone / "params.yaml"), Store(clone / ".runs"), clone)
    assert {variant.variant.name: variant.seeds for variant in state.variants} == counts(root)
    ablate(clone, "one")
    assert measured(clone) == measured(root)


def test_more_seeds_after_a_finished_plan_explore_and_fresh_ones_judge_again(root: Path) -> None:
    write_params(root, of(4))
    ablate(root, "one")
    first = page(root)
    assert counts(root) == dict.fromkeys(VARIANTS, 4) and "exploratory" not in first
    write_params(root, of(8))
    ablate(root, "one")
    raised = page(root)
    assert counts(root) == dict.fromkeys(VARIANTS, 8)
    assert "The 5 % of false verdicts was spent at 4 seeds" in raised
    write_params(root, of(4))
    ablate(root, "one")
    write_params(root, of({"start": 5, "max": 5, "fresh": True}))
    ablate(root, "one")
    assert seeds(root)["close"] == [8, 9, 10, 11, 12], "those that nobody has looked at"
    fresh = page(root)
    assert "This is study 2 of the same question" in fresh and "was spent at" not in fresh
    before = Store(root / ".runs").runs.keys()
    ablate(root, "one")
    assert Store(root / ".runs").runs.keys() == before, "the same plan opens no third study"


def test_an_unfinished_plan_may_be_prolonged(root: Path) -> None:
    write_params(root, of({"start": 4, "max": 8}))
    ablate(root, "one")
    if counts(root)["close"] < 8:
        pytest.skip("it was settled before")
    write_params(root, of({"start": 4, "max": 16}))
    ablate(root, "one")
    (family,) = Ledger(root).families
    assert [(plan.looks, plan.changed) for plan in family.plans] == [((4, 8), 8), ((4, 8, 16), None)]
    assert page(root)
    found = json.loads((root / "reports/one.json").read_text())["variants"]
    (flag,) = [flag for v in found if v["name"] == "close" for flag in v["flags"] if "was spent" in flag]
    assert "was spent at 8 seeds" in flag, "its last look was taken, so it was finished"


def test_a_variant_that_is_added_after_a_look_is_a_family_of_its_own(root: Path) -> None:
    write_params(root, of(4))
    ablate(root, "one")
    late = {**VARIANTS, "late": {"optimizer": {"learning_rate": 1e-6}}}
    write_params(root, of(4, late))
    ablate(root, "one")
    families = json.loads(results(root)["one"])["families"]
    assert [family["members"] for family in families] == [["untrained", "close"], ["late"]]
    fewer = {name: patch for name, patch in late.items() if name != "untrained"}
    write_params(root, of(4, fewer))
    ablate(root, "one")
    families = json.loads(results(root)["one"])["families"]
    assert [(family["members"], family["gone"]) for family in families] == [(["close"], 1), (["late"], 0)]


def test_a_margin_that_is_changed_after_a_look_does_not_count(root: Path) -> None:
    write_params(root, of(4))
    ablate(root, "one")
    write_params(root, of(4, margin=50.0))
    ablate(root, "one")
    told = page(root)
    assert json.loads(results(root)["one"])["margin"] == 0.2
    assert "The margin was changed to 50 after a look" in told


def test_another_metric_or_baseline_is_another_comparison(root: Path) -> None:
    write_params(root, of(4))
    ablate(root, "one")
    write_params(root, of(8, metric="loss"))
    ablate(root, "one")
    assert "exploratory" not in page(root) and len(Ledger(root).families) == 2


def test_a_damaged_ledger_is_none(root: Path) -> None:
    (root / "reports").mkdir()
    for text in ("", "{}", '{"layout": 1, "families": [{"ablation": 3}]}'):
        (root / "reports/looks.json").write_text(text)
        assert Ledger(root).families == []


def test_a_plan_expects_nothing_more_of_variants_that_were_ended(root: Path) -> None:
    """Although the one that was added has no hyperparameters yet, so that nothing is declared."""
    tune = {"trials": 2, "space": {"training.batch_size": {"choice": [16, 32]}}}
    write_params(root, of({"start": 6, "max": 12}, tune=tune))
    ablate(root, "one")
    assert counts(root)["untrained"] == 6
    write_params(
        root, of({"start": 6, "max": 12}, {**VARIANTS, "added": {"model": {"layers": [5]}}}, tune=tune)
    )
    foreseen = plan(load(root / "params.yaml"), Store(root / ".runs"), root)
    assert foreseen.to_train == 2 + 6 and foreseen.likely == 2 + round(6 + 0.9 * 6)


def sizes(root: Path) -> dict[str, list[int]]:
    """Return how many runs trained together with each trial, and with each replicate, of all variants."""
    variants = json.loads(results(root)["one"])["variants"]
    runs = Store(root / ".runs").runs
    keys = runs.keys()
    records = [record for key in keys if (record := runs.get(key))]
    trials = [record.engine.size for record in records if record.kind == "trial"]
    return {"trials": trials, "replicates": [r["engine"]["size"] for v in variants for r in v["replicates"]]}


def test_stacks_of_later_looks_and_trial_seeds_have_the_size_of_the_first(root: Path) -> None:
    write_params(root, of(variants={"plain": {}, "close": VARIANTS["close"]}))
    ablate(root, "one")
    assert sizes(root)["replicates"] == [2 * LOOKS["start"]] * 48, "both variants have one graph"
    tune = {"trials": 4, "seeds": 2, "space": {"optimizer": {"learning_rate": {"log": [0.09, 0.11]}}}}
    write_params(root, of(seeds=4, variants={"plain": {}}, tune=tune))
    ablate(root, "one")
    assert sizes(root) == {"trials": [4] * 8, "replicates": [4] * 4}
