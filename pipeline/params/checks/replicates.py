"""Replicates that differ by more than their seed: what recipes and data sets must allow."""

from collections.abc import Mapping

from pipeline.params.faults import Fault, fault_at, listing
from pipeline.params.types.dataset import DatasetSpec
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.replicates import AnyReplicates, OverSearches, OverSeeds


def replicates_faults(
    replicates: AnyReplicates, recipes: Mapping[str, Recipe], source: str | DatasetSpec | None
) -> list[Fault]:
    """Return why the recipes of an ablation's variants, by name, cannot have such replicates on a data set."""
    if isinstance(replicates, OverSeeds):
        return []
    over = f"over {replicates.over}"
    finding = [name for name, recipe in recipes.items() if recipe.optimizer.finds_rate]
    texts = []
    if finding:
        texts.append(
            f"the learning rate of {listing(finding)} is found once for all replicates; tune it instead"
        )
    if not isinstance(replicates, OverSearches):
        texts += _tested_rows_faults(replicates, recipes, source)
    return [fault_at(f"{over}: {text}", "replicates") for text in texts]


def _tested_rows_faults(
    replicates: AnyReplicates, recipes: Mapping[str, Recipe], source: str | DatasetSpec | None
) -> list[str]:
    """Return why replicates cannot test other rows each."""
    in_order = [
        name
        for name, recipe in recipes.items()
        if any(phase.recipe.data.split == "time" for phase in phases_of(recipe))
    ]
    texts = []
    if in_order:
        texts.append(
            f"{listing(in_order)} split by time, where only rows after those that train can be tested"
        )
    if isinstance(source, DatasetSpec):
        if source.split == "time":
            texts.append(f"{source.name} is split by time, where only the last rows can be tested")
        elif source.groups is None and replicates.over == "groups":
            texts.append(f"{source.name} has no groups; name their column in the data set's groups")
        elif source.groups is not None and replicates.over == "splits":
            texts.append("rows of a group would be on both sides; write over: groups")
    return texts
