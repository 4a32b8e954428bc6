"""Learning-rate range tests: the loss against the rate, with the rate suggested, one small figure a variant."""

from collections.abc import Sequence

import numpy as np

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish, mark
from pipeline.report.figures.decades import few_decades
from pipeline.report.figures.svg import INK, MUTED, series
from pipeline.report.observations import Look
from pipeline.report.styles import Styles
from pipeline.report.texts import number, shortened

SIZE = (258, 190)
HEADROOM = 1.25


def range_tests(looks: Sequence[Look], styles: Styles) -> list[Figure]:
    """Draw each variant's range test."""
    return [_figure(look, styles) for look in looks]


def caption(look: Look) -> str:
    """Return what a range test says, in a sentence or two."""
    suggested, used = number(look["suggested"]), number(look["used"])
    if not look["fell"]:
        return f"The loss never fell: no rate can be suggested. Trained with {used}."
    same = look["suggested"] == look["used"]
    turned = look["turning"] < look["rates"][-1] or look["rates"][-1] < look["range"][1]
    open_end = "" if turned else " The loss fell to the last rate tried: higher ones may do."
    return (
        f"Suggested and used: {suggested}." if same else f"Suggested: {suggested}; used: {used}."
    ) + open_end


def _figure(look: Look, styles: Styles) -> Figure:
    name = look["variant"]
    style = styles[name]
    rates, losses, smoothed = (np.array(look[key], float) for key in ("rates", "losses", "smoothed"))
    figure, axes = canvas(*SIZE, Margins(left=44))
    mark(axes.plot(rates, losses, color=series(style), linewidth=0.8, alpha=0.35)[0], style)
    mark(axes.plot(rates, smoothed, color=series(style), linewidth=2)[0], style)
    axes.set_xlim(*look["range"])
    low, start = float(smoothed.min()), float(smoothed[0])
    spare = max(start - low, 0.1 * abs(start)) * (HEADROOM - 1)
    axes.set_ylim(low - spare, start + 2 * spare)
    axes.axvline(look["used"], color=MUTED, linewidth=1.2, linestyle=(0, (2, 2)))
    if look["fell"]:
        axes.axvline(look["suggested"], color=INK, linewidth=1.4)
        height = float(np.interp(np.log(look["suggested"]), np.log(rates), smoothed))
        axes.plot([look["suggested"]], [height], "o", color=INK, markersize=6, clip_on=False)
    few_decades(axes, "x", 4)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    return finish(
        figure,
        f"finder-{styles[name].index}",
        shortened(name, 30),
        caption(look),
        f"The loss of {name} against the learning rate, from {number(rates[0])} to {number(rates[-1])}; "
        f"lowest at {number(look['turning'])}",
    )
