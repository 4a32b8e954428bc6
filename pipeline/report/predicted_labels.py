"""How well a model that predicts several labels tells each of them, and its worst mistakes."""

from pipeline.core.text import plural
from pipeline.report.figures.thresholds import threshold_charts
from pipeline.report.section import Section
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.result_files.diagnostics import Outcome

MOST = 100
"""Labels in the table."""
MEASURES = {
    "precision": ("precision (%)", "Of the rows that are predicted to have the label, those that have it"),
    "recall": ("recall (%)", "Of the rows that have the label, those that are predicted to have it"),
    "f1": ("F1 (%)", "Harmonic mean of precision and recall"),
}
AREAS = {
    "roc": ("AUC (%)", "Area under the ROC curve"),
    "precision_recall": ("average precision (%)", "Mean of the precision over the steps of recall"),
}


def predicted_labels(outcome: Outcome) -> Section:
    """Return curves over thresholds, a table of the labels, and the worst mistakes."""
    rows, wrong, labels = outcome["rows"], outcome["wrong"], len(outcome["curves"])
    note = (
        f"Of {plural(rows, 'test row')} it gets {rows - wrong:,} right in every label "
        f"({100 * (rows - wrong) / rows:.1f} %). A label is predicted from a probability of 0.5 on."
    )
    title = "Labels" if labels <= MOST else f"The first {MOST} of {labels} labels"
    tables = [(title, _labels(outcome)), ("Worst mistakes", _worst(outcome))]
    return Section("predictions", "Predictions", threshold_charts(outcome["curves"]), note, tables)


def _labels(outcome: Outcome) -> Table:
    columns = [Column("label"), Column("positives", True, "Test rows that have the label")]
    columns += [Column(title, True, hint) for title, hint in (*MEASURES.values(), *AREAS.values())]
    rows = [
        [
            Cell(curve["name"]),
            Cell(f"{curve['positives']:,}", curve["positives"]),
            *(_cell(curve[key]) for key in MEASURES),
            *(_cell(curve.get(key, {}).get("area")) for key in AREAS),
        ]
        for curve in outcome["curves"][:MOST]
    ]
    return Table(columns, rows)


def _worst(outcome: Outcome) -> Table:
    columns = [
        Column("test row", True, "From 0"),
        Column("label"),
        Column("probability (%)", True),
        Column("right answer"),
    ]
    rows = [
        [
            Cell(f"{answer['row']:,}", answer["row"]),
            Cell(answer["name"]),
            _cell(answer["probability"]),
            Cell("yes" if answer["label"] else "no"),
        ]
        for answer in outcome["worst"]
    ]
    return Table(columns, rows)


def _cell(value: float | None) -> Cell:
    return Cell(MISSING) if value is None else Cell(f"{100 * value:.1f}", value)
