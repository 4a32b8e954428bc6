"""How long phases took, and what caching saved, from the times of runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.report import phases
from pipeline.report.styles import assign
from pipeline.result_files.read import read
from pipeline.result_files.schema import Ablation
from pipeline.runs.records import Timing

from . import made_up

FIRST, HEAD = {"name": "digits 0 to 4"}, {"name": "head only", "trainable": "head", "cache_features": False}
CACHED = {**HEAD, "cache_features": True}
TOP = {"name": "top", "trainable": {"top": 2, "only": None}}
TOOK = {"scratch": (3.0,), "frozen": (6.0, 4.0), "cached": (5.0, 1.25), "unfrozen": (6.0, 4.0, 2.0)}


def phased(name: str, *listed: dict[str, Any], **more: Any) -> dict[str, Any]:
    return made_up.variant(name, recipe={**made_up.BASE, "phases": list(listed), **more})


def ablation(
    folder: Path, variants: Sequence[dict[str, Any]], took: dict[str, Any] | None = None
) -> Ablation:
    """Return an ablation whose runs took what `TOOK` says, half and one and a half times as long in turn."""
    raw = made_up.ablation("phased", list(variants))
    given = TOOK if took is None else took
    known = {
        run["run_key"]: Timing(
            sum(given[variant["name"]]), tuple(s * (0.5, 1.5)[place % 2] for s in given[variant["name"]])
        )
        for variant in raw["variants"]
        for place, run in enumerate(variant["replicates"][:4])
        if variant["name"] in given
    }
    made_up.write(folder, [raw])
    return read(folder, "phased", lambda keys: {key: known[key] for key in keys if key in known})


VARIANTS = [
    made_up.variant("scratch"),
    phased("frozen", FIRST, HEAD),
    phased("cached", FIRST, CACHED),
    phased("unfrozen", FIRST, HEAD, TOP),
]


def test_each_phase_has_its_mean_seconds_and_what_trains(tmp_path: Path) -> None:
    found = ablation(tmp_path, VARIANTS)
    table = phases.table(found, assign([found]))
    assert table is not None
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["scratch", "the whole training", "all", "3"],
        ["frozen", "digits 0 to 4", "all", "6"],
        ["frozen", "head only", "head", "4"],
        ["cached", "digits 0 to 4", "all", "5"],
        ["cached", "head only", "head, the rest cached", "1.25"],
        ["unfrozen", "digits 0 to 4", "all", "6"],
        ["unfrozen", "head only", "head", "4"],
        ["unfrozen", "top", "top 2", "2"],
    ]


def test_what_caching_saved_is_said_of_variants_that_differ_in_nothing_else(tmp_path: Path) -> None:
    said = phases.savings(ablation(tmp_path, VARIANTS))
    assert said == (
        "With the frozen layers' outputs cached, “head only” took 1.25 s instead of 4 s, 3.2 times as fast "
        "(cached against frozen)."
    )
    other = phased("frozen", FIRST, HEAD, optimizer={"name": "Adam", "learning_rate": 0.5})
    assert phases.savings(ablation(tmp_path / "other", [VARIANTS[0], other, VARIANTS[2]])) == ""


@pytest.mark.parametrize("took", [{}, {**TOOK, "cached": (5.0,)}], ids=["not timed", "ended early"])
def test_nothing_is_said_of_phases_that_were_not_timed(tmp_path: Path, took: dict[str, Any]) -> None:
    found = ablation(tmp_path, VARIANTS, took)
    table = phases.table(found, assign([found]))
    assert table is not None and "cached" not in [row[0].text for row in table.rows]
    assert phases.savings(found) == ""


def test_without_phases_there_is_no_table(tmp_path: Path) -> None:
    found = ablation(tmp_path, VARIANTS[:1])
    assert phases.table(found, assign([found])) is None and phases.savings(found) == ""
