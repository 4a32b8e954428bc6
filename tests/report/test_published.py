"""Published values on a page: which agree, what is reported of those that do not, and where they are drawn."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.report.figures.published import published_charts, published_rows
from pipeline.report.published import PublishedComparison, as_json, published_comparisons, sentence
from pipeline.report.styles import assign
from pipeline.result_files.read import read

from . import made_up
from .conftest import Built


def compared(folder: Path, reference: dict[str, Any], **more: Any) -> PublishedComparison:
    made = made_up.variant("a", **{"mean": 0.9, **more})
    for run, accuracy in zip(made["replicates"], (0.899, 0.9, 0.901, 0.9, 0.9), strict=False):
        run["metrics"]["val_accuracy"] = accuracy
        run["curves"]["val_accuracy"] = [0.5, 0.93, 0.6, accuracy]
        run["best_epoch"] = run["epochs"] = 4
    made_up.write(folder, [made_up.ablation("one", [{**made, "reference": reference}])])
    (comparison,) = published_comparisons(read(folder, "one"))
    return comparison


def test_a_value_within_reach_of_one_more_run_agrees(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {"val_accuracy": 0.9012, "note": "Not asked for"})
    assert comparison.word == "agrees"
    assert sentence(comparison) == "A run of ours could have produced it."


def test_where_it_differs_the_gap_the_authors_note_and_the_epoch_that_fits_are_reported(
    tmp_path: Path,
) -> None:
    comparison = compared(tmp_path, {"val_accuracy": 0.93, "decimals": 4, "note": "Trained on 60,000 images"})
    assert comparison.word == "differs"
    assert sentence(comparison) == (
        "Ours is lower by 3.00 points, worse. Trained on 60,000 images. "
        "At its best epoch ours reaches 93.00 %, which would agree: the published value may be a best one."
    )


def test_restored_weights_are_compared_with_the_last_epoch(tmp_path: Path) -> None:
    made = made_up.variant("a")
    for run in made["replicates"]:
        run["curves"]["val_loss"] = [0.3, 0.9, 1.0 + 0.001 * run["seed"]]
        run["metrics"]["val_loss"], run["best_epoch"], run["epochs"] = 0.3 + 0.001 * run["seed"], 1, 3
    made_up.write(tmp_path, [made_up.ablation("one", [{**made, "reference": {"val_loss": 1.002}}])])
    (comparison,) = published_comparisons(read(tmp_path, "one"))
    assert "lower by 0.7000, better. Ours is that of the epoch whose weights were restored" in sentence(
        comparison
    )


def test_training_values_are_explained_where_dropout_is_on(tmp_path: Path) -> None:
    dropped = {**made_up.BASE, "regularisation": {"dropout": {"name": "AlphaDropout", "rate": 0.2}}}
    comparison = compared(tmp_path, {"accuracy": 0.2}, recipe=dropped)
    assert "while training, with dropout on" in sentence(comparison)


@pytest.mark.parametrize(("seeds", "word"), [(1, "unknown"), (0, "unknown"), (2, "differs")])
def test_too_few_replicates_say_so(tmp_path: Path, seeds: int, word: str) -> None:
    comparison = compared(tmp_path, {"val_accuracy": 0.2}, seeds=seeds)
    assert comparison.word == word


def test_a_metric_that_no_run_measured_is_no_agreement(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {"test_perplexity": 3.0})
    assert (comparison.agreement, comparison.word) == (None, "unknown")
    assert as_json(comparison)["agrees"] is None


def test_the_page_the_exports_and_the_figure_hold_every_value(built: Built) -> None:
    ablation = built.ablation("activations")
    comparisons = published_comparisons(ablation)
    assert [(comparison.variant.name, comparison.metric) for comparison in comparisons] == [
        ("selu", "val_accuracy"),
        ("selu", "val_loss"),
        ("gelu", "test_accuracy"),
    ]
    page = built.page("activations")
    assert "It trained for fewer epochs." in page and "&lt; 0.5000" in page and "89.11" in page
    styles = assign([ablation])
    charts = published_charts(comparisons, styles)
    assert [chart.key for chart in charts] == [
        "published-val-accuracy",
        "published-val-loss",
        "published-test-accuracy",
    ]
    (row,) = published_rows(comparisons[:1], styles)
    assert row.published == pytest.approx(89.11) and row.word == "differs"
    assert len(row.values) == 5 and row.estimate.ends is not None and row.estimate.ends[0] < row.estimate.mean


def test_a_study_without_published_values_has_no_such_section(built: Built) -> None:
    assert "Published values" not in built.page("ladder")
