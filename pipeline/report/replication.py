"""Replicates that differ by more than their seed, in words: what they are, and where their variance comes from."""

from math import nan

from pipeline.report.measure import Measure
from pipeline.result_files.schema import Ablation, Replication
from pipeline.stats.conclusion import SEEDS, ReplicateKind
from pipeline.stats.variance import between_share

KINDS = {
    "searches": ("search", "searches"),
    "splits": ("random split", "random splits"),
    "groups": ("split by group", "splits by group"),
    "folds": ("fold", "folds"),
}
WHAT = {"searches": "search", "splits": "split", "groups": "split", "folds": "fold"}


def kind_of(replication: Replication) -> ReplicateKind:
    """Return what the replicates of an ablation are called."""
    if replication.is_plain:
        return SEEDS
    return ReplicateKind(*KINDS[replication.over], independent=replication.overlap == 0)


def replication_text(ablation: Ablation) -> str:
    """Return what the replicates of an ablation are; empty where they differ by their seed alone."""
    replication = ablation.replication
    if replication.is_plain:
        return ""
    searched = ", and has a search of its own" if ablation.tune is not None else ""
    runs = f" Its value is the mean of {replication.seeds} runs." if replication.seeds > 1 else ""
    if replication.over == "searches":
        return (
            f"Each of {replication.count} replicates has a search of its own; all test the same rows.{runs}"
        )
    tested = {
        "splits": f"a random {_part(replication.test)} of all rows",
        "groups": f"the rows of a random {_part(replication.test)} of all groups",
        "folds": f"one of {replication.k} folds of all rows",
    }[replication.over]
    return (
        f"Each of {replication.count} replicates tests {tested}, trains on others{searched}.{runs} As they share rows that "
        f"train, the variance of their mean is taken to be s² (1/{replication.count} + {replication.overlap:.3g}) instead "
        f"of s²/{replication.count} (Nadeau and Bengio, 2003)."
    )


def _part(part: float | None) -> str:
    return f"{100 * (part or 0):g} %"


def variance_text(ablation: Ablation, measure: Measure) -> str:
    """Return how much of the variance of a run comes from what replicates differ by; empty where only the seed differs."""
    replication = ablation.replication
    if replication.is_plain:
        return ""
    what = f"the {WHAT[replication.over]}"
    if ablation.tune is not None and replication.over != "searches":
        what += " and the hyperparameters chosen on it"
    if replication.seeds == 1:
        return (
            "How much of their variance is that of the seed is not known: replicates: {seeds: 2} would tell."
        )
    values = []
    for variant in ablation.variants:
        parts: dict[int, list[float]] = {}
        for run in variant.replicates:
            value = measure.of(run)
            parts.setdefault(replication.part_of(run.seed), []).append(nan if value is None else value)
        values.append(parts.values())
    share = between_share(values)
    if share is None:
        return ""
    return f"Of the variance of a run, {100 * share:.0f} % comes from {what}, {100 * (1 - share):.0f} % from its seed."
