import re

import pytest

from pipeline.report.findings import Findings, find
from pipeline.report.measure import shown_as
from pipeline.result_files.schema import Ablation
from pipeline.stats.intervals import t_interval

from .conftest import Built
from .made_up import activations as activations_raw


@pytest.fixture(scope="session")
def activations(built: Built) -> Findings:
    return find(built.ablation("activations"))


def test_rows_run_from_best_to_worst(activations: Findings) -> None:
    means = [row.interval.mean for row in activations.rows if row.interval]
    assert means == sorted(means, reverse=True)
    assert activations.best is activations.rows[0]
    assert activations.rows[0].variant.name == "gelu"


def test_a_lower_loss_ranks_first(built: Built) -> None:
    findings = find(built.ablation("what_matters"))
    means = [row.interval.mean for row in findings.rows if row.interval]
    assert means == sorted(means)
    comparison = findings.row("no_batch_norm").comparison
    assert comparison is not None
    assert comparison.verdict == "worse"


def test_intervals_come_from_finished_replicates(activations: Findings) -> None:
    row = activations.row("elu")
    values = [run.metrics["test_accuracy"] for run in row.variant.replicates if run.outcome == "finished"]
    assert row.interval == t_interval(values)
    assert len(values) == 4


def test_the_margin_is_given_in_points_and_used_as_a_fraction(activations: Findings, built: Built) -> None:
    assert activations.margin == pytest.approx(0.002)
    assert find(built.ablation("what_matters")).margin == 0.01


def test_a_variant_that_always_diverged_comes_last(built: Built) -> None:
    findings = find(built.ablation("hostile"))
    assert findings.rows[-1].variant.name == "lost"
    assert findings.rows[-1].interval is None


def test_flags_belong_to_their_rows(activations: Findings) -> None:
    kinds = {flag.kind for flag in activations.row("selu").flags}
    assert "several factors" in kinds
    assert "diverged" in {flag.kind for flag in activations.row("elu").flags}


def test_grids_and_ladders_are_not_blamed_for_changing_several_things(built: Built) -> None:
    for name in ("initializer_grid", "ladder"):
        assert "several factors" not in {flag.kind for flag in find(built.ablation(name)).flags}


def test_a_ladder_compares_every_rung_with_the_one_before(built: Built) -> None:
    findings = find(built.ablation("ladder"))
    assert list(findings.steps) == ["adam", "schedule", "batch_norm", "dropout"]
    ablation = findings.ablation
    step = findings.steps["schedule"].difference
    assert step is not None
    expected = mean(ablation, "schedule") - mean(ablation, "adam")
    assert step.mean == pytest.approx(expected)


def mean(ablation: Ablation, name: str) -> float:
    values = [run.metrics["test_accuracy"] for run in ablation.variant(name).replicates]
    return sum(values) / len(values)


def test_a_full_grid_has_factor_importance_and_others_have_none(built: Built) -> None:
    importance = find(built.ablation("initializer_grid")).importance
    assert importance is not None
    assert {"activation", "initializer"} <= {
        factor for effect in importance.effects for factor in effect.factors
    }
    assert find(built.ablation("activations")).importance is None


def test_the_strongest_row_is_the_largest_settled_difference(activations: Findings) -> None:
    assert activations.strongest is not None
    assert activations.strongest.variant in {"gelu", "sigmoid"}


def test_sentences_round_as_tables_do(built: Built) -> None:
    checked = 0
    for name in built.names:
        found = find(built.ablation(name))
        compared = [*found.steps.values(), *(row.comparison for row in found.rows if row.comparison)]
        cells = [found.measure.interval(comparison.difference) for comparison in compared]
        for sentence in found.conclusion:
            for numbers in re.findall(r" by ([\d.]+)(?: points)? \(interval ", sentence):
                assert any(cell.startswith((f"+{numbers} ", f"−{numbers} ")) for cell in cells), sentence
                checked += 1
    assert checked > 2


@pytest.mark.parametrize(
    ("margin", "decimals"), [(2.0, 1), (1.0, 1), (0.5, 2), (0.2, 2), (0.05, 3), (0.0, 2), (1e-9, 4)]
)
def test_points_have_one_digit_more_than_their_margin(margin: float, decimals: int) -> None:
    raw = {**activations_raw(), "margin": margin}
    assert shown_as(Ablation.from_json(raw), "accuracy").decimals == decimals
    judged_by_loss = Ablation.from_json({**raw, "metric": "loss"})
    assert shown_as(judged_by_loss, "accuracy").decimals == 2, "its margin is in another unit"
