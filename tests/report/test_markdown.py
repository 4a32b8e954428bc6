"""The report as Markdown: a table that GitHub shows, with text that stays text."""

from pathlib import Path

from pipeline.report.context import History
from pipeline.report.findings import find
from pipeline.report.history import change
from pipeline.report.markdown import markdown
from pipeline.result_files.read import read

from . import made_up
from .conftest import Built


def test_every_ablation_has_a_line_and_a_table(built: Built) -> None:
    study = [find(read(built.results, name)) for name in built.names]
    text = markdown(study, None)
    for found in study:
        assert f"| {found.ablation.name} | " in text
    assert text.count("<details>") == text.count("</details>") == len(study)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in table)
    assert "<script>" not in text


def test_what_moved_is_told(tmp_path: Path) -> None:
    names = made_up.write(tmp_path, [made_up.lone()])
    study = [find(read(tmp_path, name)) for name in names]
    told = markdown(study, change(study, History((), {"gone": {"variants": {}}})))
    assert "Ablations gone: gone." in told and "- **lone**: New." in told
