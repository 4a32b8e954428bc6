"""A section of a page: figures under one heading, with what there is to say about them."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.report.figures.canvas import Figure
from pipeline.report.tables import Table


@dataclass(frozen=True)
class Section:
    """Figures under one heading. `note` says how to read them; tables stand below them, each under its own heading.

    `key` is unique on the page, and what links to the section end in.
    """

    key: str
    title: str
    figures: Sequence[Figure | None]
    note: str = ""
    tables: Sequence[tuple[str, Table | None]] = ()

    @property
    def drawn(self) -> list[Figure]:
        """The figures that have something to show."""
        return [figure for figure in self.figures if figure is not None]

    @property
    def filled(self) -> list[tuple[str, Table]]:
        """Headings and tables that have something to show."""
        return [(title, table) for title, table in self.tables if table is not None and table.rows]
