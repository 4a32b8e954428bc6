"""The benchmark of the report measures what it says."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report import Case, holds, main, make_study, markdown, session_of

CASE = Case(100, 10_000, 40.0, 60.0, 0.4, 900.0, 380.0)


def test_a_study_has_the_runs_that_were_promised_and_each_has_a_time(tmp_path: Path) -> None:
    assert make_study(tmp_path, 2) == 2 * 20 * 5
    runs = list((tmp_path / ".runs").glob("*/run.json"))
    assert len(runs) == 2 * 20 * (5 + 6)
    assert all(json.loads(path.read_text(encoding="utf-8"))["seconds"] > 0 for path in runs)


@pytest.mark.parametrize(
    ("seconds", "megabytes", "kept"), [(60.0, 1536.0, True), (60.1, 1, False), (1, 1537, False)]
)
def test_limits_of_time_and_memory(seconds: float, megabytes: float, kept: bool) -> None:
    assert holds(replace(CASE, seconds=seconds, peak_mb=megabytes)) is kept


def test_the_table_has_a_row_a_study() -> None:
    lines = markdown([CASE, replace(CASE, ablations=50)]).splitlines()
    assert lines[2] == "| 100 | 10,000 | 40 | 0.40 | 60 | 0.4 | 900 | 380 |"
    assert len({line.count("|") for line in lines}) == 1 and len(lines) == 4


def test_a_process_is_found_in_its_session() -> None:
    seconds, megabytes = session_of(os.getsid(0))[os.getpid()]
    assert seconds > 0 and megabytes > 20


def test_a_small_study_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "VARIANTS", 2)
    document = tmp_path / "document.md"
    document.write_text("<!-- report:begin -->\nold\n<!-- report:end -->\n", encoding="utf-8")
    status = main(["--json", "--ablations", "1", "--write", str(document)])
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert status == (0 if found["holds"] else 1)
    assert found["replicates"] == 10
    assert 0 < found["idle_seconds"] < found["seconds"] and found["peak_mb"] > 50
    assert "| 1 | 10 |" in document.read_text(encoding="utf-8")
