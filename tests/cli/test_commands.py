"""The command line where nothing trains: what it prints, and its exit status."""

import json
from pathlib import Path
from typing import Any

import pytest
from kit import SMALL

from pipeline.cli import commands as cli
from pipeline.cli.commands import main
from pipeline.cli.tables import roughly


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which is the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def write(path: Path, **changes: Any) -> None:
    ablation = {"question": "Which?", "variants": {"one": {}, "two": {"model": {"layers": [3]}}}}
    path.write_text(
        json.dumps({"base": SMALL, "ablations": {"first": ablation}, **changes}), encoding="utf-8"
    )


def test_a_valid_file_is_reported_as_valid(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here / "params.yaml")
    assert main(["check"]) == 0
    assert "nothing wrong" in capsys.readouterr().out


def test_faults_go_to_stderr_with_status_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here / "other.yaml", seedz=3)
    assert main(["check", "--params", "other.yaml"]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and "seedz" in printed.err and "seeds" in printed.err


@pytest.mark.parametrize(
    "command", [["check"], ["plan"], ["ablate", "first"], ["report"]], ids=lambda command: command[0]
)
def test_a_missing_file_is_the_users_to_fix(
    here: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(here.iterdir()) == []
    assert main(command) == 2
    assert "params.yaml" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_an_unknown_ablation_is_the_users_to_fix(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here / "params.yaml")
    assert main(["ablate", "frist"]) == 2
    assert "'frist'" in (printed := capsys.readouterr().err) and "first" in printed


def test_a_plan_is_printed_for_people_and_for_programs(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here / "params.yaml", seeds=3)
    assert main(["plan"]) == 0
    assert "first" in (table := capsys.readouterr().out) and "6 of 6 runs to train" in table
    assert main(["plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["to_train"], plan["ablations"][0]["ablation"]) == (6, "first")


def test_a_plan_breaks_no_name_in_a_narrow_terminal_and_shows_variants_in_a_wide_one(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, names = "learning_rate_finders", [f"variant_{number}" for number in range(20)]
    entry = {"question": "?", "variants": {variant: {} for variant in names}}
    write(here / "params.yaml", ablations={name: entry, "other": {**entry, "dataset": "fashion_mnist"}})
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["plan"]) == 0
    narrow = capsys.readouterr().out
    assert all(word in narrow for word in (name, "fashion_mnist", "replicates")) and "variant_1" not in narrow
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["plan"]) == 0
    wide = capsys.readouterr().out
    assert all(word in wide for word in (name, *names))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3000, "50 min"), (9000, "2.5 h")]
)
def test_an_estimate_has_few_digits(seconds: float, words: str) -> None:
    assert roughly(seconds) == words


def test_an_interruption_reports_that_finished_runs_are_kept(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    write(here / "params.yaml")
    monkeypatch.setattr(cli, "_study", interrupt)
    assert main(["check"]) == 130
    assert "dvc repro" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["no-such-command"], ["ablate"], ["check", "--no-such-option"]], ids=str
)
def test_misuse_ends_with_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
