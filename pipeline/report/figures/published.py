"""Published values next to our replicates: one plot for each kind of value that a document reports."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes

from pipeline.report.figures.chart import Chart, finish, mark
from pipeline.report.figures.rows import replicate_band, row_figure
from pipeline.report.figures.svg import INK
from pipeline.report.measure import Estimate
from pipeline.report.published import PublishedComparison
from pipeline.report.styles import Style, Styles
from pipeline.report.values import Value

CAPTION = (
    "Star: the published value. Dots: our replicates, their mean as a stroke; band: where one more run of ours would be, "
    "with 95 %."
)
MARKERS = {"is": "*", "above": ">", "below": "<", "between": ">"}


@dataclass(frozen=True)
class PublishedRow:
    """A published value and our replicates in the shown unit; the ends of `estimate` are those for one more run."""

    name: str
    style: Style
    published: float
    kind: str
    values: Sequence[float]
    estimate: Estimate
    word: str


def published_charts(comparisons: Sequence[PublishedComparison], styles: Styles) -> list[Chart]:
    """Draw a plot for each name with published values."""
    names = dict.fromkeys(comparison.name for comparison in comparisons)
    return [
        _chart(name, own[0].value, rows)
        for name in names
        if (own := [c for c in comparisons if c.name == name]) and (rows := published_rows(own, styles))
    ]


def published_rows(comparisons: Sequence[PublishedComparison], styles: Styles) -> list[PublishedRow]:
    """Return what is drawn, variants in the order written; those without a measurement are left out."""
    return [
        PublishedRow(
            name=comparison.variant.name,
            style=styles[comparison.variant.name],
            published=comparison.published.value * comparison.unit.factor,
            kind=comparison.published.kind,
            values=[value * comparison.unit.factor for value in comparison.values],
            estimate=comparison.unit.scaled(replace(agreement.ours, low=agreement.low, high=agreement.high)),
            word=comparison.word,
        )
        for comparison in comparisons
        if (agreement := comparison.agreement) is not None
    ]


def _chart(name: str, value: Value, rows: Sequence[PublishedRow]) -> Chart:
    figure, axes = row_figure([row.name for row in rows])
    for position, row in enumerate(rows):
        _draw(axes, position, row)
    axes.set_xlabel(value.label)
    title = f"Published and ours: {value.title}"
    alt = "; ".join(
        f"{row.name} published {row.published:.4g}, ours {row.estimate.mean:.4g}, {row.word}" for row in rows
    )
    limits = " An arrow points from a published limit." if any(row.kind != "is" for row in rows) else ""
    return finish(
        figure, f"published-{re.sub(r'[^a-z0-9]+', '-', name.lower())}", title, CAPTION + limits, alt
    )


def _draw(axes: Axes, position: int, row: PublishedRow) -> None:
    replicate_band(axes, position, row.estimate, row.values, row.style)
    star = axes.plot([row.published], [position], MARKERS[row.kind], color=INK, markersize=10)[0]
    mark(star, row.style)
