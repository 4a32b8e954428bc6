"""The sections that show models from inside, from made-up outcomes of diagnostics."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.pictures import class_colour
from pipeline.report.diagnostics import SECTIONS, functions, uncertainty
from pipeline.report.figures.axis import decades
from pipeline.report.figures.confusion import most_confused
from pipeline.report.figures.curves import curves_info
from pipeline.report.figures.depth import propagation_lines, signal_lines
from pipeline.report.figures.functions import middle, saturation
from pipeline.report.figures.numbers import values
from pipeline.report.figures.rates import caption
from pipeline.report.figures.reliability import curve
from pipeline.report.findings import Findings, find
from pipeline.report.predictions import predictions, rungs
from pipeline.report.section import Section
from pipeline.report.signals import (
    activations,
    deviation_range,
    gradients,
    noise,
    sentences,
    through_nets,
)
from pipeline.report.styles import assign
from pipeline.result_files.diagnostics import Diagnostics, VariantOutcomes, read_diagnostics
from pipeline.result_files.schema import Ablation, Replication

from . import made_up_diagnostics
from .conftest import Built
from .made_up import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"
TITLES = [
    "Learning-rate finder",
    "Signals",
    "Activation functions",
    "Training set",
    "Uncertainty",
    "Predictions",
]


def judged(built: Built, name: str) -> Findings:
    return find(built.ablation(name))


def sections(findings: Findings) -> list[Section]:
    styles = assign([findings.ablation])
    return [make(findings, styles) for make in SECTIONS]


def signals(name: str = "a", **shrink: float) -> VariantOutcomes:
    return VariantOutcomes(
        name, tuple(made_up_diagnostics.signals(name, seed, **shrink) for seed in range(3))
    )


def test_every_outcome_is_shown(built: Built) -> None:
    page = built.page("activations")
    assert all(f">{title}</h2>" in page for title in TITLES)
    for section in sections(judged(built, "activations")):
        if section.key == "rungs":  # it is no ladder
            assert not section.shown_charts
            continue
        assert (section.shown_charts or section.shown_tables) and section.note


def test_without_an_outcome_there_is_no_section(built: Built) -> None:
    page = built.page("what_matters")
    assert not any(f">{title}</h2>" in page for title in TITLES)


@pytest.mark.parametrize("name", ["activations", "hostile", "ladder"])
def test_figures_are_sound_and_described(built: Built, name: str) -> None:
    figures = [figure for section in sections(judged(built, name)) for figure in section.shown_charts]
    assert len({figure.key for figure in figures}) == len(figures)
    for figure in figures:
        ElementTree.fromstring(str(figure.svg))
        assert figure.alt and 'role="img"' in figure.svg
        assert "#0b000" not in figure.svg and "#0a00" not in figure.svg
        assert HOSTILE not in figure.svg


def test_a_page_with_every_outcome_stays_small(built: Built) -> None:
    assert len(built.page("activations").encode()) < 1_000_000


def test_traces_are_geometric_means_with_intervals(built: Built) -> None:
    styles = assign([built.ablation("activations")])
    (line,) = signal_lines([signals("relu")], styles, "start", "gradient")
    values = np.array([made_up_diagnostics.signals("relu", seed)["start"]["gradient"] for seed in range(3)])
    np.testing.assert_allclose(line.mean, np.exp(np.log(values).mean(axis=0)))
    assert (line.low < line.mean).all() and (line.mean < line.high).all()
    assert line.x.tolist() == [1, 2, 3, 4]
    (alone,) = signal_lines([signals("relu")], styles, "trained", "mean")  # one replicate did not diverge
    assert np.isnan(alone.low).all() and np.isfinite(alone.mean).all()


def test_towers_are_drawn_by_their_own_depths(built: Built) -> None:
    styles = assign([built.ablation("activations")])
    tower = VariantOutcomes("relu", tuple(made_up_diagnostics.tower("relu", seed) for seed in range(2)))
    (line,) = propagation_lines([tower], styles, "deviation")
    assert line.x[[0, -1]].tolist() == [0, 100]
    assert line.mean[-1] / line.mean[0] == pytest.approx(0.99**100)
    low, high = deviation_range(tower)
    every_tenth = [r["deviation"][depth] for r in tower.replicates for depth in range(10, 101, 10)]
    assert (low, high) == (min(every_tenth), max(every_tenth))


@pytest.mark.parametrize(
    ("shrink", "fate"), [(1.0, "steady"), (0.5, "steady"), (0.05, "vanish"), (20.0, "explode")]
)
def test_a_gradients_fate_follows_from_its_ends(shrink: float, fate: str) -> None:
    found = gradients(signals(shrink=shrink), "start")
    assert found is not None and found.fate == fate
    assert found.end / found.start == pytest.approx(shrink**3)
    forwards = activations(signals(shrink=shrink), "start")
    assert forwards is not None and forwards.end / forwards.start == pytest.approx(shrink**2)


def test_what_is_not_finite_has_exploded() -> None:
    raw: dict[str, Any] = {"start": {"gradient": [None, 1.0, 1.0], "deviation": [1.0, None, 1.0]}}
    outcomes = VariantOutcomes("a", (raw,))
    found = gradients(outcomes, "start")
    assert found is not None and found.fate == "explode"


def test_sentences_name_whose_signals_vanish() -> None:
    steady, dying = signals("steady"), signals("dying", shrink=0.01)
    tower = VariantOutcomes("t", (made_up_diagnostics.tower("t", 0, shrink=0.9),))
    assert sentences([steady, dying], [tower]) == [
        "At the start, gradients vanish in dying.",
        "At the start, activations vanish in dying.",
        "After training, gradients vanish in dying.",
        "After training, activations vanish in dying.",
        "Through 100 untrained layers, noise dies out in t.",
    ]
    assert sentences([steady], [])[0].startswith("No net's gradients")
    assert sentences([], []) == []
    mild = noise(VariantOutcomes("t", (made_up_diagnostics.tower("t", 0),)))
    assert mild is not None and mild.fate == "steady"


def test_tables_hold_both_ends_of_every_net(built: Built) -> None:
    styles = assign([built.ablation("activations")])
    table = through_nets([signals("relu"), signals("selu")], styles)
    assert [row[1].text for row in table.rows] == ["start", "trained"] * 2
    assert all(len(row) == len(table.columns) for row in table.rows)


def test_differences_of_passes_are_paired(built: Built) -> None:
    findings = judged(built, "activations")
    section = uncertainty(findings, assign([findings.ablation]))
    (_, table), *_ = section.shown_tables
    difference = table.rows[2][3]
    assert difference.text.startswith("−0.05 ± ") and difference.sort == pytest.approx(-0.05)
    right_half = float(difference.text.split("± ")[1])
    assert right_half < 1e-6  # the replicates' own spread is far greater


def test_reliability_pools_replicates() -> None:
    outcomes = VariantOutcomes(
        "a", tuple(made_up_diagnostics.uncertainty("a", seed, ["x", "y", "z"]) for seed in range(3))
    )
    sure, right = curve(outcomes, "mc")
    np.testing.assert_allclose(sure, [5 + 10 * b for b in range(10)])
    assert right[-1] == pytest.approx(100 * 38 / 40)


def test_captions_say_what_was_suggested_and_used() -> None:
    found = made_up_diagnostics.range_test("relu")
    assert caption(found) == "Suggested and used: 0.01."
    assert caption({**found, "used": 0.3}) == "Suggested: 0.01; used: 0.3."
    assert caption({**found, "fell": False}).startswith("The loss never fell")
    assert "higher ones may work" in caption({**found, "turning": found["rates"][-1]})


def test_saturation_is_put_in_words() -> None:
    tanh = made_up_diagnostics.function(["a"])
    assert saturation(tanh) == "Saturates below −2.2 and above 2.2."
    assert saturation({**tanh, "saturated": []}) == "Does not saturate."
    assert saturation({**tanh, "saturated": [[-6.0, 6.0]]}) == "Saturates everywhere."


def closed_form(function: Callable[[Any], Any], saturated: list[list[float]]) -> dict[str, Any]:
    x = np.linspace(-6, 6, 1201)
    value = function(x)
    return {"x": x, "value": value, "slope": np.gradient(value, x), "saturated": saturated}


@pytest.mark.parametrize(
    ("function", "edge", "slope", "offset"),
    [
        # From x / 4 + 1 / 2 the logistic function differs by 0.05 at 1.42, tanh from x by 0.1 at 0.71.
        (lambda x: 1 / (1 + np.exp(-x)), 1.42, 0.25, 0.5),
        (np.tanh, 0.71, 1.0, 0.0),
        (lambda x: np.clip(x / 6 + 0.5, 0, 1), 3.3, 1 / 6, 0.5),  # a line between -3 and 3
        (lambda x: -np.tanh(x), 0.71, -1.0, 0.0),
    ],
)
def test_the_middle_of_a_saturating_function_is_as_far_as_its_tangent_fits(
    function: Callable[[Any], Any], edge: float, slope: float, offset: float
) -> None:
    found = middle(closed_form(function, [[-6.0, -3.0], [3.0, 6.0]]))
    assert found is not None
    assert -found.low == pytest.approx(edge, abs=0.03) and found.high == pytest.approx(edge, abs=0.03)
    assert (found.slope, found.offset) == pytest.approx((slope, offset), abs=1e-3)


@pytest.mark.parametrize("saturated", [[], [[-6.0, 0.0]], [[-6.0, 6.0]], [[-6.0, -4.0], [3.0, 5.0]]])
def test_what_does_not_saturate_at_both_ends_has_no_middle(saturated: list[list[float]]) -> None:
    assert middle(closed_form(np.tanh, saturated)) is None


def test_saturation_is_drawn_and_described(built: Built) -> None:
    findings = judged(built, "activations")
    (chart,) = functions(findings, assign([findings.ablation])).shown_charts
    assert chart.svg.count(">saturated<") == 2 and chart.svg.count(">linear<") == 1
    assert "Saturates below −2.2 and above 2.2. Nearly linear from −0.6 to 0.6." in chart.caption


def test_mistakes_come_first_and_in_red(built: Built) -> None:
    findings = judged(built, "activations")
    figures = predictions(findings, assign([findings.ablation])).shown_charts
    assert [figure.key for figure in figures] == ["predictions-worst", "predictions-right", "confusion"]
    assert figures[0].svg.count("stroke:var(--wrong)") == 8 and "var(--wrong)" not in figures[1].svg
    images = re.findall(r"base64,([^\"]+)", str(figures[0].svg))
    assert len(images) == 8 and all(base64.b64decode(image).startswith(b"\x89PNG") for image in images)
    outcome = made_up_diagnostics.predictions("a", ["x", "y", "z"])
    assert most_confused(outcome) == ("y", "x", 12)
    assert most_confused({**outcome, "confusion": [[1, 0], [0, 1]]}) is None


def test_a_ladder_shows_the_predictions_of_every_rung_in_order(built: Built) -> None:
    findings = judged(built, "ladder")
    names = [variant.name for variant in findings.ablation.variants]
    styles = assign([findings.ablation])
    best, *_ = predictions(findings, styles).shown_charts
    figures = rungs(findings, styles).shown_charts
    assert best.key == "predictions-font"
    assert best.svg.count("<image") == 3 and best.svg.count("stroke:var(--wrong)") == 2
    assert [figure.key for figure in figures] == [f"rung-{place}" for place in range(len(names))]
    assert [figure.title for figure in figures] == names
    for figure in figures:
        assert figure.svg.count("<image") == 3 + 6
        assert "of 300 test images it gets 21 wrong (7.0 %)" in figure.caption
        heights = [image.get("y") for image in ElementTree.fromstring(str(figure.svg)).iter(f"{SVG}image")]
        assert heights == [heights[0]] * 3 + [heights[3]] * 6 and heights[0] != heights[3]


def test_rungs_without_digits_or_mistakes_are_shown_without(built: Built) -> None:
    findings = judged(built, "ladder")
    best, *others = findings.ablation.diagnostics.predictions
    left = ({**best, "font": []}, {**others[0], "font": []}, {**others[1], "font": [], "worst": []})
    ablation = replace(findings.ablation, diagnostics=Diagnostics(predictions=left))
    figures = rungs(replace(findings, ablation=ablation), assign([ablation])).shown_charts
    assert [figure.key for figure in figures] == ["rung-0", f"rung-{len(ablation.variants) - 1}"]
    assert all("font" not in figure.caption for figure in figures)


def shown_for(built: Built, task: str) -> Section:
    """Return the section of predictions of a task."""
    findings = judged(built, "activations")
    outcome = made_up_diagnostics.of_task(task)
    ablation = replace(findings.ablation, diagnostics=Diagnostics(predictions=(outcome,)))
    return predictions(replace(findings, ablation=ablation), assign([ablation]))


@pytest.mark.parametrize("task", ["classes", "labels", "regression", "map"])
def test_predictions_of_other_data_say_nothing_of_images(built: Built, task: str) -> None:
    section = shown_for(built, task)
    texts = [section.note, *(f"{chart.title} {chart.caption} {chart.alt}" for chart in section.shown_charts)]
    texts += [
        f"{title} {[column.title for column in table.columns]}" for title, table in section.shown_tables
    ]
    assert section.shown_charts and section.shown_tables
    assert not re.search(r"image|accuracy", " ".join(texts), re.IGNORECASE)
    for chart in section.shown_charts:
        ElementTree.fromstring(str(chart.svg))
        assert "#0b000" not in chart.svg and "#0a00" not in chart.svg and "<b>" not in chart.svg
    assert all(len(row) == len(table.columns) for _, table in section.shown_tables for row in table.rows)


def test_residuals_are_predicted_less_true(built: Built) -> None:
    true, predicted, residuals = values(made_up_diagnostics.of_task("regression")["targets"][0])
    np.testing.assert_allclose(residuals, -0.1 * true)
    np.testing.assert_allclose(predicted, 0.9 * true)
    section = shown_for(built, "regression")
    keys = [chart.key for chart in section.shown_charts]
    assert keys == ["predicted-0", "residuals-0", "predicted-1", "residuals-1"]
    assert [cell.text for cell in section.shown_tables[1][1].rows[0]] == [
        "99",
        "rent",
        "119",
        "107.1",
        "−11.9",
    ]
    assert "100 of 300 test rows are drawn" in section.note and "1 prediction" in section.note


def test_labels_without_positives_are_in_the_table_alone(built: Built) -> None:
    section = shown_for(built, "labels")
    assert [chart.key for chart in section.shown_charts] == ["roc", "precision-recall"]
    assert all("Shown: 1 of 2" in chart.caption and "old: 7" in chart.alt for chart in section.shown_charts)
    first, never = section.shown_tables[0][1].rows
    assert [cell.text for cell in first[1:]] == ["40", "–", "50.0", "25.0", "76.9", "75.0"]
    assert [cell.text for cell in never[-2:]] == ["–", "–"]


def test_maps_are_next_to_the_true_ones_below_their_colours(built: Built) -> None:
    worst, others = shown_for(built, "map").shown_charts
    assert worst.svg.count("<image") == 3 * 5 and others.svg.count("<image") == 2 * 2
    assert all(f'fill:{class_colour(place)}"' in worst.svg for place in (0, 1))
    assert "intersection over union" in shown_for(built, "map").shown_tables[0][1].columns[2].title


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [(1e-5, 10, 4, [-5, -3, -1, 1]), (1e-15, 1, 7, [-15, -12, -9, -6, -3, 0]), (0.5, 20, 5, [0, 1])],
)
def test_labels_of_many_decades_are_few(low: float, high: float, most: int, expected: list[int]) -> None:
    assert decades(low, high, most) == expected


@pytest.mark.parametrize("text", ["", "{", "[]", '{"signals": [{}]}', '{"signals": 3}'])
def test_damaged_outcomes_are_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / "evaluation.json").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"evaluation\.json is damaged"):
        read_diagnostics(tmp_path)


def test_replicates_that_share_training_rows_have_wider_intervals(built: Built) -> None:
    """By the correction of verdicts: with n replicates sqrt(1 + n * overlap) times as wide."""
    plain = built.ablation("activations")
    shared = replace(plain, replication=Replication("folds", 5, 1, 0.25, 0.2))
    styles = assign([plain])
    name = plain.variants[0].name
    runs = sum(run.outcome == "finished" for run in plain.variants[0].replicates)
    widths = []
    for ablation in (plain, shared):
        line = next(line for line in curves_info(ablation, "loss", styles) if line.name == name)
        widths.append(line.high[0] - line.low[0])
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(1 + 0.25 * runs))

    def half(ablation: Ablation) -> list[float]:
        _, table = uncertainty(find(ablation), styles).shown_tables[0]
        return [
            float(cell.text.partition("± ")[2]) for row in table.rows for cell in row if "± " in cell.text
        ]

    pairs = [(narrow, wide) for narrow, wide in zip(half(plain), half(shared), strict=True) if narrow]
    assert pairs and all(wide > 1.2 * narrow for narrow, wide in pairs)
