"""Heat map of a grid: the mean of every combination of levels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, label_room
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, MUTED, PAPER
from pipeline.report.findings import Findings
from pipeline.report.measure import Measure
from pipeline.report.texts import plain, shortened
from pipeline.stats.intervals import Interval

KEY = "heat-map"
CELL = (96.0, 44)
WIDEST_CELL = 150.0
LONGEST = 24
WIDTHS = 2.0
"""Of the usual interval that the colours span at least."""


@dataclass(frozen=True)
class HeatMap:
    """Means and their text; rows are levels of all factors but the last, columns of the last.

    A cell without any finished replicate is NaN. `scale` are the ends of the colours: further apart than the means where
    these differ by little more than their intervals are wide, so that noise looks like noise.
    """

    means: pd.DataFrame
    labels: pd.DataFrame
    scale: tuple[float, float]
    baseline: tuple[int, int]
    rows: str
    columns: str


def heat_map(findings: Findings) -> Chart | None:
    """Draw the map, or return None for anything but a grid of two factors or more."""
    info = heat_map_info(findings)
    if info is None:
        return None
    rows, columns = info.means.shape
    labels = [shortened(label, LONGEST) for label in info.means.index]
    margins = Margins(left=label_room(labels) + 16, right=10, bottom=58)
    cell = min(WIDEST_CELL, max(CELL[0], (WIDE - margins.left - margins.right) / columns))
    width = margins.left + cell * columns + margins.right
    figure, axes = blank_figure(width, margins.top + CELL[1] * rows + margins.bottom, margins)
    _paint(axes, info, "cividis" if findings.measure.higher_is_better else "cividis_r")
    axes.set_yticks([row + 0.5 for row in range(rows)], labels, rotation=0, color=INK)
    names = [shortened(label, 15) for label in info.means.columns]
    axes.set_xticks([column + 0.5 for column in range(columns)], names, rotation=0, color=INK)
    axes.set_xlabel(info.columns, color=MUTED)
    axes.set_ylabel(info.rows, color=MUTED)
    unit = findings.measure.label
    caption = f"Mean {unit} of every combination, ± half its 95 % interval. Outlined: the baseline."
    return finish(figure, KEY, f"{info.rows} by {info.columns}", caption, _alt(info))


def _paint(axes: Axes, info: HeatMap, colours: str) -> None:
    low, high = info.scale
    look = {"cmap": colours, "vmin": low, "vmax": high, "cbar": False, "linewidths": 2, "linecolor": PAPER}
    sns.heatmap(info.means, ax=axes, **look)
    means, labels = info.means.to_numpy(), info.labels.to_numpy(dtype=str)
    shares = (means - low) / ((high - low) or 1.0)
    for (row, column), share in np.ndenumerate(shares):
        ink = readable(colormaps[colours](float(share))[:3])
        axes.text(column + 0.5, row + 0.5, str(labels[row, column]), color=ink, ha="center", va="center")
    row, column = info.baseline
    axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=INK, linewidth=2, clip_on=False))


def readable(paper: Sequence[float]) -> str:
    """Return the one of black and white that stands out more from a colour given as red, green, blue in 0..1.

    Source: luminance and contrast as in WCAG 2.2; both contrasts are equal at a luminance of 0.179.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in paper]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def heat_map_info(findings: Findings) -> HeatMap | None:
    """Return the map of a grid; None for fewer than two factors, or without any finished replicate."""
    variants = findings.ablation.variants
    factors = list(dict.fromkeys(factor for variant in variants for factor in variant.levels))
    if findings.ablation.kind != "grid" or len(factors) < 2 or findings.best is None:
        return None
    places = {variant.name: _place(variant.levels, factors) for variant in variants}
    index = list(dict.fromkeys(row for row, _ in places.values()))
    columns = list(dict.fromkeys(column for _, column in places.values()))
    means = pd.DataFrame(float("nan"), index=index, columns=columns, dtype=float)
    labels = pd.DataFrame("", index=index, columns=columns, dtype=object)
    for name, (row, column) in places.items():
        interval = findings.row(name).interval
        if interval is not None:
            means.loc[row, column] = interval.mean * findings.measure.factor
            labels.loc[row, column] = _label(findings.measure, interval)
    row, column = places[findings.ablation.baseline]
    return HeatMap(
        means,
        labels,
        _scale(findings),
        (index.index(row), columns.index(column)),
        " · ".join(factors[:-1]),
        factors[-1],
    )


def _scale(findings: Findings) -> tuple[float, float]:
    """Return the ends of the colours: those of the means, or `WIDTHS` of their usual interval around the middle."""
    estimates = [findings.measure.scaled(row.interval) for row in findings.rows if row.interval is not None]
    means = [estimate.mean for estimate in estimates]
    widths = [high - low for low, high in (estimate.ends for estimate in estimates if estimate.ends)]
    middle = (min(means) + max(means)) / 2
    half = max(max(means) - min(means), WIDTHS * median(widths) if widths else 0.0) / 2
    return middle - half, middle + half


def _place(levels: Mapping[str, Any], factors: list[str]) -> tuple[str, str]:
    names = [plain(levels.get(factor)) for factor in factors]
    return " · ".join(names[:-1]), names[-1]


def _label(unit: Measure, interval: Interval) -> str:
    if interval.low is None:
        return unit.text(interval.mean)
    return f"{unit.text(interval.mean)}\n± {unit.text(interval.mean - interval.low)}"


def _alt(info: HeatMap) -> str:
    labels = (
        (row, column, str(label)) for row, cells in info.labels.iterrows() for column, label in cells.items()
    )
    return "; ".join(f"{row}, {column}: {label}".replace("\n", " ") for row, column, label in labels if label)
