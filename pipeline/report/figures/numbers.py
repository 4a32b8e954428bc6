"""Predicted numbers against the true ones, and what is left of them: residuals."""

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, stroke
from pipeline.report.figures.svg import MUTED, series
from pipeline.report.styles import Style
from pipeline.report.texts import shortened
from pipeline.result_files.diagnostics import Outcome

SIZE = (338, 280)
LONGEST = 30

Floats = NDArray[np.float64]


def number_charts(outcome: Outcome) -> list[Chart]:
    """Draw two figures for each target: predicted against true values, and residuals against predicted values."""
    several = len(outcome["targets"]) > 1
    return [
        chart(place, target, several)
        for place, target in enumerate(outcome["targets"])
        for chart in (_predicted, _residuals)
    ]


def values(target: Outcome) -> tuple[Floats, Floats, Floats]:
    """Return the true values, the predicted ones, and the residuals: predicted less true."""
    true, predicted = (np.array(target[key], np.float64) for key in ("true", "predicted"))
    return true, predicted, predicted - true


def _predicted(place: int, target: Outcome, several: bool) -> Chart:
    true, predicted, _ = values(target)
    figure, axes = blank_figure(*SIZE, Margins(left=66))
    low, high = _limits(np.concatenate([true, predicted]))
    axes.axline((low, low), (high, high), color=MUTED, linewidth=1)
    _points(axes, true, predicted)
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_xlabel("true")
    axes.set_ylabel("predicted")
    alt = f"{len(true)} points; true values {_range(true)}, predicted ones {_range(predicted)}."
    return finish(figure, f"predicted-{place}", _title("Predicted against true", target, several), "", alt)


def _residuals(place: int, target: Outcome, several: bool) -> Chart:
    _, predicted, residuals = values(target)
    figure, axes = blank_figure(*SIZE, Margins(left=66))
    axes.axhline(0, color=MUTED, linewidth=1)
    _points(axes, predicted, residuals)
    axes.set_xlim(*_limits(predicted))
    axes.set_ylim(*_limits(np.append(residuals, 0.0)))
    axes.set_xlabel("predicted")
    axes.set_ylabel("residual")
    alt = f"{len(residuals)} points; residuals {_range(residuals)}, their mean is {residuals.mean():.4g}."
    return finish(figure, f"residuals-{place}", _title("Residuals", target, several), "", alt)


def _points(axes: Axes, x: Floats, y: Floats) -> None:
    stroke(axes, x, y, "o", color=series(Style(0)), markersize=4, alpha=0.55, markeredgewidth=0)


def _limits(numbers: Floats) -> tuple[float, float]:
    low, high = float(numbers.min()), float(numbers.max())
    spare = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - spare, high + spare


def _title(text: str, target: Outcome, several: bool) -> str:
    return f"{text}: {shortened(target['name'], LONGEST)}" if several else text


def _range(numbers: Floats) -> str:
    return f"from {numbers.min():.4g} to {numbers.max():.4g}"
