"""In how many epochs variants reach a target: counted by hand, compared with the baseline, shown on the page."""

from pathlib import Path
from typing import Any

from pipeline.report.findings import find
from pipeline.report.sections import page_sections
from pipeline.report.styles import assign
from pipeline.report.targets import heading, table
from pipeline.result_files.read import read
from pipeline.result_files.schema import Ablation

from . import made_up

CURVES = {
    "slow": [[0.5, 0.8, 0.9, 0.95], [0.5, 0.7, 0.9, 0.95], [0.5, 0.8, 0.89, 0.95]],
    "fast": [[0.9, 0.8, 0.9, 0.95], [0.91, 0.7, 0.9, 0.95], [0.5, 0.95, 0.9, 0.96]],
    "never": [[0.5, 0.6, 0.7, 0.8]] * 3,
}


def ablation(folder: Path, target: dict[str, float], curves: dict[str, Any] = CURVES) -> Ablation:
    made = [made_up.variant(name, seeds=len(replicates)) for name, replicates in curves.items()]
    for variant, replicates in zip(made, curves.values(), strict=True):
        for run, curve in zip(variant["replicates"], replicates, strict=True):
            run["curves"] = {"val_accuracy": curve, "val_loss": [1 - value for value in curve]}
    made_up.write(folder, [made_up.ablation("one", made, target=target)])
    return read(folder, "one")


def cells(ablation: Ablation) -> list[list[str]]:
    shown = table(ablation, assign([ablation]))
    return [] if shown is None else [[cell.text for cell in row] for row in shown.rows]


def test_the_first_epoch_at_or_beyond_the_target_counts(tmp_path: Path) -> None:
    slow, fast, never = cells(ablation(tmp_path, {"val_accuracy": 0.9}))
    assert slow[:2] == ["slow", "3 of 3"] and slow[2].startswith("3.3 ± ") and slow[4] == "baseline"
    assert fast[:2] == ["fast", "3 of 3"] and fast[2].startswith("1.3 ± ") and fast[3] == "−2.0"
    assert never == ["never", "0 of 3", "–", "–", "inconclusive"]


def test_a_loss_is_reached_from_above_and_fewer_epochs_are_better(tmp_path: Path) -> None:
    shown = ablation(
        tmp_path, {"val_loss": 0.1}, {"slow": [[0.5] * 7 + [0.95]] * 6, "fast": [[0.5, 0.95]] * 6}
    )
    assert cells(shown)[1] == ["fast", "6 of 6", "2.0 ± 0.0", "−6.0", "better"]
    assert heading(shown) == "Epochs until validation loss reaches 0.1000"


def test_nothing_is_shown_where_no_target_is_set_or_reached(tmp_path: Path) -> None:
    assert cells(ablation(tmp_path, {})) == []
    assert cells(ablation(tmp_path, {"val_accuracy": 0.99})) == []
    assert cells(ablation(tmp_path, {"accuracy": 0.5})) == []


def test_the_table_is_below_the_learning_curves(tmp_path: Path) -> None:
    shown = ablation(tmp_path, {"val_accuracy": 0.9})
    (curves,) = [s for s in page_sections(find(shown), assign([shown])) if s.key == "curves"]
    assert curves.shown_tables[0][0] == "Epochs until validation accuracy (%) reaches 90.00"
    assert "margin of one epoch" in curves.note
