"""The page of an ablation on several data sets."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.across import groups, table
from pipeline.report.findings import find
from pipeline.report.site import build, page_files
from pipeline.report.styles import assign
from pipeline.result_files.schema import Ablation
from pipeline.stats.across import across

from .made_up import ablation, variant


def on(dataset: str, means: tuple[float, ...], **more: Any) -> dict[str, Any]:
    variants = [variant(f"{name}", mean) for name, mean in zip(("plain", "a", "b"), means, strict=False)]
    return {**ablation(f"width@{dataset}", variants), "dataset": dataset, **more}


THREE = [on("one", (0.90, 0.93, 0.90)), on("two", (0.80, 0.84, 0.79)), on("three", (0.70, 0.735, 0.72))]


def test_the_answer_is_students_over_the_differences() -> None:
    study = [find(Ablation.from_json(raw)) for raw in THREE]
    (group,) = groups(study)
    differences = {
        name: [found.row(name).difference.mean for found in study]  # type: ignore[union-attr]
        for name in ("a", "b")
    }
    assert group.answers == across(differences, study[0].margin)
    assert group.answers["a"].verdict == "better"
    assert (
        group.sentences[0] == "Across 3 data sets, 1 of the 2 variants is better than plain in accuracy: a."
    )
    assert group.sentences[1].startswith("a is better than plain: +")
    shown = table(group, assign([found.ablation for found in study]))
    assert [column.title for column in shown.columns][-3:] == ["one", "two", "three"]
    assert [row[3].text for row in shown.rows] == ["better", "inconclusive"]


def test_two_data_sets_and_other_metrics_allow_no_verdict() -> None:
    two = [find(Ablation.from_json(raw)) for raw in THREE[:2]]
    (group,) = groups(two)
    assert group.sentences == ["2 data sets allow no verdict across them: 3 are needed at least."]
    other = replace(two[1], measure=replace(two[1].measure, metric="loss"))
    (group,) = groups([two[0], other])
    assert not group.answers and "measured by different metrics" in group.sentences[0]


def test_its_page_is_written_and_removed_again(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    for raw in THREE:
        folder = results / "width" / raw["dataset"]
        folder.mkdir(parents=True)
        (folder / "ablation.json").write_text(json.dumps(raw), encoding="utf-8")
    names = [raw["name"] for raw in THREE]
    build(results, reports, names)
    page = (reports / "width.html").read_text(encoding="utf-8")
    assert "Across 3 data sets" in page and 'href="width@two.html"' in page
    assert "width.html" in page_files(names)
    assert 'href="width.html"' in (reports / "width@one.html").read_text(encoding="utf-8")
    assert 'href="width.html"' in (reports / "index.html").read_text(encoding="utf-8")
    (results / "alone").mkdir()
    (results / "alone" / "ablation.json").write_text(
        json.dumps({**THREE[0], "name": "alone"}), encoding="utf-8"
    )
    build(results, reports, ["alone"])
    assert not (reports / "width.html").exists() and not (reports / "width@one.html").exists()


@pytest.mark.parametrize("count", [1, 3])
def test_one_data_set_of_which_results_are_there_says_nothing(count: int) -> None:
    study = [find(Ablation.from_json(raw)) for raw in THREE[:count]]
    (group,) = groups(study)
    assert (len(group.sentences) == 1) == (count == 1)
