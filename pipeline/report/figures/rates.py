"""Learning-rate range tests: the loss against the rate, with the rate suggested, one small figure per variant."""

from collections.abc import Sequence

import numpy as np

from pipeline.report.figures.axis import sparse_log
from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, mark
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.styles import Styles
from pipeline.report.texts import number, shortened
from pipeline.result_files.diagnostics import Outcome

SIZE = (258, 190)
HEADROOM = 1.25


def range_tests(outcomes: Sequence[Outcome], styles: Styles) -> list[Chart]:
    """Draw each variant's range test."""
    return [_chart(outcome, styles) for outcome in outcomes]


def caption(outcome: Outcome) -> str:
    """Return the result of a range test in a sentence or two."""
    suggested, used = number(outcome["suggested"]), number(outcome["used"])
    if not outcome["fell"]:
        return f"The loss never fell: no rate can be suggested. Trained with {used}."
    same = outcome["suggested"] == outcome["used"]
    sentence = f"Suggested and used: {suggested}." if same else f"Suggested: {suggested}; used: {used}."
    turned = outcome["turning"] < outcome["rates"][-1] or outcome["rates"][-1] < outcome["range"][1]
    return sentence if turned else f"{sentence} The loss fell to the last rate tried: higher ones may work."


def _chart(outcome: Outcome, styles: Styles) -> Chart:
    name = outcome["variant"]
    style = styles[name]
    rates, losses, smoothed = (np.array(outcome[key], float) for key in ("rates", "losses", "smoothed"))
    figure, axes = blank_figure(*SIZE, Margins(left=44))
    mark(axes.plot(rates, losses, color=series(style), linewidth=0.8, alpha=0.35)[0], style)
    mark(axes.plot(rates, smoothed, color=series(style), linewidth=2)[0], style)
    axes.set_xlim(*outcome["range"])
    low, start = float(smoothed.min()), float(smoothed[0])
    spare = max(start - low, 0.1 * abs(start)) * (HEADROOM - 1)
    axes.set_ylim(low - spare, start + 2 * spare)
    axes.axvline(outcome["used"], color=MUTED, linewidth=1.2, linestyle=(0, (2, 2)))
    if outcome["fell"]:
        axes.axvline(outcome["suggested"], color=INK, linewidth=1.4)
        height = float(np.interp(np.log(outcome["suggested"]), np.log(rates), smoothed))
        axes.plot([outcome["suggested"]], [height], "o", color=INK, markersize=6, clip_on=False)
    sparse_log(axes, "x", most=4)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    alt = (
        f"The loss of {name} against the learning rate, from {number(rates[0])} to {number(rates[-1])}; "
        f"lowest at {number(outcome['turning'])}"
    )
    return finish(figure, f"finder-{style.index}", shortened(name, 30), caption(outcome), alt)
