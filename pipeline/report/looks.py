"""The sections that show models from inside: signals, range tests, activation functions, doubts and mistakes."""

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np

from pipeline.report.figures.canvas import Figure
from pipeline.report.figures.confusion import confusion, most_confused
from pipeline.report.figures.depth import propagation_figures, signal_figures
from pipeline.report.figures.functions import function_figures
from pipeline.report.figures.rates import range_tests
from pipeline.report.figures.reliability import reliability_figures
from pipeline.report.figures.sheet import Frame, sheet
from pipeline.report.findings import Findings
from pipeline.report.observations import Look, Looks
from pipeline.report.results import Ablation, Variant
from pipeline.report.section import Section
from pipeline.report.signals import reading, through_nets, through_towers
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING, number
from pipeline.stats.intervals import Interval, t_interval

MEASURES = {
    "accuracy": ("accuracy (%)", 100.0, "Share of right answers"),
    "negative_log_likelihood": (
        "negative log likelihood",
        1.0,
        "Mean of −ln p(right class), in nats; lower is better",
    ),
    "calibration_error": (
        "calibration error (%)",
        100.0,
        "Expected calibration error, ten bins; lower is better",
    ),
    "entropy": ("entropy", 1.0, "Mean predictive entropy, in nats"),
    "entropy_right": ("of right answers", 1.0, "Mean predictive entropy of right answers"),
    "entropy_wrong": (
        "of wrong answers",
        1.0,
        "Mean predictive entropy of wrong answers; higher than of right ones is good",
    ),
}


def signals(findings: Findings, styles: Styles) -> Section:
    """Return what passes through the nets, and through untrained towers of their activations and initializers."""
    seen = findings.ablation.observations
    figures = [*signal_figures(seen.signals, styles), *propagation_figures(seen.propagation, styles)]
    note = (
        "Layers count from the input; the last is the output, before its activation. Deviations are over inputs, "
        "averaged over units; gradients are those of a layer's kernel, as L2 norm. Lines are means over replicates "
        "(geometric ones on logarithmic axes) with their 95 % t interval; start and end of training share an axis."
    )
    tables = [
        ("How signals pass through the nets", through_nets(seen.signals, styles)),
        ("How noise passes through untrained towers", through_towers(seen.propagation, styles)),
    ]
    troubled = reading(seen.signals, seen.propagation)
    return Section("signals", "Signals", figures, " ".join([*troubled, note]), tables)


def finder(findings: Findings, styles: Styles) -> Section:
    """Return each variant's loss against a growing learning rate."""
    note = (
        "Each step of a short training has a higher rate than the one before. Faint: each batch's loss; bold: smoothed. "
        "Solid line and dot: the rate suggested, a tenth of the one from which the smoothed loss climbs; dotted: the "
        "rate that the replicates were trained with, before any schedule."
    )
    return Section(
        "finder", "Learning-rate finder", range_tests(findings.ablation.observations.finder, styles), note
    )


def functions(findings: Findings, styles: Styles) -> Section:
    """Return the curves of the activation functions."""
    note = (
        "Bold: the function; dashed: its slope. Shaded: it saturates, the slope is between −0.05 and 0.05, and less than a "
        "twentieth of a gradient passes."
    )
    looks = findings.ablation.observations.functions
    return Section("functions", "Activation functions", function_figures(looks, styles), note)


def uncertainty(findings: Findings, styles: Styles) -> Section:
    """Return how predictions change when dropout stays active and many passes are averaged."""
    looks = findings.ablation.observations.uncertainty
    if not looks:
        return Section("uncertainty", "Uncertainty", [])
    samples = looks[0].replicates[0]["samples"]
    note = (
        f"Monte Carlo dropout: the mean over {samples} passes with dropout active, against one pass without, both on "
        "test data. Curves: of the answers given with some confidence, how many are right, replicates pooled (solid: "
        "mean of passes, dashed: one pass); on the diagonal confidence is what it claims to be. Bins with fewer than ten "
        "answers are left out."
    )
    figures = [*reliability_figures(looks, styles), _uncertain(findings.ablation, looks)]
    table = ("One pass without dropout, and the mean of passes with it", _doubts(looks, styles))
    return Section("uncertainty", "Uncertainty", figures, note, [table])


def predictions(findings: Findings, styles: Styles) -> Section:  # noqa: ARG001
    """Return the worst mistakes of the best model, right answers for contrast, and who is taken for whom."""
    look = findings.ablation.observations.predictions
    if look is None:
        return Section("predictions", "Predictions", [])
    wrong, images = look["wrong"], look["images"]
    confused = most_confused(look)
    most = f" It takes {confused[0]} for {confused[1]} most often, {_times(confused[2])}." if confused else ""
    note = (
        f"Shown: {look['variant']}, seed {look['seed']}, the best replicate of the best variant, both by validation data. "
        f"Of {images:,} test images it gets {wrong:,} wrong ({100 * wrong / images:.1f} %).{most}"
    )
    return Section("predictions", "Predictions", [*_answers(look), confusion(look)], note)


def _answers(look: Look) -> list[Figure]:
    kinds = {
        "worst": (
            "Worst mistakes",
            "Wrong answers, the surest of themselves first: what was said, how surely, and what is right.",
        ),
        "right": ("Right answers", "For contrast: right answers, spread evenly over the test images."),
    }
    return [
        sheet(
            f"predictions-{kind}",
            title,
            caption,
            f"{title}: {'; '.join(_said(answer) for answer in look[kind])}",
            [_frame(answer) for answer in look[kind]],
        )
        for kind, (title, caption) in kinds.items()
        if look[kind]
    ]


def _frame(answer: Look) -> Frame:
    wrong = answer["predicted"] != answer["label"]
    right = (f"is {answer['label']}",) if wrong else ()
    return Frame(answer["png"], (answer["predicted"], f"{100 * answer['confidence']:.1f} %", *right), wrong)


def _said(answer: Look) -> str:
    sure = f"{answer['predicted']}, {100 * answer['confidence']:.1f} % sure"
    return sure if answer["predicted"] == answer["label"] else f"{sure}, is {answer['label']}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _uncertain(ablation: Ablation, looks: Sequence[Looks]) -> Figure | None:
    """Draw the images that the best variant's best replicate is least certain of; test data choose neither."""
    each = max(looks, key=lambda each: _validated(ablation, ablation.variant(each.variant)))
    scores = {r.seed: _score(ablation, r.metrics) for r in ablation.variant(each.variant).replicates}
    chosen = max(each.replicates, key=lambda replicate: scores.get(replicate["seed"], -np.inf))
    if not chosen["uncertain"]:
        return None
    frames = [
        Frame(
            image["png"],
            (*_likely(*image["classes"][:2]), f"is {image['label']}"),
            image["classes"][0]["name"] != image["label"],
        )
        for image in chosen["uncertain"]
    ]
    caption = (
        f"Test images with the highest predictive entropy, {each.variant}, seed {chosen['seed']}: mean probability ± "
        "deviation over passes of the two likeliest classes. Red: the likeliest is wrong."
    )
    alt = "; ".join(", ".join(frame.lines) for frame in frames)
    return sheet("uncertain", "Most uncertain images", caption, alt, frames)


def _likely(first: Look, second: Look) -> list[str]:
    return [first["name"], _spread(first), f"or {second['name']}", _spread(second)]


def _spread(of: Look) -> str:
    return f"{100 * of['mean']:.0f} ± {100 * of['deviation']:.0f} %"


def _validated(ablation: Ablation, variant: Variant) -> float:
    scores = [_score(ablation, r.metrics) for r in variant.replicates if r.outcome == "finished"]
    return fmean(scores) if scores else -np.inf


def _score(ablation: Ablation, metrics: Look) -> float:
    value = metrics.get(f"val_{ablation.metric}", np.nan)
    return float(value if ablation.metric == "accuracy" else -value)


def _doubts(looks: Sequence[Looks], styles: Styles) -> Table:
    columns = [Column("variant"), Column("prediction")]
    columns += [Column(title, True, hint) for title, _, hint in MEASURES.values()]
    rows = []
    for each in looks:
        for which, name in (("plain", "one pass"), ("mc", "mean of passes")):
            cells = [_measured(each, (which, key), factor) for key, (_, factor, _) in MEASURES.items()]
            rows.append([Cell(each.variant, style=styles[each.variant]), Cell(name), *cells])
        differences = [_difference(each, key, factor) for key, (_, factor, _) in MEASURES.items()]
        rows.append([Cell(each.variant, style=styles[each.variant]), Cell("difference"), *differences])
    return Table(columns, rows)


def _measured(each: Looks, path: tuple[str, str], factor: float) -> Cell:
    values = each.stacked(*path)
    return Cell(MISSING) if values is None else _cell(t_interval((factor * values).tolist()))


def _difference(each: Looks, key: str, factor: float) -> Cell:
    """Return the mean over passes less the single pass, paired by replicate."""
    pairs = [(r["mc"][key], r["plain"][key]) for r in each.replicates]
    found = [factor * (mc - plain) for mc, plain in pairs if mc is not None and plain is not None]
    return _cell(t_interval(found), signed=True) if found else Cell(MISSING)


def _cell(interval: Interval, signed: bool = False) -> Cell:
    rounded = round(interval.mean, 9)
    mean = f"{rounded:+.3g}".replace("-", "−") if signed and rounded else number(rounded)
    half = "" if interval.low is None else f" ± {interval.mean - interval.low:.2g}"
    return Cell(mean + half, interval.mean)


SECTIONS: tuple[Callable[[Findings, Styles], Section], ...] = (
    finder,
    signals,
    functions,
    uncertainty,
    predictions,
)
