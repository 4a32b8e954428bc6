"""Verdicts for tables that anything may have written: faults by line, exit status, looks, data sets, a page."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.cli.commands import main
from pipeline.core.errors import UserError
from pipeline.report.judged_table import Question, judge

EFFECTS = {"plain": 0.0, "better": 0.02, "worse": -0.02, "alike": 0.0001}


def table(
    path: Path, names: list[str], seeds: int = 6, datasets: tuple[str, ...] = (), spread: float = 0.002
) -> Path:
    """Write a table of accuracies with these variants."""
    random = np.random.default_rng(7)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["variant", "seed", "accuracy", *(["dataset"] if datasets else [])])
        for dataset in datasets or ("",):
            luck = random.normal(0.9, 0.01, seeds)
            for name in names:
                for seed in range(seeds):
                    value = luck[seed] + EFFECTS[name] + random.normal(0, spread)
                    writer.writerow([name, seed, f"{value:.6f}", *([dataset] if dataset else [])])
    return path


def lines(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def call(path: Path, *options: str) -> int:
    return main(["judge", str(path), "--baseline", "plain", *options])


@pytest.mark.parametrize(
    ("names", "options", "status"),
    [
        (["plain", "better"], [], 0),
        (["plain", "alike"], ["--margin", "2"], 0),
        (["plain", "better", "alike"], [], 4),
        (["plain", "better", "worse"], [], 3),
        (["plain", "better"], ["--lower-is-better"], 3),
    ],
)
def test_the_exit_status_is_the_verdict(
    tmp_path: Path, names: list[str], options: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(table(tmp_path / "runs.csv", names), *options) == status
    assert "runs, over 6 seeds" in capsys.readouterr().out


def test_json_and_page_say_what_a_study_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "runs.csv", ["plain", "better", "worse"])
    assert call(path, "--json", "--html", str(tmp_path / "page.html"), "--margin", "0.2") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["verdicts"] == {"better": "better", "worse": "worse"}
    comparison = found["datasets"]["runs"]["variants"][0]["comparison"]
    assert comparison["verdict"] == "better" and comparison["difference"]["low"] > 0
    assert found["datasets"]["runs"]["margin"] == pytest.approx(0.002)
    page = (tmp_path / "page.html").read_text()
    assert "better is better than plain" in page and "How verdicts are reached" in page


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("variant,accuracy\nplain,0.9\n", ["lacks the column 'seed'; it has variant, accuracy"]),
        ("variant,seed,accuracy\n", ["has no rows"]),
        (
            "variant,seed,accuracy\nplain,0,0.9\nplain,0,0.8\nplain,1,0.8\nb,0,0.9\nb,1,0.9\n",
            ["lines 2, 3: plain has seed 0 more than once"],
        ),
        (
            "variant,seed,accuracy\nplain,0,0.9\nplain,1,good\nplain,2,inf\nb,x,0.9\nb,1,0.9\n",
            [
                "line 3: accuracy must be a number; got 'good'",
                "line 4: accuracy",
                "line 5: seed must be a whole number",
            ],
        ),
        (
            "variant,seed,accuracy\nplain,0,0.9\nplain,1,\nb,0,0.9\nb,1,nan\n",
            ["line 3, 5: accuracy is missing"],
        ),
        (
            "variant,seed,accuracy\nplian,0,0.9\nplian,1,0.9\nb,0,0.9\nb,1,0.9\n",
            ["there is no variant 'plain', the baseline; there are plian, b. Did you mean 'plian'?"],
        ),
        (
            "variant,seed,accuracy\nplain,0,0.9\nplain,1,0.9\nplain,2,0.9\nb,0,0.9\nb,1,0.9\nc,0,0.9\n",
            ["b and plain do not share the seeds 2", "c has one seed"],
        ),
        ("variant,seed,accuracy\nplain,0,0.9\nplain,1,0.8\n", ["there is nothing to compare with plain"]),
    ],
)
def test_faults_say_where(
    tmp_path: Path, text: str, faults: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(lines(tmp_path / "runs.csv", text)) == 2
    told = capsys.readouterr().err
    assert all(fault in told for fault in faults), told


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        judge(tmp_path / "absent.csv", Question("plain"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00variant")
    with pytest.raises(UserError, match="is not a CSV file"):
        judge(tmp_path / "binary.csv", Question("plain"))


def test_of_several_metrics_one_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "variant,seed,loss,f1\nplain,0,1,0.5\nplain,1,1.1,0.4\nb,0,0.2,0.9\nb,1,0.31,0.8\n"
    path = lines(tmp_path / "runs.csv", text)
    assert call(path) == 2 and "which of the columns loss, f1" in capsys.readouterr().err
    assert call(path, "--metric", "los") == 2 and "Did you mean 'loss'?" in capsys.readouterr().err
    assert call(path, "--metric", "loss", "--lower-is-better") in (0, 4)


def test_seeds_of_their_own_are_compared_by_welch(tmp_path: Path) -> None:
    rows = [f"plain,{seed},{0.5 + 0.001 * seed}" for seed in range(5)]
    rows += [f"b,{seed},{0.7 + 0.001 * seed}" for seed in range(10, 15)]
    path = lines(tmp_path / "runs.csv", "\n".join(["variant,seed,f1", *rows]))
    assert judge(path, Question("plain")).verdicts == {"b": "better"}


def test_looks_share_the_level(tmp_path: Path) -> None:
    path = table(tmp_path / "runs.csv", ["plain", "better", "alike"], seeds=20)
    judged = judge(path, Question("plain", looks=(5, 10, 20)))
    (findings,) = judged.findings.values()
    looks = {row.variant.name: row.comparison.looks for row in findings.rows if row.comparison}
    assert len(looks["better"]) == 1 and looks["better"][0].seeds == 5
    assert looks["better"][0].level < 0.05 / 2


def test_looking_at_any_time_takes_more_evidence(tmp_path: Path) -> None:
    path = table(tmp_path / "runs.csv", ["plain", "better"], seeds=12, spread=0.012)
    planned, anytime = (judge(path, Question("plain", anytime=any_time)) for any_time in (False, True))
    assert planned.verdicts == {"better": "better"}
    (findings,) = anytime.findings.values()
    comparison = findings.row("better").comparison
    assert comparison is not None and (comparison.level or 0) < 0.05
    assert call(table(tmp_path / "clear.csv", ["plain", "better"], seeds=12), "--anytime") == 0


def test_data_sets_are_judged_apart_and_across(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = table(tmp_path / "runs.csv", ["plain", "better"], datasets=("a", "b", "c", "d"))
    assert call(path, "--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert set(found["datasets"]) == {"a", "b", "c", "d"} and found["across"]["better"]["n"] == 4
    two = table(tmp_path / "two.csv", ["plain", "better"], datasets=("a", "b"))
    assert call(two) == 4 and "fewer than three allow no verdict" in capsys.readouterr().out
