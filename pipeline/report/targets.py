"""In how many epochs each variant reaches a value of a metric: does it converge faster?"""

from collections.abc import Mapping
from math import isfinite, nan

from pipeline.report.measure import Measure
from pipeline.report.replication import means
from pipeline.report.styles import Styles
from pipeline.report.tables import Cell, Column, Table
from pipeline.report.texts import MISSING
from pipeline.report.values import value_of
from pipeline.result_files.schema import Ablation, Replicate
from pipeline.stats.compare import Comparison, compare
from pipeline.stats.intervals import t_interval

EPOCHS = Measure("epochs", 1.0, "", "", 1, False)
MARGIN = 1.0
"""Epochs that make no difference: a curve has one value an epoch."""
NOTE = (
    "The first epoch at or beyond the target: mean over replicates with its 95 % t interval, difference paired by seed, "
    "verdict as in the ranking with a margin of one epoch. Replicates that never reached it are left out, which favours "
    "their variant."
)


def heading(ablation: Ablation) -> str:
    """Return the heading of the table: `Epochs until validation accuracy (%) reaches 98.00`; empty without a target."""
    texts = ((value_of(metric, ablation), wanted) for metric, wanted in ablation.target.items())
    return " ".join(
        f"Epochs until {value.label} reaches {value.unit.text(wanted)}" for value, wanted in texts
    )


def table(ablation: Ablation, styles: Styles) -> Table | None:
    """Return each variant's epochs, compared with the baseline's; None where no target is set or no run reached it."""
    reached = {
        variant.name: means(
            {run.seed: first_epoch(run, ablation) for run in variant.replicates}, ablation.replication
        )
        for variant in ablation.variants
    }
    if not any(isfinite(epoch) for epochs in reached.values() for epoch in epochs.values()):
        return None
    overlap = ablation.replication.overlap
    compared = compare(reached, ablation.baseline, MARGIN, higher_is_better=False, overlap=overlap)
    columns = [
        Column("variant"),
        Column("reached it", True),
        Column("epochs", True),
        Column("difference [95\u00a0%]", True, f"From {ablation.baseline}"),
        Column("verdict"),
    ]
    rows = [
        [Cell(name, style=styles[name]), *_epochs(epochs, overlap), *_difference(compared.get(name))]
        for name, epochs in reached.items()
    ]
    return Table(columns, rows)


def first_epoch(run: Replicate, ablation: Ablation) -> float:
    """Return the first epoch, from 1, at which a replicate reached the ablation's target; NaN where it never did."""
    for name, wanted in ablation.target.items():
        metric = ablation.measured(name)
        for epoch, value in enumerate(run.curves.get(name, []), start=1):
            if metric.score(value) >= metric.score(wanted):
                return epoch
    return nan


def _epochs(epochs: Mapping[int, float], overlap: float) -> list[Cell]:
    """Return how many replicates reached the target, and after how many epochs."""
    finite = [epoch for epoch in epochs.values() if isfinite(epoch)]
    count = Cell(f"{len(finite)} of {len(epochs)}", len(finite))
    if not finite:
        return [count, Cell(MISSING)]
    interval = t_interval(finite, overlap=overlap)
    half = "" if interval.low is None else f" ± {interval.mean - interval.low:.1f}"
    return [count, Cell(EPOCHS.text(interval.mean) + half, interval.mean)]


def _difference(comparison: Comparison | None) -> list[Cell]:
    """Return the difference from the baseline and the verdict on it; those of the baseline itself are empty."""
    if comparison is None:
        return [Cell(MISSING, 0.0), Cell("baseline", word="baseline")]
    difference, verdict = comparison.difference, comparison.verdict
    shown = Cell(EPOCHS.interval(difference) or MISSING, difference.mean if difference else None)
    return [shown, Cell(verdict, word=verdict.replace(" ", "-"))]
