"""The plateau rule at work: validation loss and learning rate over the same epochs, replicate by replicate."""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.axis import sparse_log
from pipeline.report.figures.chart import Chart, Margins, blank_figure, finish, mark, panel
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, series
from pipeline.report.styles import Style, Styles
from pipeline.result_files.schema import Ablation, Variant

HEIGHT = 320
LEFT, RIGHT, TOP, BOTTOM, GAP = 62, 14, 10, 42, 16
SHARE = 0.62
"""Part of the height that the loss takes."""
CAPTION = (
    "One line per replicate: above its validation loss, below its learning rate. A dot marks the epoch after which the rate "
    "fell: the loss had reached no new minimum for as long as the rule waits."
)


@dataclass(frozen=True)
class Run:
    """One replicate's loss and rate by epoch, from 1; `falls` are the epochs at whose end the rate fell."""

    seed: int
    loss: tuple[float, ...]
    rate: tuple[float, ...]
    falls: tuple[int, ...]


def plateaus(ablation: Ablation, styles: Styles) -> list[Chart]:
    """Draw a figure for each variant that lowers its rate at plateaus."""
    return [_chart(variant, runs, styles[variant.name]) for variant, runs in plateaus_info(ablation)]


def plateaus_info(ablation: Ablation) -> list[tuple[Variant, list[Run]]]:
    """Return those variants with the replicates that finished and recorded both curves."""
    return [
        (variant, runs)
        for variant in ablation.variants
        if any(phase.kind == "plateau" for phase in variant.schedule) and (runs := list(_runs(variant)))
    ]


def _runs(variant: Variant) -> Iterator[Run]:
    for run in variant.replicates:
        loss, rate = run.curves.get("val_loss"), run.curves.get("learning_rate")
        if run.outcome == "finished" and loss and rate:
            falls = [epoch for epoch in range(1, len(rate)) if rate[epoch] < rate[epoch - 1]]
            yield Run(run.seed, tuple(loss), tuple(rate), tuple(falls))


def _chart(variant: Variant, runs: list[Run], style: Style) -> Chart:
    room = HEIGHT - TOP - BOTTOM - GAP
    figure, loss = blank_figure(WIDE, HEIGHT, Margins(LEFT, RIGHT, TOP, HEIGHT - TOP - room * SHARE))
    rate = panel(figure, LEFT, BOTTOM, WIDE - LEFT - RIGHT, room * (1 - SHARE), sharex=loss)
    for run in runs:
        epochs = range(1, len(run.loss) + 1)
        for axes, values in ((loss, run.loss), (rate, run.rate)):
            step = "steps-mid" if axes is rate else "default"
            line = axes.plot(epochs, values, color=series(style), linewidth=1.3, alpha=0.7, drawstyle=step)[0]
            mark(line, style)
        heights = [run.loss[epoch - 1] for epoch in run.falls]
        mark(loss.plot(run.falls, heights, "o", color=INK, markersize=4)[0], style)
    loss.tick_params(labelbottom=False)
    loss.set_ylabel("validation loss")
    rate.set_ylabel("learning rate")
    rate.set_xlabel("epoch")
    rate.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if any(run.falls for run in runs):
        sparse_log(rate, "y")
    title = f"{variant.name}: the rate follows the loss"
    return finish(figure, f"plateau-{variant.name}", title, CAPTION, _alt(runs))


def _alt(runs: list[Run]) -> str:
    return "; ".join(
        f"seed {run.seed}: {len(run.falls)} falls, from {run.rate[0]:.3g} to {run.rate[-1]:.3g}"
        for run in runs
    )
