"""Published figures beside our replicates: one plot for each metric that a document gives."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from pipeline.report.figures.canvas import Figure, finish, mark
from pipeline.report.figures.rows import row_canvas
from pipeline.report.figures.svg import INK, series
from pipeline.report.references import Claim, name_of, named, values_of
from pipeline.report.styles import Style, Styles

CAPTION = (
    "Star: what was published. Dots: our replicates, their mean as a stroke; band: where one more run of ours would lie, "
    "with 95 %."
)
ARROWS = {"is": "*", "above": ">", "below": "<"}


@dataclass(frozen=True)
class Beside:
    """A published figure and our replicates in the shown unit; `low` and `high` for one more run."""

    name: str
    style: Style
    published: float
    kind: str
    values: Sequence[float]
    mean: float
    low: float | None
    high: float | None
    word: str


def published(claims: Sequence[Claim], styles: Styles) -> list[Figure]:
    """Draw a plot for each metric with published figures."""
    metrics = dict.fromkeys(claim.metric for claim in claims)
    return [
        _plot(metric, info)
        for metric in metrics
        if (info := published_info([claim for claim in claims if claim.metric == metric], styles))
    ]


def published_info(claims: Sequence[Claim], styles: Styles) -> list[Beside]:
    """Return what is drawn, variants in the order written; those without a measurement are left out."""
    return [
        Beside(
            name=claim.variant.name,
            style=styles[claim.variant.name],
            published=claim.published.value * claim.unit.factor,
            kind=claim.published.kind,
            values=[value * claim.unit.factor for value in values_of(claim.variant, claim.metric)],
            mean=claim.agreement.ours.mean * claim.unit.factor,
            low=None if claim.agreement.low is None else claim.agreement.low * claim.unit.factor,
            high=None if claim.agreement.high is None else claim.agreement.high * claim.unit.factor,
            word=claim.word,
        )
        for claim in claims
        if claim.agreement is not None
    ]


def _plot(metric: str, info: Sequence[Beside]) -> Figure:
    figure, axes = row_canvas([row.name for row in info])
    for position, row in enumerate(info):
        _draw(axes, position, row)
    axes.set_xlabel(named(metric))
    title = f"Published and ours: {name_of(metric)}"
    alt = "; ".join(
        f"{row.name} published {row.published:.4g}, ours {row.mean:.4g}, {row.word}" for row in info
    )
    limits = " An arrow points from a published limit." if any(row.kind != "is" for row in info) else ""
    return finish(figure, f"published-{metric.replace('_', '-')}", title, CAPTION + limits, alt)


def _draw(axes: Axes, position: int, row: Beside) -> None:
    colour = series(row.style)
    if row.low is not None and row.high is not None:
        band = axes.plot([row.low, row.high], [position, position], color=colour, linewidth=9, alpha=0.22)[0]
        band.set_solid_capstyle("butt")
        mark(band, row.style)
    mark(
        axes.plot([row.mean] * 2, [position - 0.3, position + 0.3], color=colour, linewidth=2.2)[0], row.style
    )
    heights = [position + 0.1 * (seed % 3 - 1) for seed in range(len(row.values))]
    mark(axes.plot(row.values, heights, "o", color=colour, markersize=4.6, alpha=0.85)[0], row.style)
    star = axes.plot([row.published], [position], ARROWS[row.kind], color=INK, markersize=10)[0]
    mark(star, row.style)
