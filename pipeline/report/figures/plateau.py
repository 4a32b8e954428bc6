"""The plateau rule at work: validation loss and learning rate over the same epochs, replicate by replicate."""

from collections.abc import Iterator
from dataclasses import dataclass

from matplotlib.ticker import MaxNLocator

from pipeline.report.figures.canvas import Figure, Margins, canvas, finish, mark, panel, sparse_log
from pipeline.report.figures.rows import WIDE
from pipeline.report.figures.svg import INK, series
from pipeline.report.results import Ablation, Variant
from pipeline.report.styles import Style, Styles

HEIGHT = 320
LEFT, RIGHT, TOP, BOTTOM, GAP = 62, 14, 10, 42, 16
SHARE = 0.62  # of the height is the loss's
CAPTION = (
    "One line per replicate: above its validation loss, below its learning rate. A dot marks the epoch after which the rate "
    "fell, the loss having found no new minimum for as long as the rule waits."
)


@dataclass(frozen=True)
class Replica:
    """One replicate's course by epoch, from 1; `falls` are the epochs at whose end the rate fell."""

    seed: int
    loss: tuple[float, ...]
    rate: tuple[float, ...]
    falls: tuple[int, ...]


def plateaus(ablation: Ablation, styles: Styles) -> list[Figure]:
    """Draw a figure for each variant that lowers its rate at plateaus."""
    return [_figure(variant, found, styles[variant.name]) for variant, found in plateaus_info(ablation)]


def plateaus_info(ablation: Ablation) -> list[tuple[Variant, list[Replica]]]:
    """Return those variants with the replicates that finished and recorded both curves."""
    found = [
        (variant, list(_replicas(variant)))
        for variant in ablation.variants
        if any(phase.kind == "plateau" for phase in variant.schedule)
    ]
    return [(variant, replicas) for variant, replicas in found if replicas]


def _replicas(variant: Variant) -> Iterator[Replica]:
    for run in variant.replicates:
        loss, rate = run.curves.get("val_loss"), run.curves.get("learning_rate")
        if run.outcome == "finished" and loss and rate:
            falls = [epoch for epoch in range(1, len(rate)) if rate[epoch] < rate[epoch - 1]]
            yield Replica(run.seed, tuple(loss), tuple(rate), tuple(falls))


def _figure(variant: Variant, replicas: list[Replica], style: Style) -> Figure:
    room = HEIGHT - TOP - BOTTOM - GAP
    figure, loss = canvas(WIDE, HEIGHT, Margins(LEFT, RIGHT, TOP, HEIGHT - TOP - room * SHARE))
    rate = panel(figure, LEFT, BOTTOM, WIDE - LEFT - RIGHT, room * (1 - SHARE), sharex=loss)
    for replica in replicas:
        epochs = range(1, len(replica.loss) + 1)
        for axes, values in ((loss, replica.loss), (rate, replica.rate)):
            step = "steps-mid" if axes is rate else "default"
            line = axes.plot(epochs, values, color=series(style), linewidth=1.3, alpha=0.7, drawstyle=step)[0]
            mark(line, style)
        at = [replica.loss[epoch - 1] for epoch in replica.falls]
        mark(loss.plot(replica.falls, at, "o", color=INK, markersize=4)[0], style)
    loss.tick_params(labelbottom=False)
    loss.set_ylabel("validation loss")
    rate.set_ylabel("learning rate")
    rate.set_xlabel("epoch")
    rate.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    if any(replica.falls for replica in replicas):
        sparse_log(rate, "y")
    return finish(
        figure,
        f"plateau-{variant.name}",
        f"{variant.name}: the rate follows the loss",
        CAPTION,
        _alt(replicas),
    )


def _alt(replicas: list[Replica]) -> str:
    return "; ".join(
        f"seed {each.seed}: {len(each.falls)} falls, from {each.rate[0]:.3g} to {each.rate[-1]:.3g}"
        for each in replicas
    )
