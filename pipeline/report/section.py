"""A section of a page: charts under one heading, with a note about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report.figures.chart import Chart
from pipeline.report.styles import Style
from pipeline.report.tables import Table


@dataclass(frozen=True)
class Section:
    """Charts under one heading. `note` explains how to read them; tables are below them, each under its own heading.

    `key` is unique on the page, and links to the section end in it. `first`: the variants that its charts begin with, where
    all of them at once would hide each other; a button shows the others.
    """

    key: str
    title: str
    charts: Sequence[Chart | None]
    note: str = ""
    tables: Sequence[tuple[str, Table | None]] = ()
    first: Sequence[Style] = ()

    @property
    def shown_charts(self) -> list[Chart]:
        """The charts that have something to show."""
        return [chart for chart in self.charts if chart is not None]

    @property
    def shown_tables(self) -> list[tuple[str, Table]]:
        """Headings and tables that have something to show."""
        return [(title, table) for title, table in self.tables if table is not None and table.rows]
