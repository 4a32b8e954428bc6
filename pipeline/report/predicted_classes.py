"""What a model that predicts classes gets wrong and right, as pictures where there are any, else as a table."""

from collections.abc import Sequence

from pipeline.core.text import plural
from pipeline.report.figures.chart import Chart
from pipeline.report.figures.confusion import confusion, most_confused
from pipeline.report.figures.sheet import COLUMNS, Frame, sheet, sheet_of_rows
from pipeline.report.figures.thresholds import threshold_charts
from pipeline.report.section import Section
from pipeline.report.tables import Cell, Column, Table
from pipeline.result_files.diagnostics import Outcome

KINDS = {
    "font": (
        "Digits of a font",
        "Drawn with DejaVu Sans and scaled as the data set's digits are. No model has seen them.",
    ),
    "worst": (
        "Worst mistakes",
        "Wrong answers, the most confident first: the prediction, its confidence, and the right answer.",
    ),
    "right": ("Right answers", "For contrast: right answers, spread evenly over the test data."),
}


def predicted_classes(outcome: Outcome) -> Section:
    """Return answers to digits of a font, the worst mistakes, some right answers, what is confused, and curves."""
    pair = most_confused(outcome)
    confused = f" It predicts {pair[1]} instead of {pair[0]} most often, {_times(pair[2])}." if pair else ""
    charts = [*_answer_sheets(outcome), confusion(outcome), *threshold_charts(outcome.get("curves", ()))]
    note = f"Of {_mistakes(outcome)}.{confused}"
    return Section("predictions", "Predictions", charts, note, [("Worst mistakes", _worst(outcome))])


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
        if _are_pictures(outcome.get(kind, ()))
    ]


def _worst(outcome: Outcome) -> Table | None:
    if not outcome["worst"] or _are_pictures(outcome["worst"]):
        return None
    columns = [
        Column("test row", True, "From 0"),
        Column("predicted"),
        Column("probability (%)", True),
        Column("right answer"),
    ]
    rows = [
        [
            Cell(f"{answer['row']:,}", answer["row"]),
            Cell(answer["predicted"]),
            Cell(f"{100 * answer['confidence']:.1f}", answer["confidence"]),
            Cell(answer["label"]),
        ]
        for answer in outcome["worst"]
    ]
    return Table(columns, rows)


def _are_pictures(answers: Sequence[Outcome]) -> bool:
    return bool(answers) and "png" in answers[0]


def rung(place: int, outcome: Outcome) -> Chart | None:
    """Return one rung's answers to digits of a font and a row of its worst mistakes; None where it has neither."""
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
        f"{outcome['variant']}, seed {outcome['seed']}: of {_mistakes(outcome)}. {what}",
        "; ".join(map(_answers_text, rows)),
        [[_frame(answer) for answer in row] for row in rows],
        columns,
    )


def _mistakes(outcome: Outcome) -> str:
    wrong, count = outcome["wrong"], sum(map(sum, outcome["confusion"]))
    pictures = _are_pictures([*outcome["worst"], *outcome["right"]])
    things = plural(count, "test image" if pictures else "test row")
    return f"{things} it gets {wrong:,} wrong ({100 * wrong / count:.1f} %)"


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
