"""The section of a page that shows the data: training images, a table's columns, or the shapes of arrays."""

from pipeline.core.metrics import Task
from pipeline.core.text import plural
from pipeline.data.catalogue import Column as DataColumn
from pipeline.data.excerpt import Excerpt
from pipeline.report.figures.chart import Chart
from pipeline.report.figures.sheet import COLUMNS, Frame, sheet
from pipeline.report.section import Section
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import shortened

FEWEST_COLUMNS = 4
MOST = 200
"""Columns of a table that are shown."""
CATEGORIES = 8
"""Categories of a column that are named."""
OUTPUTS: dict[Task, tuple[str, str]] = {
    "classes": ("class", "classes"),
    "labels": ("label", "labels"),
    "regression": ("target", "targets"),
    "map": ("class of pixels", "classes of pixels"),
}


def data_section(dataset: str, excerpt: Excerpt | None) -> Section:
    """Return an excerpt of an ablation's data set; the section has nothing to show where there is no excerpt."""
    if excerpt is None:
        return Section("data", "Data", [])
    things = f"images of {_size(excerpt)}" if excerpt.kind == "images" else "rows"
    note = (
        f"{dataset}: {excerpt.train_count:,} training and {excerpt.test_count:,} test {things}, "
        f"{excerpt.classes:,} {OUTPUTS[excerpt.task][excerpt.classes != 1]}."
    )
    cautions = " ".join(caution.rstrip(".") + "." for caution in excerpt.cautions)
    return Section(
        "data",
        "Data",
        [_sheet(excerpt)],
        f"{note} {cautions}".strip(),
        [(_table_title(excerpt), _table_columns(excerpt)), ("Inputs", _arrays(excerpt))],
    )


def _size(excerpt: Excerpt) -> str:
    height, width, *channels = excerpt.image_shape
    return f"{height} × {width} pixels" + (f" in {plural(channels[0], 'channel')}" if channels else "")


def _sheet(excerpt: Excerpt) -> Chart | None:
    if not excerpt.pictures:
        return None
    shown = len(dict.fromkeys(name for _, name in excerpt.pictures))
    of = ""
    if excerpt.task == "classes":
        of = f" of {shown} of {excerpt.classes:,} classes" if shown < excerpt.classes else " of each class"
    return sheet(
        "data-excerpt",
        "An excerpt of the data",
        f"The first training images{of}.",
        "; ".join(name for _, name in excerpt.pictures),
        [Frame(picture, (name,)) for picture, name in excerpt.pictures],
        _columns(shown) if excerpt.task == "classes" else COLUMNS,
    )


def _table_title(excerpt: Excerpt) -> str:
    count = len(excerpt.columns)
    return "Columns" if count <= MOST else f"The first {MOST} of {count:,} columns"


def _table_columns(excerpt: Excerpt) -> Table | None:
    """Return a table's columns: what they hold in the training rows."""
    if excerpt.kind != "table":
        return None
    headings = [
        Column("column"),
        Column("type", words=True),
        Column("missing", True, "Gaps in the training rows"),
        Column("training rows have"),
    ]
    rows = [
        [
            Cell(column.name),
            Cell(column.kind),
            Cell(f"{column.missing:,}", column.missing),
            Cell(_values(column)),
        ]
        for column in excerpt.columns[:MOST]
    ]
    return Table(headings, rows)


def _values(column: DataColumn) -> str:
    """Return the range of a column of numbers, or its first categories."""
    if column.kind == "category":
        names = ", ".join(shortened(name, 24) for name in column.categories[:CATEGORIES])
        more = len(column.categories) - CATEGORIES
        return f"{names} and {more:,} more" if more > 0 else names
    if column.low is None or column.high is None:
        return "nothing"
    return f"{column.low:.4g} to {column.high:.4g}".replace("-", "−")


def _arrays(excerpt: Excerpt) -> Table | None:
    """Return the name, the shape and the type of each input that is neither images nor a table."""
    if excerpt.kind in ("images", "table"):
        return None
    named = any(name for name, _, _ in excerpt.arrays)
    headings = [*([Column("input")] if named else []), Column("shape of a row"), Column("type", words=True)]
    rows = [
        [*([Cell(name)] if named else []), Cell(" × ".join(map(str, shape)) or "one number"), Cell(kind)]
        for name, shape, kind in excerpt.arrays
    ]
    return Table(headings, rows)


def _columns(classes: int) -> int:
    """Return how many columns put equal classes below each other, or the usual number if none does."""
    candidates = range(COLUMNS, FEWEST_COLUMNS - 1, -1)
    return next((count for count in candidates if classes % count == 0 or count % classes == 0), COLUMNS)
