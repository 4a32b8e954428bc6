"""Published values on a page: which agree, what is reported of those that do not, and where they are drawn."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.params.types.reference import DIAGNOSED, NAMES
from pipeline.report.figures.published import published_charts, published_rows
from pipeline.report.published import PublishedComparison, as_json, published_comparisons, sentence
from pipeline.report.styles import assign
from pipeline.report.values import value_of
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
    comparison = compared(tmp_path, {"val_accuracy": 0.9012, "note": "Seeds were raised from 3 to 5"})
    assert comparison.word == "agrees"
    assert sentence(comparison) == "A run of ours could have produced it. Seeds were raised from 3 to 5."


def test_where_it_differs_the_gap_and_the_authors_note_are_reported_and_nothing_is_guessed(
    tmp_path: Path,
) -> None:
    comparison = compared(tmp_path, {"val_accuracy": 0.93, "decimals": 4, "note": "Trained on 60,000 images"})
    assert comparison.word == "differs"
    assert sentence(comparison) == "Ours is lower by 3.00 points, worse. Trained on 60,000 images."


def test_where_our_runs_differ_widely_agreement_is_no_test(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {"test_accuracy": 0.97}, mean=0.97)
    assert comparison.agreement is not None and comparison.agreement.agrees
    assert comparison.word == "compatible, not tested"
    assert sentence(comparison) == "Our runs differ so much that hardly any value could disagree."
    assert as_json(comparison)["tested"] is False


PHASED = {
    **made_up.BASE,
    "phases": [{"name": "head only", "training": {"epochs": 3}}, {"training": {"epochs": 1}}],
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("best.val_accuracy", [0.93] * 5),
        ("best_epoch.val_accuracy", [2] * 5),
        ("phases.head only.val_accuracy", [0.6] * 5),
        ("phases.phase 2.val_accuracy", [0.899, 0.9, 0.901, 0.9, 0.9]),
        ("phases.other.val_accuracy", []),
        ("parameters", [6570] * 5),
        ("trainable_parameters", [6000] * 5),
        ("non_trainable_parameters", [570] * 5),
    ],
)
def test_values_other_than_metrics_are_read_from_results(
    tmp_path: Path, name: str, expected: list[float]
) -> None:
    comparison = compared(tmp_path, {name: 0.9}, recipe=PHASED, trainable_parameters=6000)
    assert comparison.values == expected


def test_a_phase_that_may_stop_early_has_no_known_end(tmp_path: Path) -> None:
    early = {"training": {"epochs": 3, "early_stopping": {"patience": 1}}}
    recipe = {**made_up.BASE, "phases": [{"name": "first", **early}, {"name": "second"}]}
    assert compared(tmp_path, {"phases.first.val_accuracy": 0.9}, recipe=recipe).values == []


def ratio(folder: Path, published: Any, errors: dict[str, list[float]]) -> PublishedComparison:
    """Return the comparison of the last variant's error ratio; `errors` are those of each variant's replicates."""
    made = [made_up.variant(name, seeds=len(values)) for name, values in errors.items()]
    for entry, values in zip(made, errors.values(), strict=True):
        for run, error in zip(entry["replicates"], values, strict=True):
            run["metrics"]["test_accuracy"] = 1 - error
    made[-1]["reference"] = {"error_ratio": published}
    made_up.write(folder, [made_up.ablation("one", made)])
    (comparison,) = published_comparisons(read(folder, "one"))
    return comparison


SCRATCH = [0.020, 0.022, 0.018, 0.021, 0.019, 0.020, 0.023, 0.017, 0.020, 0.021]


def test_an_error_ratio_is_paired_and_says_when_the_published_one_is_unusual(tmp_path: Path) -> None:
    factors = [1.1, 3.2, 1.4, 2.4, 0.9, 1.7, 2.9, 1.0, 1.5, 1.3]
    reused = [error / factor for error, factor in zip(SCRATCH, factors, strict=True)]
    comparison = ratio(tmp_path, {"value": 3.93, "decimals": 2}, {"scratch": SCRATCH, "reused": reused})
    assert comparison.values == pytest.approx(factors)
    assert comparison.word == "compatible, not tested"
    assert "But over 10 seeds the error is 1.59 [" in sentence(comparison)
    assert "times smaller: the published ratio is that of an unusual run." in sentence(comparison)


def test_an_error_ratio_that_our_runs_never_come_near_differs(tmp_path: Path) -> None:
    reused = [error / 1.6 for error in SCRATCH]
    comparison = ratio(tmp_path, 3.93, {"scratch": SCRATCH, "reused": reused})
    assert (comparison.word, sentence(comparison)) == ("differs", "Ours is lower by 2.33, worse.")


def test_an_error_ratio_may_be_against_another_variant_and_needs_errors(tmp_path: Path) -> None:
    errors = {"scratch": SCRATCH, "frozen": [2 * error for error in SCRATCH], "reused": SCRATCH}
    against = ratio(tmp_path, {"value": 2.0, "against": "frozen"}, errors)
    assert against.values == pytest.approx([2.0] * 10) and against.word == "agrees"
    none_left = ratio(tmp_path, 2.0, {"scratch": SCRATCH, "reused": [0.0, *SCRATCH[1:]]})
    assert (none_left.values, none_left.word) == ([], "unknown")


def test_every_name_of_a_params_file_has_a_reader_and_a_title(tmp_path: Path) -> None:
    titles = [value_of(name).title for name in NAMES]
    assert len(set(titles)) == len(titles)
    for name in NAMES:
        assert "_" not in value_of(name).title
        compared(tmp_path, {name: 0.9})


def test_values_that_diagnostics_measured(tmp_path: Path) -> None:
    folder, diagnosed = tmp_path / "one", made_up.variant("a", seeds=2)
    names = [name for kind in DIAGNOSED.values() for name in kind]
    diagnosed["reference"] = dict.fromkeys(names, 0.9)
    made_up.write(tmp_path, [made_up.ablation("one", [diagnosed])])
    depth = [0, 1, *range(10, 101, 10)]
    curve = [1.0, 9.9, *(0.8 + 0.02 * place for place in range(10))]
    outcomes = {
        "training_set": [
            {"seed": 0, "accuracy": 0.8, "loss": 0.5},
            {"seed": 1, "accuracy": 0.9, "loss": 0.4},
        ],
        "propagation": [
            {"seed": 0, "depth": depth, "mean": curve, "deviation": curve},
            {"seed": 1, "depth": depth, "mean": curve, "deviation": [None] * len(depth)},
        ],
    }
    finder = [{"variant": "a", "seed": 7, "nan_rate": 3.0}, {"variant": "b", "seed": 7, "nan_rate": 4.0}]
    evaluation = {kind: [{"variant": "a", "replicates": entries}] for kind, entries in outcomes.items()}
    (folder / "evaluation.json").write_text(json.dumps({**evaluation, "finder": finder}), encoding="utf-8")
    values = {
        comparison.name: comparison.values for comparison in published_comparisons(read(tmp_path, "one"))
    }
    assert values == {
        "training_set.accuracy": [0.8, 0.9],
        "training_set.loss": [0.5, 0.4],
        "propagation.mean": pytest.approx([0.89, 0.89]),
        "propagation.lowest_deviation": pytest.approx([0.8]),
        "propagation.highest_deviation": pytest.approx([0.98]),
        "learning_rate_finder.nan_rate": [3.0],
    }


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
    assert [(comparison.variant.name, comparison.name) for comparison in comparisons] == [
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
