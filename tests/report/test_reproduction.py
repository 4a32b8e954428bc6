"""The studies next to their documents: the table has every published value, and its numbers come from results."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import reproduction
from pipeline.report.values import value_of

from . import made_up

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reproduction.md"


def shown(text: str) -> list[tuple[str, str, str, str]]:
    """Return study, ablation, variant and figure of every row of the tables in a document."""
    found, study = [], ""
    for line in text.splitlines():
        if line.startswith("### "):
            study = line.removeprefix("### ")
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if study and line.startswith("| ") and cells[0] not in ("ablation", "---"):
            found.append((study, cells[0], cells[1], cells[2].removesuffix(" (%)")))
    return found


def test_the_document_has_a_row_for_every_reference_of_the_studies() -> None:
    wanted = [
        (*place, value_of(name).title)
        for *place, name, _ in reproduction.published_values(reproduction.STUDIES)
    ]
    assert len(wanted) > 40
    assert shown(DOCUMENT.read_text(encoding="utf-8")) == wanted


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """A folder of one study whose two variants have published values, one of its ablations finished."""
    figures = {
        "one": {"test_accuracy": 0.97, "decimals": 2, "parameters": 6570, "note": "Seeds raised to 5"},
        "two": {"val_loss": {"below": 0.001}},
    }
    variants: dict[str, Any] = {name: {"reference": reference} for name, reference in figures.items()}
    ablation = {"question": "Which?", "variants": variants}
    base = {"model": {"layers": [4]}, "optimizer": {"name": "sgd"}, "training": {"epochs": 1}}
    folder = tmp_path / "mine"
    folder.mkdir()
    params = {"base": base, "ablations": {"done": ablation, "open": ablation}}
    (folder / "params.yaml").write_text(json.dumps(params), encoding="utf-8")
    made = [made_up.variant(name, 0.97, reference=figures[name]) for name in figures]
    made_up.write(folder / "results", [made_up.ablation("done", made)])
    return tmp_path


def test_what_has_run_is_compared_and_what_has_not_says_so(studies: Path) -> None:
    rows = reproduction.rows(studies)
    assert [(row.ablation, row.variant, row.name, row.word) for row in rows] == [
        ("done", "one", "test_accuracy", "compatible, not tested"),
        ("done", "one", "parameters", "agrees"),
        ("done", "two", "val_loss", "differs"),
        ("open", "one", "test_accuracy", "not run"),
        ("open", "one", "parameters", "not run"),
        ("open", "two", "val_loss", "not run"),
    ]
    summary = reproduction.summary(rows)
    assert summary.startswith("Of 6 published values, 2 were tested: 1 agree, 1 differ.")
    assert "Of the rest, 1 are compatible, but not tested, as our own runs differ too much" in summary
    assert summary.endswith("and 3 have not been run.")


def test_results_of_another_figure_are_not_taken_for_this_one(studies: Path) -> None:
    path = studies / "mine" / "params.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("0.97", "0.91"), encoding="utf-8")
    assert reproduction.rows(studies)[0].word == "not run"


def test_the_tables_are_written_between_markers(studies: Path, tmp_path: Path) -> None:
    document = tmp_path / "document.md"
    markers = [
        f"<!-- {name}:{end} -->"
        for name in ("reproduction", "reproduction-summary")
        for end in ("begin", "end")
    ]
    document.write_text("\n".join(["before", *markers, "after"]), encoding="utf-8")
    assert reproduction.main(["--studies", str(studies), "--write", str(document)]) == 0
    text = document.read_text(encoding="utf-8")
    assert shown(text) == [
        ("mine", ablation, *value)
        for ablation in ("done", "open")
        for value in (("one", "test accuracy"), ("one", "parameters"), ("two", "validation loss"))
    ]
    row = next(line for line in text.splitlines() if line.startswith("| done | one |"))
    mean = re.findall(r"\d\d\.\d\d", row)[0]
    assert float(mean) == pytest.approx(97, abs=0.5)
    assert "| open | one | test accuracy (%) | 97 | – |" in text
    assert (
        "| done | one | parameters | 6570 | 6570 | 6570 – 6570 | 5 | 6570 – 6570 | agrees | Seeds raised to 5 |"
        in text
    )
    assert "< 0.001" in text and "worse than any such run" in text


def test_each_figure_is_a_line_of_json(studies: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reproduction.main(["--studies", str(studies), "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["word"] for line in lines[:3]] == ["compatible, not tested", "agrees", "differs"]
    assert {line["word"] for line in lines[3:]} == {"not run"}
    assert lines[0]["published"] == 0.97 and lines[0]["n"] == 5
