"""The sections that show models from inside: signals, range tests, activation functions, uncertainty and predictions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from pipeline.report.figures.chart import Chart
from pipeline.report.figures.depth import propagation_charts, signal_charts
from pipeline.report.figures.functions import function_charts
from pipeline.report.figures.rates import range_tests
from pipeline.report.figures.reliability import reliability_charts
from pipeline.report.figures.sheet import Frame, sheet
from pipeline.report.findings import Findings
from pipeline.report.measure import shown_as
from pipeline.report.predictions import predictions, rungs
from pipeline.report.section import Section
from pipeline.report.signals import sentences, through_nets, through_towers
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, number
from pipeline.result_files.diagnostics import Floats, Outcome, VariantOutcomes
from pipeline.result_files.schema import Ablation, Variant
from pipeline.stats.intervals import Interval, t_interval


@dataclass(frozen=True)
class Quantity:
    """A quantity that uncertainty is measured by: its title and explanation in a table, and the factor it is shown with."""

    title: str
    hint: str
    factor: float = 1.0


QUANTITIES = {
    "accuracy": Quantity("accuracy (%)", "Share of right answers", 100.0),
    "negative_log_likelihood": Quantity(
        "negative log likelihood", "Mean of −ln p(right class), in nats; lower is better"
    ),
    "calibration_error": Quantity(
        "calibration error (%)", "Expected calibration error, ten bins; lower is better", 100.0
    ),
    "entropy": Quantity("entropy", "Mean predictive entropy, in nats"),
    "entropy_right": Quantity("of right answers", "Mean predictive entropy of right answers"),
    "entropy_wrong": Quantity(
        "of wrong answers", "Mean predictive entropy of wrong answers; higher than of right ones is good"
    ),
}


def signals(findings: Findings, styles: Styles) -> Section:
    """Return what passes through the nets, and through untrained towers of their activations and initializers."""
    diagnostics = findings.ablation.diagnostics
    nets, towers = diagnostics.signals, diagnostics.propagation
    note = (
        "Layers count from the input; the last is the output, before its activation. Deviations are over inputs, "
        "averaged over units; gradients are those of a layer's kernel, as L2 norm. Lines are means over replicates "
        "(geometric ones on logarithmic axes) with their 95 % t interval; start and end of training share an axis."
    )
    tables = [
        ("How signals pass through the nets", through_nets(nets, styles)),
        ("How noise passes through untrained towers", through_towers(towers, styles)),
    ]
    charts = [*signal_charts(nets, styles), *propagation_charts(towers, styles)]
    return Section("signals", "Signals", charts, " ".join([*sentences(nets, towers), note]), tables)


def finder(findings: Findings, styles: Styles) -> Section:
    """Return each variant's loss against a growing learning rate."""
    note = (
        "Each step of a short training has a higher rate than the one before. Faint: each batch's loss; bold: smoothed. "
        "Solid line and dot: the rate suggested, a tenth of the one from which the smoothed loss climbs; dotted: the "
        "rate that the replicates were trained with, before any schedule."
    )
    charts = range_tests(findings.ablation.diagnostics.finder, styles)
    return Section("finder", "Learning-rate finder", charts, note)


def functions(findings: Findings, styles: Styles) -> Section:
    """Return the curves of the activation functions."""
    note = (
        "Bold: the function; dashed: its slope. Shaded: it saturates, the slope is between −0.05 and 0.05, and less than a "
        "twentieth of a gradient passes. Where a function saturates at both ends, its linear middle is marked: it differs "
        "from the dotted tangent by less than a twentieth of its range."
    )
    charts = function_charts(findings.ablation.diagnostics.functions, styles)
    return Section("functions", "Activation functions", charts, note)


def training_set(findings: Findings, styles: Styles) -> Section:
    """Return a table of how well each variant fits its training data with dropout off, and how that compares with test."""
    ablation, title = findings.ablation, "Training set"
    variants = ablation.diagnostics.training_set
    if not variants:
        return Section("training-set", title, [])
    measured = {name for outcomes in variants for run in outcomes.replicates for name in run} - {"seed"}
    names = sorted(measured, key=[*ablation.metrics, *sorted(measured)].index)
    judge, overlap = findings.measure, ablation.replication.overlap
    columns = [Column("variant"), *(Column(_training_title(ablation, name), True) for name in names)]
    rows = []
    for outcomes in variants:
        tested = [run.metrics.get(judge.key, np.nan) for run in ablation.variant(outcomes.variant).replicates]
        cells = [
            _scaled_mean(outcomes.stacked(name), shown_as(ablation, name).factor, overlap) for name in names
        ]
        cells.append(_scaled_mean(np.array(tested), judge.factor, overlap))
        rows.append([Cell(outcomes.variant, style=styles[outcomes.variant]), *cells])
    note = "Trained nets on the data they were trained on, dropout off; curves show averages over an epoch, dropout on."
    table = Table([*columns, Column(judge.label, True)], rows)
    return Section("training-set", title, [], note, [("Training data as the net predicts", table)])


def _training_title(ablation: Ablation, name: str) -> str:
    measure = shown_as(ablation, name)
    return f"{measure.name} ({measure.unit})" if measure.unit else measure.name


def _scaled_mean(values: Floats | None, factor: float, overlap: float) -> Cell:
    if values is None or not np.isfinite(values).any():
        return Cell(MISSING)
    return _interval_cell(t_interval((factor * values).tolist(), overlap=overlap))


def uncertainty(findings: Findings, styles: Styles) -> Section:
    """Return how predictions change when dropout stays active and many passes are averaged."""
    variants = findings.ablation.diagnostics.uncertainty
    if not variants:
        return Section("uncertainty", "Uncertainty", [])
    samples = variants[0].replicates[0]["samples"]
    note = (
        f"Monte Carlo dropout: the mean over {samples} passes with dropout active, against one pass without, both on "
        "test data. Curves: of the answers given with some confidence, how many are right, replicates pooled (solid: "
        "mean of passes, dashed: one pass); on the diagonal, confidence equals the share of right answers. Bins with fewer "
        "than ten answers are left out."
    )
    best, overlap = _least_certain(findings.ablation, variants), findings.ablation.replication.overlap
    charts = [*reliability_charts(variants, styles), _uncertain_pictures(*best)]
    tables = [
        (
            "One pass without dropout, and the mean of passes with it",
            _uncertainty_table(variants, styles, overlap),
        ),
        (f"Most uncertain answers of {best[0]}, seed {best[1]['seed']}", _uncertain_rows(best[1])),
    ]
    return Section("uncertainty", "Uncertainty", charts, note, tables)


def _least_certain(ablation: Ablation, variants: Sequence[VariantOutcomes]) -> tuple[str, Outcome]:
    """Return the best variant's name and the outcome of its best replicate, both by the score that chooses."""
    outcomes = max(variants, key=lambda candidate: _mean_score(ablation, ablation.variant(candidate.variant)))
    scores = {r.seed: _score(ablation, r.metrics) for r in ablation.variant(outcomes.variant).replicates}
    best = max(outcomes.replicates, key=lambda replicate: scores.get(replicate["seed"], -np.inf))
    return outcomes.variant, best


def _uncertain_pictures(variant: str, best: Outcome) -> Chart | None:
    """Draw the images with the highest predictive entropy; None where the data are no images."""
    frames = [
        Frame(
            image["png"],
            (*_likely(*image["classes"][:2]), f"is {image['label']}"),
            image["classes"][0]["name"] != image["label"],
        )
        for image in best["uncertain"]
        if "png" in image
    ]
    if not frames:
        return None
    caption = (
        f"Test images with the highest predictive entropy, {variant}, seed {best['seed']}: mean probability ± "
        "deviation over passes of the two likeliest classes. Red: the likeliest is wrong."
    )
    alt = "; ".join(", ".join(frame.lines) for frame in frames)
    return sheet("uncertain", "Most uncertain images", caption, alt, frames)


def _uncertain_rows(best: Outcome) -> Table:
    """Return the rows with the highest predictive entropy, as far as they are no images."""
    columns = [
        Column("test row", True, "From 0"),
        Column("entropy", True, "In nats"),
        Column("likeliest"),
        Column("next"),
        Column("right answer"),
    ]
    rows = [
        [
            Cell(f"{answer['row']:,}", answer["row"]),
            Cell(f"{answer['entropy']:.3f}", answer["entropy"]),
            *(Cell(f"{each['name']}, {_probability(each)}") for each in answer["classes"][:2]),
            Cell(answer["label"]),
        ]
        for answer in best["uncertain"]
        if "png" not in answer
    ]
    return Table(columns, rows)


def _likely(first: Outcome, second: Outcome) -> list[str]:
    return [first["name"], _probability(first), f"or {second['name']}", _probability(second)]


def _probability(of: Outcome) -> str:
    return f"{100 * of['mean']:.0f} ± {100 * of['deviation']:.0f} %"


def _mean_score(ablation: Ablation, variant: Variant) -> float:
    scores = [_score(ablation, r.metrics) for r in variant.replicates if r.outcome == "finished"]
    return fmean(scores) if scores else -np.inf


def _score(ablation: Ablation, metrics: Outcome) -> float:
    metric = ablation.measured(ablation.metric)
    return metric.score(float(metrics.get(metric.choosing(metrics), np.nan)))


def _uncertainty_table(variants: Sequence[VariantOutcomes], styles: Styles, overlap: float) -> Table:
    columns = [Column("variant"), Column("prediction")]
    columns += [Column(quantity.title, True, quantity.hint) for quantity in QUANTITIES.values()]
    rows = []
    for outcomes in variants:
        name = Cell(outcomes.variant, style=styles[outcomes.variant])
        rows += [
            [name, Cell("one pass"), *(_mean(outcomes, "plain", key, overlap) for key in QUANTITIES)],
            [name, Cell("mean of passes"), *(_mean(outcomes, "mc", key, overlap) for key in QUANTITIES)],
            [name, Cell("difference"), *(_difference(outcomes, key, overlap) for key in QUANTITIES)],
        ]
    return Table(columns, rows)


def _mean(outcomes: VariantOutcomes, which: str, key: str, overlap: float) -> Cell:
    values = outcomes.stacked(which, key)
    if values is None:
        return Cell(MISSING)
    return _interval_cell(t_interval((QUANTITIES[key].factor * values).tolist(), overlap=overlap))


def _difference(outcomes: VariantOutcomes, key: str, overlap: float) -> Cell:
    """Return the mean over passes less the single pass, paired by replicate."""
    pairs = [(replicate["mc"][key], replicate["plain"][key]) for replicate in outcomes.replicates]
    differences = [
        QUANTITIES[key].factor * (mc - plain) for mc, plain in pairs if mc is not None and plain is not None
    ]
    if not differences:
        return Cell(MISSING)
    return _interval_cell(t_interval(differences, overlap=overlap), signed=True)


def _interval_cell(interval: Interval, signed: bool = False) -> Cell:
    rounded = round(interval.mean, 9)
    mean = (f"{rounded:+.3g}" if signed and rounded else number(rounded)).replace("-", "−")
    half = "" if interval.low is None else f" ± {interval.mean - interval.low:.2g}"
    return Cell(mean + half, interval.mean)


SECTIONS: tuple[Callable[[Findings, Styles], Section], ...] = (
    finder,
    signals,
    functions,
    training_set,
    uncertainty,
    predictions,
    rungs,
)
