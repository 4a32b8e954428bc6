import pytest

from pipeline.report.findings import find
from pipeline.report.index import boards, card, summary
from pipeline.report.styles import assign

from .conftest import Built


def test_a_card_gives_the_answer_the_effect_and_cautions(built: Built) -> None:
    findings = find(built.ablation("activations"))
    made = card(findings, assign([findings.ablation]))
    assert made.answer == findings.conclusion[0]
    assert made.effect.startswith(("gelu against relu: +1.", "sigmoid against relu: −1."))
    assert made.effect.endswith("] points")
    assert dict(made.verdicts) == dict(findings.verdicts)
    assert "several factors" in made.cautions


def test_whiskers_lie_in_order_on_the_line(built: Built) -> None:
    findings = find(built.ablation("activations"))
    made = card(findings, assign([findings.ablation]))
    for whisker in made.whiskers:
        assert 0 <= whisker.low <= whisker.at <= whisker.high <= 100
    by_name = {whisker.name: whisker for whisker in made.whiskers}
    assert by_name["sigmoid"].high < made.zero < by_name["gelu"].low
    assert made.band[0] < made.zero < made.band[1]


def test_a_card_without_a_settled_difference_names_none(built: Built) -> None:
    findings = find(built.ablation("lone"))
    assert card(findings, assign([findings.ablation])).effect == ""


def test_the_summary_counts_runs_once(built: Built) -> None:
    findings = find(built.ablation("activations"))
    numbers = dict(summary([findings, findings]))
    assert numbers["replicates"] == "50"
    assert numbers["trials"] == "60"


@pytest.mark.parametrize(("name", "best"), [("activations", "gelu"), ("what_matters", "no_dropout")])
def test_a_board_starts_with_the_best(built: Built, name: str, best: str) -> None:
    findings = find(built.ablation(name))
    (board,) = boards([findings], assign([findings.ablation]))
    assert board.table.rows[0][1].text == best
    assert board.left_out == 0
