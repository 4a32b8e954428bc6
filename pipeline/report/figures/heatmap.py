"""Heat map of a grid: the mean of every combination of levels."""

from dataclasses import dataclass

import pandas as pd
import seaborn as sns
from matplotlib.patches import Rectangle

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish, label_room
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, MUTED, PAPER
from pipeline.report.findings import Findings, Row
from pipeline.report.texts import plain, shortened

KEY = "heat-map"
CELL = (96.0, 44)
WIDEST_CELL = 150.0
LONGEST = 24


@dataclass(frozen=True)
class HeatMap:
    """Means and their text; rows are levels of all factors but the last, columns of the last.

    A cell without any finished replicate is NaN.
    """

    means: pd.DataFrame
    labels: pd.DataFrame
    baseline: tuple[int, int] | None
    rows: str
    columns: str


def heat_map(findings: Findings) -> Figure | None:
    """Draw the map, or return None for anything but a grid of two factors or more."""
    info = heat_map_info(findings)
    if info is None:
        return None
    rows, columns = info.means.shape
    labels = [shortened(label, LONGEST) for label in info.means.index]
    margins = Margins(left=label_room(labels) + 16, right=10, bottom=58)
    cell = min(WIDEST_CELL, max(CELL[0], (WIDE - margins.left - margins.right) / columns))
    width = margins.left + cell * columns + margins.right
    figure, axes = canvas(width, margins.top + CELL[1] * rows + margins.bottom, margins)
    unit = findings.measure
    sns.heatmap(
        info.means,
        ax=axes,
        annot=info.labels,
        fmt="",
        cmap="cividis" if unit.higher_is_better else "cividis_r",
        cbar=False,
        linewidths=2,
        linecolor=PAPER,
        annot_kws={"fontsize": 11},
    )
    axes.set_yticks([row + 0.5 for row in range(rows)], labels, rotation=0, color=INK)
    names = [shortened(label, 15) for label in info.means.columns]
    axes.set_xticks([column + 0.5 for column in range(columns)], names, rotation=0, color=INK)
    axes.set_xlabel(info.columns, color=MUTED)
    axes.set_ylabel(info.rows, color=MUTED)
    if info.baseline is not None:
        row, column = info.baseline
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=INK, linewidth=2, clip_on=False))
    caption = f"Mean {unit.label} of every combination, ± half its 95 % interval. Outlined: the baseline."
    return finish(figure, KEY, f"{info.rows} by {info.columns}", caption, _alt(info))


def heat_map_info(findings: Findings) -> HeatMap | None:
    """Return the map of a grid; None where variants have fewer than two factors."""
    variants = findings.ablation.variants
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    if findings.ablation.kind != "grid" or len(factors) < 2:
        return None
    places = {variant.name: _place(variant.levels, factors) for variant in variants}
    index = list(dict.fromkeys(row for row, _ in places.values()))
    columns = list(dict.fromkeys(column for _, column in places.values()))
    means = pd.DataFrame(float("nan"), index=index, columns=columns, dtype=float)
    labels = pd.DataFrame("", index=index, columns=columns, dtype=object)
    for name, (row, column) in places.items():
        found = findings.row(name)
        if found.interval is not None:
            means.loc[row, column] = found.interval.mean * findings.measure.factor
            labels.loc[row, column] = _label(findings, found)
    row, column = places[findings.ablation.baseline]
    return HeatMap(
        means, labels, (index.index(row), columns.index(column)), " · ".join(factors[:-1]), factors[-1]
    )


def _place(levels: object, factors: list[str]) -> tuple[str, str]:
    found = [plain(levels.get(factor)) for factor in factors] if isinstance(levels, dict) else []
    return " · ".join(found[:-1]), found[-1]


def _label(findings: Findings, row: Row) -> str:
    interval, unit = row.interval, findings.measure
    if interval is None:
        return ""
    if interval.low is None:
        return unit.text(interval.mean)
    return f"{unit.text(interval.mean)}\n± {unit.text(interval.mean - interval.low)}"


def _alt(info: HeatMap) -> str:
    cells = [
        f"{row}, {column}: {info.labels.loc[row, column]}".replace("\n", " ")
        if info.labels.loc[row, column]
        else ""
        for row in info.means.index
        for column in info.means.columns
    ]
    return "; ".join(cell for cell in cells if cell)
