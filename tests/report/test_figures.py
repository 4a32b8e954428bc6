import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.report.figures.axis import log_ticks, tick_text
from pipeline.report.figures.chart import Chart
from pipeline.report.figures.curves import accuracy_ticks, curves_info, learning_curves
from pipeline.report.figures.dots import dots_info
from pipeline.report.figures.forest import forest_info
from pipeline.report.figures.fronts import PARAMETERS, SECONDS, front, front_info
from pipeline.report.figures.heatmap import heat_map_info, readable
from pipeline.report.figures.ladder import staircase_info
from pipeline.report.figures.phases import phase_marks
from pipeline.report.figures.tuning import tuning_info
from pipeline.report.findings import Findings, find
from pipeline.report.sections import page_sections
from pipeline.report.styles import assign
from pipeline.result_files.read import read
from pipeline.result_files.schema import Ablation
from pipeline.runs.records import Timing
from pipeline.stats.intervals import t_interval

from . import made_up
from .conftest import Built


def parsed(raw: dict[str, Any], folder: Path) -> Ablation:
    made_up.write(folder, [raw])
    return read(folder, raw["name"])


def judged(built: Built, name: str) -> Findings:
    return find(built.ablation(name))


def drawn(findings: Findings) -> list[Chart]:
    sections = page_sections(findings, assign([findings.ablation]))
    return [chart for section in sections for chart in section.shown_charts]


def test_forest_shows_differences_in_points_without_the_baseline(built: Built) -> None:
    findings = judged(built, "activations")
    effects = forest_info(findings, assign([findings.ablation]))
    assert [effect.name for effect in effects] == [
        r.variant.name for r in findings.rows if r.variant.name != "relu"
    ]
    difference = findings.row("gelu").difference
    assert difference is not None
    gelu = effects[0]
    assert gelu.estimate.mean == pytest.approx(100 * difference.mean)
    assert gelu.settled
    assert not next(effect for effect in effects if effect.name == "tanh").settled


def test_dots_hold_every_finished_replicate(built: Built) -> None:
    findings = judged(built, "activations")
    info = {row.name: row for row in dots_info(findings, assign([findings.ablation]))}
    assert len(info["elu"].values) == 4
    first = findings.ablation.variant("relu").replicates[0]
    assert info["relu"].values[0] == pytest.approx(100 * first.metrics["test_accuracy"])
    assert info["gelu"].published == pytest.approx(98.1)


def test_curves_are_means_with_t_intervals(built: Built) -> None:
    ablation = built.ablation("activations")
    line = curves_info(ablation, "val_loss", assign([ablation]))[0]
    values = [replicate.curves["val_loss"][7] for replicate in ablation.variants[0].replicates]
    expected = t_interval(values)
    assert line.mean[7] == pytest.approx(expected.mean)
    assert (line.low[7], line.high[7]) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_curves_leave_diverged_replicates_out(built: Built) -> None:
    ablation = built.ablation("activations")
    lines = {line.name: line for line in curves_info(ablation, "loss", assign([ablation]))}
    assert lines["elu"].x[-1] == 20


def test_curves_end_where_fewer_than_half_of_the_replicates_train(tmp_path: Path) -> None:
    raw = made_up.ablation("stopped", [made_up.variant("a"), made_up.variant("b")])
    for replicate, length in zip(raw["variants"][0]["replicates"], (4, 6, 8, 9, 20), strict=True):
        replicate["curves"] = {name: values[:length] for name, values in replicate["curves"].items()}
    ablation = parsed(raw, tmp_path)
    line = curves_info(ablation, "loss", assign([ablation]))[0]
    assert line.x[-1] == 8
    assert np.isfinite(line.low).all()


def test_long_curves_are_thinned_to_both_ends(tmp_path: Path) -> None:
    raw = made_up.ablation("long", [made_up.variant("a"), made_up.variant("b")])
    for variant in raw["variants"]:
        for replicate in variant["replicates"]:
            replicate["curves"] = {"loss": [1 / (1 + epoch) for epoch in range(1000)]}
    ablation = parsed(raw, tmp_path)
    line = curves_info(ablation, "loss", assign([ablation]))[0]
    assert (line.x[0], line.x[-1]) == (1, 1000)
    assert len(line.x) <= 120


def test_tuning_shows_every_trial_and_the_choice(built: Built) -> None:
    ablation = built.ablation("activations")
    (rate,) = tuning_info(ablation, assign([ablation]))
    assert rate.path == "optimizer.learning_rate"
    assert rate.logarithmic
    search = next(search for search in rate.searches if search.name == "gelu")
    assert len(search.tried) == 6
    assert [score is None for _, score in search.tried] == [False] * 5 + [True]
    assert (search.low, search.high) == (1e-4, 1e-1)
    chosen = ablation.variant("gelu").chosen
    assert chosen is not None
    assert search.chosen == [chosen["optimizer.learning_rate"]]


def test_the_choices_of_replicates_with_searches_of_their_own_are_all_marked(tmp_path: Path) -> None:
    tuned = made_up.variant("a", tuned=True)
    tuned["chosen"] = None
    rates = [trial["values"]["optimizer.learning_rate"] for trial in tuned["trials"]]
    for number, replicate in enumerate(tuned["replicates"]):
        replicate["chosen"] = {"optimizer.learning_rate": rates[number % 2]}
    ablation = parsed(made_up.ablation("nested", [tuned, made_up.variant("b")]), tmp_path)
    (rate,) = tuning_info(ablation, assign([ablation]))
    assert rate.searches[0].chosen == sorted(rates[:2])
    assert rate.searches[0].room is not None
    (chart,) = [figure for figure in drawn(find(ablation)) if figure.key == "tuning-range-0"]
    assert " to " in chart.alt


def test_choices_are_categories(tmp_path: Path) -> None:
    tuned = made_up.variant("a", tuned=True)
    names = ["sgd", "adam"]
    for trial, name in zip(tuned["trials"], names * 3, strict=True):
        trial["values"] = {"optimizer.name": name}
    tuned |= {"space": {"optimizer.name": {"choice": names}}, "chosen": {"optimizer.name": "adam"}}
    ablation = parsed(made_up.ablation("choices", [tuned, made_up.variant("b")]), tmp_path)
    (choice,) = tuning_info(ablation, assign([ablation]))
    assert choice.categories == names
    assert choice.searches[0].chosen == [1.0]
    assert not choice.logarithmic
    assert any(figure.key == "tuning-range-0" for figure in drawn(find(ablation)))


def test_heat_map_has_a_cell_per_combination(built: Built) -> None:
    findings = judged(built, "initializer_grid")
    info = heat_map_info(findings)
    assert info is not None
    assert list(info.means.index) == ["relu", "selu", "tanh"]
    row = findings.row("selu-lecun_normal")
    assert row.interval is not None
    assert info.means.loc["selu", "lecun_normal"] == pytest.approx(100 * row.interval.mean)
    assert info.baseline == (0, 0)
    assert heat_map_info(judged(built, "activations")) is None


@pytest.mark.parametrize(("apart", "stretched"), [(0.3, False), (0.0004, True)])
def test_colours_of_a_heat_map_do_not_stretch_noise(apart: float, stretched: bool, tmp_path: Path) -> None:
    variants = [
        made_up.variant(
            f"{first}-{second}", mean=0.5 + apart * (number == 3), levels={"a": first, "b": second}
        )
        for number, (first, second) in enumerate(product("xy", "uv"))
    ]
    findings = find(parsed(made_up.ablation("noisy", variants, kind="grid"), tmp_path))
    info = heat_map_info(findings)
    assert info is not None
    means, (low, high) = info.means.to_numpy(), info.scale
    assert low + high == pytest.approx(means.min() + means.max())
    assert bool(high - low > 1.5 * np.ptp(means)) == stretched
    if not stretched:
        assert high - low == pytest.approx(np.ptp(means))


def test_a_learning_rate_that_never_changes_has_no_figure(tmp_path: Path) -> None:
    def shown(raw: dict[str, Any]) -> bool:
        ablation = parsed(raw, tmp_path)
        return any(
            chart.key == "curve-learning-rate" for chart in learning_curves(ablation, assign([ablation]))
        )

    raw = made_up.activations()
    curves = [run["curves"] for variant in raw["variants"] for run in variant["replicates"] if run["curves"]]
    for own in curves:
        own["learning_rate"] = [0.001] * len(own["loss"])
    assert not shown(raw)
    curves[0]["learning_rate"][-1] = 0.0005
    assert shown(raw)


def test_text_in_cells_stands_out() -> None:
    assert readable((1.0, 0.9, 0.2)) == "black"
    assert readable((0.68, 0.64, 0.44)) == "black"
    assert readable((0.0, 0.13, 0.3)) == "white"


def test_staircase_keeps_the_order_written(built: Built) -> None:
    findings = judged(built, "ladder")
    rungs = staircase_info(findings, assign([findings.ablation]))
    assert [rung.name for rung in rungs] == ["plain", "adam", "schedule", "batch_norm", "dropout"]
    assert rungs[0].step == ""
    assert rungs[1].step.startswith("+2.")


def test_the_front_holds_what_no_smaller_variant_beats(tmp_path: Path) -> None:
    variants = [
        made_up.variant("small", 0.95, parameters=100),
        made_up.variant("wasteful", 0.90, parameters=500),
        made_up.variant("large", 0.98, parameters=1000),
    ]
    findings = find(parsed(made_up.ablation("sizes", variants), tmp_path))
    styles = assign([findings.ablation])
    info = front_info(findings, styles, PARAMETERS)
    assert [(p.name, p.front) for p in info] == [("small", True), ("wasteful", False), ("large", True)]
    assert front(findings, styles, PARAMETERS) is not None


def test_the_front_of_times_asks_the_store(tmp_path: Path) -> None:
    variants = [made_up.variant("slow", 0.96), made_up.variant("fast", 0.97), made_up.variant("lost", 0.95)]
    raw = made_up.ablation("times", variants)
    made_up.write(tmp_path, [raw])
    of = {run["run_key"]: variant["name"] for variant in variants for run in variant["replicates"]}
    took = {"slow": Timing(4.0), "fast": Timing(2.0)}
    findings = find(read(tmp_path, "times", lambda keys: {k: took[of[k]] for k in keys if of[k] in took}))
    styles = assign([findings.ablation])
    info = front_info(findings, styles, SECONDS)
    assert [(p.name, p.cost, p.front) for p in info] == [("fast", 2.0, True), ("slow", 4.0, False)]
    assert front(findings, styles, SECONDS) is not None
    untimed = find(read(tmp_path, "times"))
    assert front_info(untimed, styles, SECONDS) == [] and front(untimed, styles, SECONDS) is None


def test_among_equally_dear_variants_the_best_alone_is_on_the_front(tmp_path: Path) -> None:
    variants = [made_up.variant("good", 0.97, parameters=100), made_up.variant("bad", 0.90, parameters=100)]
    findings = find(parsed(made_up.ablation("equal", variants), tmp_path))
    info = front_info(findings, assign([findings.ablation]), PARAMETERS)
    assert [(p.name, p.front) for p in info] == [("good", True), ("bad", False)]


def test_where_losses_count_a_lower_one_leads(built: Built) -> None:
    findings = judged(built, "what_matters")
    info = front_info(findings, assign([findings.ablation]), PARAMETERS)
    assert [p.name for p in info if p.front] == [findings.rows[0].variant.name]


def test_names_on_a_front_never_meet(tmp_path: Path) -> None:
    variants = [
        made_up.variant(f"a_rather_long_name_{n}", 0.95 + n / 1000, parameters=1000 + n) for n in range(8)
    ]
    variants[-1]["parameters"] = 2000
    findings = find(parsed(made_up.ablation("crowd", variants), tmp_path))
    drawn_front = front(findings, assign([findings.ablation]), PARAMETERS)
    assert drawn_front is not None
    named = re.findall(r"a_rather_long[^<]*(?=</text>)", str(drawn_front.svg))
    assert 1 <= len(named) < 8


def phased(*phases: dict[str, Any], **training: Any) -> dict[str, Any]:
    recipe = {**made_up.BASE, "training": {**made_up.BASE["training"], **training}, "phases": list(phases)}
    return {"recipe": recipe}


def test_phases_begin_where_those_before_end(tmp_path: Path) -> None:
    warm, head = {"name": "warm"}, {"name": "head only", "training": {"epochs": 5}}
    variants = [
        made_up.variant("plain"),
        made_up.variant("two", **phased(warm, head)),
        made_up.variant("three", **phased(warm, head, {})),
    ]
    marks = phase_marks(parsed(made_up.ablation("phases", variants), tmp_path))
    assert [(mark.epoch, mark.name, mark.variants) for mark in marks] == [
        (20, "head only", ("two", "three")),
        (25, "phase 3", ("three",)),
    ]


def test_a_phase_that_may_stop_early_leaves_the_next_without_a_mark(tmp_path: Path) -> None:
    early = {"name": "early", "training": {"early_stopping": {"patience": 3}}}
    variants = [made_up.variant("a", **phased({}, early, {"name": "where?"}))]
    (mark,) = phase_marks(parsed(made_up.ablation("phases", variants), tmp_path))
    assert (mark.epoch, mark.name) == (20, "early")
    everywhere = [made_up.variant("a", **phased({}, {"name": "where?"}, early_stopping={"patience": 3}))]
    assert phase_marks(parsed(made_up.ablation("all", everywhere), tmp_path)) == []


def test_curves_show_phases_by_name(tmp_path: Path) -> None:
    variants = [
        made_up.variant("plain"),
        made_up.variant("two", **phased({}, {"name": "head <only>"}, epochs=10)),
    ]
    findings = find(parsed(made_up.ablation("phases", variants), tmp_path))
    sections = {s.key: s for s in page_sections(findings, assign([findings.ablation]))}
    assert "head <only> after epoch 10 (two)" in sections["curves"].note
    for figure in sections["curves"].shown_charts:
        assert "head &lt;only&gt;" in figure.svg
        assert "head <only> begins after epoch 10 (two)" in figure.alt


@pytest.mark.parametrize(
    ("chosen", "domain", "room"),
    [
        (1e-3, {"log": [1e-4, 1e-1]}, 1 / 3),
        (1e-2, {"log": [1e-4, 1e-1]}, 1 / 3),
        (0.1, {"linear": [0.0, 0.4]}, 0.25),
        (8, {"int": [1, 8]}, 0.0),
        (2, {"choices": [1, 2]}, None),
    ],
)
def test_room_is_the_distance_from_the_nearer_end(
    chosen: float, domain: dict[str, Any], room: float | None, tmp_path: Path
) -> None:
    trial = {"run_key": "k", "values": {"x": chosen}, "score": 0.9, "outcome": "finished"}
    variant = {**made_up.variant("a"), "trials": [trial], "chosen": {"x": chosen}, "space": {"x": domain}}
    ablation = parsed(made_up.ablation("tuned", [variant]), tmp_path)
    ((search,),) = [hyperparameter.searches for hyperparameter in tuning_info(ablation, assign([ablation]))]
    assert search.room == (None if room is None else pytest.approx(room))


def test_sizes_that_hardly_differ_are_not_drawn(built: Built) -> None:
    findings = judged(built, "activations")
    assert front(findings, assign([findings.ablation]), PARAMETERS) is None


@pytest.mark.parametrize("make", made_up.STUDY)
def test_every_figure_is_sound_svg(make: Callable[[], dict[str, Any]], tmp_path: Path) -> None:
    findings = find(parsed(make(), tmp_path))
    figures = drawn(findings)
    assert len({figure.key for figure in figures}) == len(figures) > 0
    identifiers: list[str] = []
    for figure in figures:
        root = ElementTree.fromstring(figure.svg)
        assert root.get("role") == "img"
        assert root[0].text == figure.title
        assert root[1].text == figure.alt
        identifiers += [element.get("id", "") for element in root.iter() if element.get("id")]
        assert not re.search(r"#0[ab]00", figure.svg), "a sentinel colour was left"
        assert "nan" not in re.sub(r">[^<]*<", "><", figure.svg).lower()
    assert len(set(identifiers)) == len(identifiers), "ids must be unique on the page"


def test_figures_mark_what_belongs_to_a_variant(built: Built) -> None:
    findings = judged(built, "activations")
    styles = assign([findings.ablation])
    forest = next(figure for figure in drawn(findings) if figure.key == "forest")
    marked = {int(index) for index in re.findall(r'data-series="(\d+)"', forest.svg)}
    assert marked == {style.index for name, style in styles.items() if name != "relu"}


def test_log_ticks_are_round_and_inside() -> None:
    assert log_ticks(1e-4, 1e-1) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert log_ticks(0.015, 0.3) == [0.02, 0.05, 0.1, 0.2]
    assert log_ticks(3.1, 3.2) == [3.1, 3.2]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "1e-05"), (0.02, "0.02"), (50, "50"), (1000, "1,000"), (2e4, "20,000"), (1e7, "1e+07")],
)
def test_ticks_have_exponents_only_where_those_are_short(value: float, text: str) -> None:
    assert tick_text(value) == text


@pytest.mark.parametrize(("low", "high"), [(9, 99.5), (96.1, 97.3), (99.2, 99.9), (10, 35), (97.1, 97.14)])
def test_accuracy_ticks_are_inside_and_at_least_two(low: float, high: float) -> None:
    ticks = accuracy_ticks(low, high)
    assert len(ticks) >= 2
    assert all(low - 0.01 <= tick <= high + 0.01 for tick in ticks)
