"""Replicates that differ by more than their seed, in words: what they are, and where their variance comes from."""

from collections.abc import Mapping
from math import ceil, isnan, nan
from statistics import fmean

from pipeline.report.measure import Measure
from pipeline.result_files.schema import Ablation, Replication, Variant
from pipeline.stats.conclusion import SEEDS, ReplicateKind
from pipeline.stats.variance import between_share

KINDS = {
    "searches": ("search", "searches"),
    "splits": ("random split", "random splits"),
    "groups": ("split by group", "splits by group"),
    "folds": ("fold", "folds"),
}
SOURCES = {"searches": "search", "splits": "split", "groups": "split", "folds": "fold"}
"""Where the variance between replicates comes from."""


def kind_of(replication: Replication) -> ReplicateKind:
    """Return what the replicates of an ablation are called."""
    if replication.is_plain:
        return SEEDS
    return ReplicateKind(*KINDS[replication.over], independent=replication.overlap == 0)


def counts_of(ablation: Ablation) -> tuple[int, int]:
    """Return how many replicates the variants have, at least and at most."""
    counts = [ceil(len(variant.replicates) / ablation.replication.seeds) for variant in ablation.variants]
    return min(counts, default=0), max(counts, default=0)


def counted(ablation: Ablation) -> str:
    """Return how many replicates the variants have, in words: `5 to 20 seeds`."""
    return kind_of(ablation.replication).counted(*counts_of(ablation))


def by_seed(variant: Variant, unit: Measure) -> dict[int, float]:
    """Return what the runs of a variant measured, by seed; NaN for those that diverged."""
    return {run.seed: nan if (value := unit.of(run)) is None else value for run in variant.replicates}


def by_replicate(values: Mapping[int, float], replication: Replication) -> dict[int, list[float]]:
    """Return the values of the runs of each replicate, from values by seed."""
    runs: dict[int, list[float]] = {}
    for seed, value in values.items():
        runs.setdefault(replication.part_of(seed), []).append(value)
    return runs


def means(values: Mapping[int, float], replication: Replication) -> dict[int, float]:
    """Return the value of each replicate, the mean over those of its runs that finished, from values by seed."""
    finite = {
        part: [value for value in own if not isnan(value)]
        for part, own in by_replicate(values, replication).items()
    }
    return {part: fmean(own) if own else nan for part, own in finite.items()}


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
    what = f"the {SOURCES[replication.over]}"
    if ablation.tune is not None and replication.over != "searches":
        what += " and the hyperparameters chosen on it"
    if replication.seeds == 1:
        return (
            "How much of their variance is that of the seed is not known: replicates: {seeds: 2} would tell."
        )
    share = between_share(
        by_replicate(by_seed(variant, measure), replication).values() for variant in ablation.variants
    )
    if share is None:
        return ""
    return f"Of the variance of a run, {100 * share:.0f} % comes from {what}, {100 * (1 - share):.0f} % from its seed."
