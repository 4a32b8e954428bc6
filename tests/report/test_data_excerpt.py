"""The excerpt of the data on a page."""

import re
from xml.etree import ElementTree

import pytest

from pipeline.data.catalogue import Column
from pipeline.data.excerpt import Excerpt
from pipeline.report.data_excerpt import data_section

from .conftest import Built
from .made_up import HOSTILE


def section_of(classes: int, shown: int, each: int = 1, shape: tuple[int, ...] = (8, 8)) -> tuple[str, str]:
    """Return the note and the figure of an excerpt."""
    pictures = tuple(("", f"class {number}") for number in range(shown)) * each
    section = data_section("mine:data", Excerpt(2000, 300, shape, classes, pictures))
    (chart,) = section.shown_charts
    return section.note, f"{chart.caption} {chart.svg}"


def test_a_page_shows_its_data(built: Built) -> None:
    page = built.page("activations")
    assert (
        ">Data</h2>" in page
        and "digits: 1,000 training and 100 test images of 8 × 8 pixels, 2 classes." in page
    )
    figure = page[page.index('<title id="data-excerpt-title"') :]
    assert figure.partition("</svg>")[0].count("data:image/png;base64,") == 4


def test_names_of_classes_stay_text(built: Built) -> None:
    assert HOSTILE not in built.page("activations")


def test_without_prepared_data_there_is_no_section(built: Built) -> None:
    assert data_section("gone:data", None).shown_charts == []
    assert ">Data</h2>" not in built.page("what_matters")


@pytest.mark.parametrize(
    ("classes", "each", "columns"), [(2, 12, 6), (5, 4, 5), (7, 3, 6), (8, 3, 4), (10, 2, 5), (24, 1, 6)]
)
def test_equal_classes_are_below_each_other(classes: int, each: int, columns: int) -> None:
    _, figure = section_of(classes, classes, each)
    svg = ElementTree.fromstring(figure[figure.index("<svg") :])
    places = [image.get("x") for image in svg.iter("{http://www.w3.org/2000/svg}image")]
    assert len(set(places)) == columns and len(places) == classes * each


def test_it_says_what_is_left_out() -> None:
    note, figure = section_of(200, 24, shape=(32, 32, 3))
    assert note.endswith("of 32 × 32 pixels in 3 channels, 200 classes.")
    assert "24 of 200 classes" in figure
    assert len(re.findall("<image", figure)) == 24


def texts(excerpt: Excerpt) -> tuple[str, list[list[str]]]:
    """Return the note and the cells of the one table of an excerpt without pictures."""
    section = data_section("mine", excerpt)
    assert not section.shown_charts
    ((_, table),) = section.shown_tables
    return section.note, [[cell.text for cell in row] for row in table.rows]


def test_a_table_is_shown_by_its_columns() -> None:
    columns = (
        Column("age", "number", (), 3, -1.5, 80.0),
        Column("city", "category", tuple(f"<b>{number}" for number in range(10))),
        Column("empty", "number", (), 2000),
    )
    note, rows = texts(
        Excerpt(
            2000, 1, (), 1, kind="table", task="regression", columns=columns, cautions=("Two rows are equal",)
        )
    )
    assert note == "mine: 2,000 training and 1 test rows, 1 target. Two rows are equal."
    assert rows[0] == ["age", "number", "3", "−1.5 to 80"]
    assert rows[1][1:3] == ["category", "0"] and rows[1][3].endswith("<b>7 and 2 more")
    assert rows[2][3] == "nothing"


def test_arrays_are_shown_by_shape_and_type() -> None:
    arrays = (("body", (8, 4), "float32"), ("sex", (), "int64"))
    note, rows = texts(Excerpt(20, 10, (), 3, kind="inputs", task="labels", arrays=arrays))
    assert note == "mine: 20 training and 10 test rows, 3 labels."
    assert rows == [["body", "8 × 4", "float32"], ["sex", "one number", "int64"]]
    assert texts(Excerpt(20, 10, (), 3, kind="arrays", arrays=(("", (8,), "float32"),)))[1] == [
        ["8", "float32"]
    ]


def test_images_of_other_tasks_are_of_no_class() -> None:
    section = data_section("mine", Excerpt(20, 10, (8, 8), 1, (("", "1.5"),) * 2, task="regression"))
    (chart,) = section.shown_charts
    assert chart.caption == "The first training images." and section.note.endswith("pixels, 1 target.")
