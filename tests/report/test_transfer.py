"""Figures of transfer: error ratios and curves over numbers of images."""

from math import exp, log
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.figures.transfer import Ratio, curves_info, ratios_info, size_factor, transfer
from pipeline.report.findings import Findings, find
from pipeline.report.site import build
from pipeline.report.styles import Style, assign
from pipeline.result_files.read import read
from pipeline.stats.intervals import Interval, t_interval
from pipeline.stats.ratios import ratio_text, times, times_smaller

from . import made_up

PHASES = [{"data": {"classes": [0, 1], "per_class": None}}, {"data": {}, "trainable": "head"}]
MEANS = {"scratch": [0.80, 0.88, 0.93], "frozen": [0.93, 0.94, 0.945], "unfrozen": [0.94, 0.96, 0.975]}


def strategy(name: str, per_class: int, mean: float) -> dict[str, Any]:
    recipe = {**made_up.BASE, "data": {"per_class": per_class, "limit": None}, "phases": []}
    return made_up.variant(
        f"{name}-{per_class}",
        mean,
        {} if name == "scratch" else {"phases": PHASES},
        levels={"strategy": name, "images": str(per_class)},
        recipe=recipe if name == "scratch" else {**recipe, "phases": PHASES},
    )


def grid(**more: Any) -> dict[str, Any]:
    variants = [
        strategy(name, size, mean)
        for name, means in MEANS.items()
        for size, mean in zip((5, 20, 100), means, strict=True)
    ]
    question = "How many images does transfer save?"
    return made_up.ablation("transfer_grid", variants, kind="grid", question=question, **more)


def judged(raw: dict[str, Any], folder: Path) -> Findings:
    made_up.write(folder, [raw])
    return find(read(folder, raw["name"]))


def test_a_ratio_is_paired_and_its_interval_that_of_logarithms() -> None:
    scratch, other = {0: 0.2, 1: 0.1, 2: 0.4, 7: 0.9}, {0: 0.1, 1: 0.025, 2: 0.1, 8: 0.5}
    found = times_smaller(other, scratch)
    expected = t_interval([log(2), log(4), log(4)])
    assert found is not None and expected.low is not None and expected.high is not None
    assert (found.mean, found.low, found.high) == pytest.approx(
        (exp(expected.mean), exp(expected.low), exp(expected.high))
    )
    turned = times_smaller(scratch, other)
    assert turned is not None and turned.mean == pytest.approx(1 / found.mean)
    assert turned.low == pytest.approx(1 / (found.high or 0))


def test_what_has_no_ratio() -> None:
    assert times_smaller({0: 0.1}, {1: 0.1}) is None
    assert times_smaller({0: 0.0}, {0: 0.1}) is None
    lone = times_smaller({0: 0.1}, {0: 0.2})
    assert lone is not None and (lone.mean, lone.low) == (pytest.approx(2), None)


@pytest.mark.parametrize(
    ("ratio", "text", "short"),
    [
        (3.9, "3.9 times smaller", "3.9 smaller"),
        (0.0716, "14 times larger", "14 larger"),
        (1.0, "equal", "equal"),
    ],
)
def test_a_factor_below_one_is_said_as_its_inverse(ratio: float, text: str, short: str) -> None:
    assert (times(ratio), times(ratio, short=True)) == (text, short)


@pytest.mark.parametrize(
    ("mean", "low", "high", "text"),
    [
        (3.0, 2.0, 5.0, "3 times smaller [2, 5]"),
        (1 / 14, 0.04, 0.125, "14 times larger [8, 25]"),
        (1.25, 0.5, 2.5, "1.25 times smaller [2 larger, 2.5 smaller]"),
        (3.0, None, None, "3 times smaller"),
    ],
)
def test_an_interval_of_factors_is_on_one_side_or_says_which(
    mean: float, low: float | None, high: float | None, text: str
) -> None:
    assert Ratio("a", Style(0), Interval(mean, low, high, 0.1, 5), "scratch").text == text


def test_words_claim_no_more_than_the_interval() -> None:
    def words(errors: list[float], reference: list[float]) -> str:
        found = times_smaller(dict(enumerate(errors)), dict(enumerate(reference)))
        assert found is not None
        return ratio_text(found)

    assert words([0.1, 0.1, 0.11], [0.39, 0.4, 0.42]) == "error 3.9 times smaller"
    assert words([0.2, 0.2, 0.21], [0.1, 0.1, 0.1]) == "error 2 times larger"
    assert words([0.1, 0.2, 0.1], [0.2, 0.1, 0.1]) == "no difference in error shown"
    assert words([0.1], [0.4]) == "no difference in error shown"


def test_each_strategy_is_compared_with_scratch_on_as_many_images(tmp_path: Path) -> None:
    findings = judged(grid(), tmp_path)
    assert size_factor(findings) == "images"
    ratios = {ratio.name: ratio for ratio in ratios_info(findings, assign([findings.ablation]))}
    assert len(ratios) == 6
    for name, ratio in ratios.items():
        assert ratio.scratch == f"scratch-{name.partition('-')[2]}"
    assert ratios["frozen-5"].interval.mean == pytest.approx(0.2 / 0.07, rel=0.15)


def test_a_curve_for_each_strategy(tmp_path: Path) -> None:
    findings = judged(grid(), tmp_path)
    curves = curves_info(findings, assign([findings.ablation]))
    assert [curve.strategy for curve in curves] == ["unfrozen", "frozen", "scratch"]
    for curve in curves:
        assert curve.examples == (5, 20, 100)
        for images, mean in zip(curve.examples, curve.means, strict=True):
            interval = findings.row(f"{curve.strategy}-{images}").interval
            assert interval is not None and mean == pytest.approx(100 * interval.mean)


def test_variants_by_hand_are_compared_with_the_baseline(tmp_path: Path) -> None:
    variants = [strategy(name, 20, means[1]) | {"name": name, "levels": {}} for name, means in MEANS.items()]
    findings = judged(made_up.ablation("by_hand", variants), tmp_path)
    styles = assign([findings.ablation])
    assert [ratio.name for ratio in ratios_info(findings, styles)] == ["unfrozen", "frozen"]
    assert curves_info(findings, styles) == []
    (figure,) = transfer(findings, styles)
    assert "×" not in figure.svg and "2.9" in figure.alt and "smaller [" in figure.alt
    assert "unfrozen: error 2.9 times" in figure.caption and "times smaller than scratch's" in figure.caption


def test_other_ablations_have_no_such_figures(tmp_path: Path) -> None:
    for make in made_up.STUDY:
        findings = judged(make(), tmp_path)
        if any(variant.recipe.get("phases") for variant in findings.ablation.variants):
            continue
        assert transfer(findings, assign([findings.ablation])) == []
    assert ratios_info(judged(grid(metric="loss"), tmp_path), {}) == []


def test_the_page_shows_them(tmp_path: Path) -> None:
    made_up.write(tmp_path / "results", [grid()])
    build(tmp_path / "results", tmp_path / "reports", ["transfer_grid"])
    page = (tmp_path / "reports" / "transfer_grid.html").read_text(encoding="utf-8")
    assert '<h2 id="transfer">Transfer</h2>' in page
    assert "How many examples it takes" in page and "Error ratio on the same examples" in page
