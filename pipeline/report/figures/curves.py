"""Learning curves: the mean over replicates with its interval, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from pipeline.report.figures.canvas import (
    Figure,
    Margins,
    canvas,
    finish,
    log_axis,
    mark,
    quick_ticks,
    sparse_log,
    stroke,
)
from pipeline.report.figures.phases import PhaseMark, draw_phases, phase_marks
from pipeline.report.figures.svg import series
from pipeline.report.results import Ablation, Variant
from pipeline.report.styles import Style, Styles
from pipeline.stats.intervals import t_quantile

PANELS = {
    "val_accuracy": "Validation accuracy (%)",
    "accuracy": "Training accuracy (%)",
    "val_loss": "Validation loss",
    "loss": "Training loss",
    "learning_rate": "Learning rate",
}
SIZE = (338, 250)
MOST_POINTS = 120
SMALLEST_ERROR = 0.05
_ACCURACIES = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """One variant's curve over the epochs shown, from 1; `low` and `high` are NaN below two replicates."""

    name: str
    style: Style
    epochs: Floats
    mean: Floats
    low: Floats
    high: Floats


def learning_curves(ablation: Ablation, styles: Styles) -> list[Figure]:
    """Draw a panel for every curve that was recorded."""
    panels = ((key, title, curves_info(ablation, key, styles)) for key, title in PANELS.items())
    phases = phase_marks(ablation)
    return [_panel(key, title, lines, phases, styles) for key, title, lines in panels if lines]


def curves_info(ablation: Ablation, curve: str, styles: Styles) -> list[Line]:
    """Return each variant's mean of `curve` over the replicates still training, while half of them are.

    Diverged replicates are left out. Accuracies are in per cent.
    """
    factor = 100.0 if curve.endswith("accuracy") else 1.0
    lines = []
    for variant in ablation.variants:
        values = _stacked(variant, curve)
        if values is not None:
            lines.append(_line(variant.name, styles[variant.name], values * factor))
    return lines


def _stacked(variant: Variant, curve: str) -> Floats | None:
    """Return `[replicates, epochs]`, NaN where a replicate had stopped."""
    found = [r.curves[curve] for r in variant.replicates if r.outcome == "finished" and r.curves.get(curve)]
    if not found:
        return None
    stacked = np.full((len(found), max(map(len, found))), np.nan)
    for row, values in zip(stacked, found, strict=True):
        row[: len(values)] = values
    running = np.isfinite(stacked).sum(axis=0)
    return stacked[:, 2 * running >= len(found)]


def _line(name: str, style: Style, values: Floats) -> Line:
    n = np.isfinite(values).sum(axis=0)
    mean = np.nanmean(values, axis=0)
    reach = np.array([t_quantile(df) if df else np.nan for df in range(len(values))])[n - 1]
    squares = np.nansum((values - mean) ** 2, axis=0)
    half = reach * np.sqrt(squares / np.maximum(n - 1, 1) / n)
    shown = np.unique(np.linspace(0, len(mean) - 1, min(len(mean), MOST_POINTS)).round().astype(int))
    epochs = np.arange(1.0, len(mean) + 1)
    return Line(name, style, epochs[shown], mean[shown], (mean - half)[shown], (mean + half)[shown])


def _panel(
    key: str, title: str, lines: Sequence[Line], phases: Sequence[PhaseMark], styles: Styles
) -> Figure:
    figure, axes = canvas(*SIZE, Margins(left=50))
    accuracy = key.endswith("accuracy")
    for line in lines:
        _draw(axes, line, accuracy, bands=key != "learning_rate")
    draw_phases(axes, phases, styles)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    if accuracy:
        _error_axis(axes, lines)
    elif all((line.mean > 0).all() for line in lines):
        sparse_log(axes, "y")
    quick_ticks(axes)
    return finish(figure, f"curve-{key.replace('_', '-')}", title, "", _alt(lines, phases))


def _draw(axes: Axes, line: Line, accuracy: bool, bands: bool) -> None:
    """Accuracies are drawn as errors, so that a logarithmic axis spreads out what lies near 100 %."""
    mean, low, high = (
        (_error(values) if accuracy else values) for values in (line.mean, line.low, line.high)
    )
    colour = series(line.style)
    if bands and np.isfinite(low).any():
        floor = mean / 10 if (mean > 0).all() else low
        _shade(axes, line, np.maximum(low, floor), high)
    dashes = (0, line.style.dash) if line.style.dash else "-"
    dot = "o" if len(line.epochs) == 1 else None
    mark(stroke(axes, line.epochs, mean, color=colour, linestyle=dashes, marker=dot), line.style)


def _shade(axes: Axes, line: Line, low: Floats, high: Floats) -> None:
    """Shade the area between two curves; a plain polygon is drawn ten times faster than `fill_between`."""
    known = np.isfinite(low) & np.isfinite(high)
    up = np.column_stack([line.epochs, high])[known]
    down = np.column_stack([line.epochs, low])[known][::-1]
    corners = np.vstack([up, down])
    band = Polygon(corners, closed=True, facecolor=series(line.style), alpha=0.14, linewidth=0)
    axes.update_datalim(corners)
    mark(axes.add_artist(band), line.style)  # `add_patch` would measure every edge as a Bézier curve


def _error(accuracy: Floats) -> Floats:
    return np.maximum(100.0 - accuracy, SMALLEST_ERROR)


def _error_axis(axes: Axes, lines: Sequence[Line]) -> None:
    errors = np.concatenate([_error(line.mean) for line in lines])
    reach = np.concatenate([_error(line.high[np.isfinite(line.high)]) for line in lines])
    low = max(min(reach.min(initial=np.inf), errors.min()), errors.min() / 2.5) / 1.1
    high = errors.max() * 1.1
    log_axis(axes, "y")
    axes.set_ylim(high, low)
    ticks = accuracy_ticks(100 - high, 100 - low)
    axes.yaxis.set_major_locator(FixedLocator([100 - tick for tick in ticks]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{100 - error:g}"))


def accuracy_ticks(low: float, high: float) -> list[float]:
    """Return three or more round accuracies (per cent) within `low`..`high`, or its ends where it is tiny."""
    finer: list[Sequence[float]] = [
        _ACCURACIES,
        *(np.arange(0, 100, step).tolist() for step in (10, 5, 2, 1, 0.5, 0.1)),
    ]
    found = ([tick for tick in ticks if low <= tick <= high] for ticks in finer)
    chosen = next((ticks for ticks in found if len(ticks) >= 3), [low, high])
    return [round(tick, 2) for tick in chosen]


def _alt(lines: Sequence[Line], phases: Sequence[PhaseMark]) -> str:
    ends = "; ".join(f"{line.name} ends at {line.mean[-1]:.3g}" for line in lines)
    begun = "".join(
        f" {phase.name} begins after epoch {phase.epoch} ({', '.join(phase.variants)})." for phase in phases
    )
    return f"Curves over {int(max(line.epochs[-1] for line in lines))} epochs. {ends}.{begun}"
