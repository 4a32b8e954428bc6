"""Batches that are larger than what there is to train on."""

from pipeline.data.catalogue import Dataset
from pipeline.params.faults import Fault, fault_at
from pipeline.params.types.recipe import DataSpec, Recipe


def batch_faults(recipe: Recipe, dataset: Dataset) -> list[Fault]:
    """Return the fault of a batch with more images than train, as far as that follows without reading labels."""
    size, most = recipe.training.batch_size, _most_that_train(recipe.data, dataset)
    if size <= most or most < 1:  # without any image left, the split says so
        return []
    what = "pairs" if recipe.data.pairs else "training images"
    return [fault_at(f"must be 1 to {most}, the number of {what}; got {size}", "training", "batch_size")]


def _most_that_train(data: DataSpec, dataset: Dataset) -> int:
    left = dataset.train_count - data.held_out(dataset.train_count, dataset.validation) - data.skip
    return data.used_of(left, len(data.classes or dataset.class_names))
