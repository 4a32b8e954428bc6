"""Maps of classes that a model predicts, next to the true ones, and how far both cover each other."""

from collections.abc import Sequence

from pipeline.core.text import plural
from pipeline.data.pictures import class_colour
from pipeline.report.figures.chart import Chart
from pipeline.report.figures.sheet import COLUMNS, Frame, in_rows, sheet_of_rows
from pipeline.report.section import Section
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.result_files.diagnostics import Outcome

MOST = 100
"""Classes in the table and in the legend."""
KINDS = {
    "worst": ("Maps with most mistakes", "The test rows with the most wrong pixels."),
    "others": ("Other maps", "For contrast: maps spread evenly over the test rows."),
}


def predicted_maps(outcome: Outcome) -> Section:
    """Return maps next to the true ones, the worst first, and each class's intersection over union."""
    covered = [each["iou"] for each in outcome["classes"] if each["iou"] is not None]
    note = (
        f"{plural(outcome['rows'], 'test row')}. Intersection over union: the pixels of a class that are predicted right, "
        f"of all that have it or are predicted to; its mean over the classes is {100 * sum(covered) / len(covered):.1f} %."
    )
    charts = [_sheet(kind, outcome) for kind in KINDS if outcome[kind]]
    return Section("predictions", "Predictions", charts, note, [("Classes", _classes(outcome))])


def _sheet(kind: str, outcome: Outcome) -> Chart:
    title, caption = KINDS[kind]
    maps = outcome[kind]
    shown = [_frames(each) for each in maps]
    rows = in_rows([frame for frames in shown for frame in frames], COLUMNS)
    what = "Each with its input, the true map" if "png" in maps[0] else "Each the true map"
    legend = [(class_colour(place), each["name"]) for place, each in enumerate(outcome["classes"][:MOST])]
    alt = "; ".join(f"row {each['row']}: {100 * each['right']:.1f} % right" for each in maps)
    return sheet_of_rows(
        f"predictions-{kind}", title, f"{caption} {what} and the predicted one.", alt, rows, COLUMNS, legend
    )


def _frames(shown: Outcome) -> Sequence[Frame]:
    row, right = f"row {shown['row']:,}", f"{100 * shown['right']:.1f} % right"
    maps = [Frame(shown["true"], ("true",)), Frame(shown["predicted"], ("predicted", right))]
    return (
        [Frame(shown["png"], (row,)), *maps]
        if "png" in shown
        else [Frame(shown["true"], ("true", row)), maps[1]]
    )


def _classes(outcome: Outcome) -> Table:
    columns = [
        Column("class"),
        Column("pixels (%)", True, "Share of the pixels of the test rows that have the class"),
        Column("intersection over union (%)", True),
    ]
    rows = [
        [Cell(each["name"]), _cell(each["pixels"]), _cell(each["iou"])] for each in outcome["classes"][:MOST]
    ]
    return Table(columns, rows)


def _cell(value: float | None) -> Cell:
    return Cell(MISSING) if value is None else Cell(f"{100 * value:.1f}", value)
