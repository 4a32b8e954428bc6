"""Learning curves: the mean over replicates with its interval, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from pipeline.core.text import in_words
from pipeline.report.figures.axis import log_axis, quick_ticks, sparse_log
from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish
from pipeline.report.figures.lines import Floats, Line, draw_line
from pipeline.report.figures.phases import PhaseMark, draw_phases, phase_marks
from pipeline.report.measure import LOSS, shown_as
from pipeline.report.styles import Style, Styles
from pipeline.result_files.schema import Ablation, Variant
from pipeline.stats.intervals import t_quantile

RATE = "learning_rate"
SIZE = (338, 250)
MOST_POINTS = 120
SMALLEST_ERROR = 0.05
_ACCURACIES = (0, 50, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)


def learning_curves(ablation: Ablation, styles: Styles) -> list[Chart]:
    """Draw a panel for every curve that was recorded; for the learning rate only where some variant's changes."""
    panels = (
        (key, title, curves_info(ablation, key, styles)) for key, title in panel_titles(ablation).items()
    )
    phases = phase_marks(ablation)
    return [
        _panel(key, title, lines, phases, styles, ablation.measured(key).is_fraction)
        for key, title, lines in panels
        if lines and not (key == RATE and all(np.allclose(line.mean, line.mean[0], atol=0) for line in lines))
    ]


def panel_titles(ablation: Ablation) -> dict[str, str]:
    """Return the names of an ablation's curves with their titles: of every metric, the loss, and the learning rate."""
    names = [name for name in ablation.metrics if name != LOSS.metric]
    if ablation.metric in names:
        names.sort(key=lambda name: name != ablation.metric)
    titles: dict[str, str] = {}
    for name in (*names, LOSS.metric):
        unit = f" ({shown_as(ablation, name).unit})" if shown_as(ablation, name).unit else ""
        words = in_words(name)
        titles |= {f"val_{name}": f"Validation {words}{unit}", name: f"Training {words}{unit}"}
    return {**titles, RATE: "Learning rate"}


def curves_info(ablation: Ablation, curve: str, styles: Styles) -> list[Line]:
    """Return each variant's mean of `curve` by epoch, from 1, over the replicates still training, while half of them are.

    Diverged replicates are left out. Fractions are in per cent.
    """
    factor = 100.0 if ablation.measured(curve).is_fraction else 1.0
    lines = []
    for variant in ablation.variants:
        values = _stacked(variant, curve)
        if values is not None:
            look = styles[variant.name]
            lines.append(_line(variant.name, look, values * factor, ablation.replication.overlap))
    return lines


def _stacked(variant: Variant, curve: str) -> Floats | None:
    """Return `[replicates, epochs]`, NaN where a replicate had stopped."""
    curves = [r.curves[curve] for r in variant.replicates if r.outcome == "finished" and r.curves.get(curve)]
    if not curves:
        return None
    stacked = np.array(list(zip_longest(*curves, fillvalue=np.nan)), np.float64).T
    running = np.isfinite(stacked).sum(axis=0)
    return stacked[:, 2 * running >= len(curves)]


def _line(name: str, style: Style, values: Floats, overlap: float) -> Line:
    n = np.isfinite(values).sum(axis=0)
    mean = np.nanmean(values, axis=0)
    quantile = np.array([t_quantile(df) if df else np.nan for df in range(len(values))])[n - 1]
    squares = np.nansum((values - mean) ** 2, axis=0)
    half = quantile * np.sqrt(squares / np.maximum(n - 1, 1) * (1 / n + overlap))
    shown = np.unique(np.linspace(0, len(mean) - 1, min(len(mean), MOST_POINTS)).round().astype(int))
    epochs = np.arange(1.0, len(mean) + 1)
    return Line(name, style, epochs[shown], mean[shown], (mean - half)[shown], (mean + half)[shown])


def _panel(
    key: str,
    title: str,
    lines: Sequence[Line],
    phases: Sequence[PhaseMark],
    styles: Styles,
    accuracy: bool,
) -> Chart:
    figure, axes = blank_figure(*SIZE, Margins(left=50))
    for line in lines:
        _draw(axes, line, accuracy, bands=key != RATE)
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
    """Draw a line; accuracies are drawn as errors, so that a logarithmic axis spreads out values near 100 %."""
    if accuracy:
        line = replace(line, mean=_error(line.mean), low=_error(line.low), high=_error(line.high))
    if (line.mean > 0).all():
        line = replace(line, low=np.maximum(line.low, line.mean / 10))
    draw_line(axes, line, bands, marker="o" if len(line.x) == 1 else None)


def _error(accuracy: Floats) -> Floats:
    return np.maximum(100.0 - accuracy, SMALLEST_ERROR)


def _error_axis(axes: Axes, lines: Sequence[Line]) -> None:
    errors = np.concatenate([_error(line.mean) for line in lines])
    best = np.concatenate([_error(line.high[np.isfinite(line.high)]) for line in lines])
    low = max(min(best.min(initial=np.inf), errors.min()), errors.min() / 2.5) / 1.1
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
    inside = ([tick for tick in ticks if low <= tick <= high] for ticks in finer)
    ticks = next((ticks for ticks in inside if len(ticks) >= 3), [low, high])
    return [round(tick, 2) for tick in ticks]


def _alt(lines: Sequence[Line], phases: Sequence[PhaseMark]) -> str:
    ends = "; ".join(f"{line.name} ends at {line.mean[-1]:.3g}" for line in lines)
    begins = "".join(
        f" {phase.name} begins after epoch {phase.epoch} ({', '.join(phase.variants)})." for phase in phases
    )
    return f"Curves over {int(max(line.x[-1] for line in lines))} epochs. {ends}.{begins}"
