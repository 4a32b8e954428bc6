"""The same numbers in the terminal and as frames."""

from pathlib import Path

import pytest

import pipeline
from pipeline.cli.show import show
from pipeline.core.errors import UserError
from pipeline.report.findings import find

from . import made_up
from .conftest import Built


def test_rankings_in_the_terminal_are_those_of_the_pages(
    built: Built, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    for name in built.names:
        show(built.results, [name])
        shown = capsys.readouterr().out
        found = find(built.ablation(name))
        assert f"{name}:" in shown
        for row in found.rows:
            lines = [line for line in shown.splitlines() if row.variant.name in line]
            assert any(found.measure.interval(row.difference) in line for line in lines), row.variant.name
            assert any((row.comparison.verdict if row.comparison else "baseline") in line for line in lines)


def test_published_figures_are_shown_beside_ours(
    built: Built, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    show(built.results, ["activations"])
    shown = capsys.readouterr().out
    assert (
        "selu, validation accuracy (%): published 89.11, ours 96.72, differs. Ours is higher by 7.61 points"
        in shown
    )
    assert "gelu, test accuracy (%): published 98.10, ours" in shown


def test_the_terminal_says_how_long_runs_trained(built: Built, capsys: pytest.CaptureFixture[str]) -> None:
    show(built.results, ["lone"])
    assert "2 replicates." in (untimed := capsys.readouterr().out) and "of training" not in untimed
    show(built.results, ["lone"], made_up.times)
    assert "of training" in capsys.readouterr().out


def test_results_as_frames(built: Built) -> None:
    name = built.names[0]
    frames = pipeline.results(name, built.results)
    ablation = built.ablation(name)
    assert len(frames.runs) == sum(len(variant.replicates) for variant in ablation.variants)
    assert set(frames.runs["variant"]) == {variant.name for variant in ablation.variants}
    assert {"epoch", "val_loss"} <= set(frames.curves.columns)
    assert len(frames.trials) == sum(len(variant.trials) for variant in ablation.variants)


def test_results_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="activations"):
        pipeline.results("activations", tmp_path)
