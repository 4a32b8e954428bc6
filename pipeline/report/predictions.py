"""The sections that show what models predict: the best model's mistakes, and those of each rung of a ladder."""

from collections.abc import Sequence

from pipeline.report.figures.chart import Chart
from pipeline.report.figures.confusion import confusion, most_confused
from pipeline.report.figures.sheet import COLUMNS, Frame, sheet, sheet_of_rows
from pipeline.report.findings import Findings
from pipeline.report.section import Section
from pipeline.report.styles import Styles
from pipeline.result_files.diagnostics import Outcome
from pipeline.result_files.schema import Ablation

KINDS = {
    "font": (
        "Digits of a font",
        "Drawn with DejaVu Sans and scaled as the data set's digits are. No model has seen them.",
    ),
    "worst": (
        "Worst mistakes",
        "Wrong answers, the most confident first: the prediction, its confidence, and the right answer.",
    ),
    "right": ("Right answers", "For contrast: right answers, spread evenly over the test images."),
}


def predictions(findings: Findings, styles: Styles) -> Section:  # noqa: ARG001
    """Return the best model's answers to digits of a font, its worst mistakes, some right answers, and what it confuses."""
    best = next(iter(findings.ablation.diagnostics.predictions), None)
    if best is None:
        return Section("predictions", "Predictions", [])
    pair = most_confused(best)
    confused = f" It predicts {pair[1]} instead of {pair[0]} most often, {_times(pair[2])}." if pair else ""
    note = (
        f"Shown: {_model(best)}, the best replicate of the best variant, both by {_chosen_by(findings.ablation)}. "
        f"Of {_mistakes(best)}.{confused}"
    )
    return Section("predictions", "Predictions", [*_answer_sheets(best), confusion(best)], note)


def rungs(findings: Findings, styles: Styles) -> Section:  # noqa: ARG001
    """Return each rung's answers to digits of a font and a row of its worst mistakes, in the order of the ladder."""
    ablation = findings.ablation
    of_variant = {outcome["variant"]: outcome for outcome in ablation.diagnostics.predictions}
    shown = [of_variant.get(variant.name) for variant in ablation.variants]
    charts = [_rung(place, outcome) for place, outcome in enumerate(shown) if outcome]
    note = f"The best replicate of every rung, by {_chosen_by(ablation)}."
    return Section("rungs", "Predictions of every rung", charts if len(of_variant) > 1 else [], note)


def _answer_sheets(outcome: Outcome) -> list[Chart]:
    return [
        sheet(
            f"predictions-{kind}",
            title,
            caption,
            f"{title}: {_answers_text(outcome[kind])}",
            [_frame(answer) for answer in outcome[kind]],
            len(outcome[kind]) if kind == "font" else COLUMNS,
        )
        for kind, (title, caption) in KINDS.items()
        if outcome.get(kind)
    ]


def _rung(place: int, outcome: Outcome) -> Chart | None:
    font = outcome.get("font", [])
    columns = max(len(font), COLUMNS)
    rows = [row for row in (font, outcome["worst"][:columns]) if row]
    if not rows:
        return None
    below = "its most confident mistakes"
    what = f"First row: digits of a font; below: {below}." if font else f"Shown: {below}."
    return sheet_of_rows(
        f"rung-{place}",
        outcome["variant"],
        f"{_model(outcome)}: of {_mistakes(outcome)}. {what}",
        "; ".join(map(_answers_text, rows)),
        [[_frame(answer) for answer in row] for row in rows],
        columns,
    )


def _model(outcome: Outcome) -> str:
    return f"{outcome['variant']}, seed {outcome['seed']}"


def _mistakes(outcome: Outcome) -> str:
    wrong, images = outcome["wrong"], outcome["images"]
    return f"{images:,} test images it gets {wrong:,} wrong ({100 * wrong / images:.1f} %)"


def _frame(answer: Outcome) -> Frame:
    wrong = answer["predicted"] != answer["label"]
    right = (f"is {answer['label']}",) if wrong else ()
    return Frame(answer["png"], (answer["predicted"], f"{100 * answer['confidence']:.1f} %", *right), wrong)


def _answers_text(answers: Sequence[Outcome]) -> str:
    return "; ".join(map(_answer_text, answers))


def _answer_text(answer: Outcome) -> str:
    text = f"{answer['predicted']}, {100 * answer['confidence']:.1f} % sure"
    return text if answer["predicted"] == answer["label"] else f"{text}, is {answer['label']}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _chosen_by(ablation: Ablation) -> str:
    """Return by which data the best variant and its best replicate are chosen, in words."""
    measured = {name for variant in ablation.variants for run in variant.replicates for name in run.metrics}
    holds_out = ablation.measured(ablation.metric).choosing(measured) != ablation.metric
    return "validation data" if holds_out else "training data, as no images were held out"
