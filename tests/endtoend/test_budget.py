"""A study with a budget of time, to its pages: what fits is trained, what was left out is said."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli.commands import main
from pipeline.params.load import load
from pipeline.planning import budget
from pipeline.planning.plan import plan
from pipeline.stages.report import report
from pipeline.store import Store

from .kit import PARAMS, ablate, project_at, results, write_params

pytestmark = pytest.mark.slow

ABLATIONS: dict[str, Any] = {
    name: {"question": "?", "seeds": 4, "variants": {"narrow": {"model": {"layers": [units]}}, "plain": {}}}
    for name, units in (("first", 3), ("second", 5))
}


@pytest.fixture
def root(tmp_path: Path, project: Path, monkeypatch: pytest.MonkeyPatch, model_cache: object) -> Path:  # noqa: ARG001
    monkeypatch.setattr("pipeline.stages.ablate.Tracker", lambda *_, **__: nullcontext())
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return project_at(tmp_path / "study", project, of("1 h"))


def of(written: str) -> dict[str, Any]:
    return {**PARAMS, "budget": written, "ablations": ABLATIONS}


def seeds(root: Path) -> dict[str, Any]:
    found: Mapping[str, Any] = {name: json.loads(text) for name, text in results(root).items()}
    return {
        name: found[name].get("left_out")
        or [len(variant["replicates"]) for variant in found[name]["variants"]]
        for name in found
    }


def all_of(root: Path) -> dict[str, Any]:
    for name in ABLATIONS:
        ablate(root, name, ahead=True)
    return seeds(root)


def test_what_fits_is_trained_and_the_rest_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fits: dict[str, int] = {"first": 3, "second": 0}
    monkeypatch.setattr(
        budget.Spending,
        "_fitting",
        lambda self, left, states, before: [state.with_seeds(fits[state.name]) for state in states],  # noqa: ARG005
    )
    why = "the budget of 1 h 0 min is used up"
    assert all_of(root) == {"first": [3, 3], "second": why}
    store, study = Store(root / ".runs"), load(root / "params.yaml")
    assert len(store.runs.keys()) == 6 and len(store.journal.sessions()) == 1
    planned = plan(study, store, root)
    assert planned.budget is not None and planned.budget.decided and planned.to_train == 0
    assert report(list(ABLATIONS), store, root)
    index, page = ((root / "reports" / f"{name}.html").read_text() for name in ("index", "first"))
    assert f"<strong>second</strong> was left out: {why}." in index
    assert "3 of 4 seeds were trained" in page and not (root / "reports/second.html").exists()
    assert not report(list(ABLATIONS), store, root)
    monkeypatch.chdir(root)
    capsys.readouterr()
    assert main(["show"]) == 0 and f"second was left out: {why}" in capsys.readouterr().out
    assert main(["plan"]) == 0
    assert "budget 1 h 0 min, " in (out := capsys.readouterr().out) and "left out: second" in out

    fits |= {"first": 4, "second": 2}
    assert all_of(root)["second"] == why, "what was decided stays"
    write_params(root, of("2 h"))
    before = store.runs.keys()
    assert all_of(root) == {"first": [4, 4], "second": [2, 2]}
    assert len(store.runs.keys() - before) == 2 + 2  # `plain` is the same in both
    report(list(ABLATIONS), store, root)
    assert "left out" not in (root / "reports/index.html").read_text()


def test_a_budget_that_is_large_enough_changes_nothing(root: Path) -> None:
    assert all_of(root) == {"first": [4, 4], "second": [4, 4]}
    with_budget = results(root)
    write_params(root, {**PARAMS, "ablations": ABLATIONS})
    assert all_of(root) == {"first": [4, 4], "second": [4, 4]} and results(root) == with_budget
