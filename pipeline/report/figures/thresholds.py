"""ROC and precision-recall curves: what every threshold on a probability would find, and what it would mistake."""

from collections.abc import Sequence

from matplotlib.lines import Line2D

from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.styles import Style
from pipeline.report.texts import shortened
from pipeline.result_files.diagnostics import Outcome

SIZE = (338, 320)
MOST = 10
"""Curves in one figure."""
LONGEST = 22
KINDS = {
    "roc": ("ROC curve", "false positive rate (%)", "true positive rate (%)", "area under the curve"),
    "precision_recall": ("Precision-recall curve", "recall (%)", "precision (%)", "average precision"),
}


def threshold_charts(curves: Sequence[Outcome]) -> list[Chart]:
    """Draw both kinds of curves, each of the first labels that have positives and negatives; none without any."""
    known = [curve for curve in curves if "roc" in curve][:MOST]
    return [_chart(kind, known, len(curves)) for kind in KINDS] if known else []


def _chart(kind: str, curves: Sequence[Outcome], count: int) -> Chart:
    title, across, up, area = KINDS[kind]
    figure, axes = blank_figure(*SIZE, Margins(left=50))
    if kind == "roc":
        axes.plot([0, 100], [0, 100], color=MUTED, linewidth=1)
    lines = [_line(place, curve[kind]) for place, curve in enumerate(curves)]
    for line in lines:
        axes.add_line(line)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 101)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    areas = [f"{shortened(curve['name'], LONGEST)}: {100 * curve[kind]['area']:.1f} %" for curve in curves]
    legend = axes.legend(
        lines,
        areas,
        loc="lower right" if kind == "roc" else "lower left",
        frameon=False,
        labelcolor=INK,
        fontsize=10,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    left_out = f" Shown: {len(curves)} of {count}." if len(curves) < count else ""
    caption = f"With the {area}.{left_out}"
    return finish(figure, kind.replace("_", "-"), title, caption, f"{area}: {'; '.join(areas)}")


def _line(place: int, curve: Outcome) -> Line2D:
    style = Style(place)
    x, y = ([100 * value for value in curve[axis]] for axis in "xy")
    line = Line2D(x, y, color=series(style), linewidth=1.7)
    line.set_dashes(style.dash)
    return line
