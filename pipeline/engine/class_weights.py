"""How much the rows of each class count while training."""

import numpy as np
from numpy.typing import NDArray

from pipeline.core.errors import DataError, nearest
from pipeline.engine.views import View
from pipeline.params.types.recipe import Recipe


def class_weights(recipe: Recipe, view: View, dataset: str) -> NDArray[np.float32] | None:
    """Return the weight of each class `[classes]`, None where all count alike.

    `balanced` classes count n / (classes * n of the class), so that each counts as much in all (as scikit-learn's
    `compute_class_weight`). Raises `DataError` for a class that the data set does not have, and where there are no classes.
    """
    given = recipe.training.class_weight
    if given is None:
        return None
    if view.task != "classes":
        raise DataError(f"{dataset}: training.class_weight is for classes; its targets are {view.task}")
    if given == "balanced":
        counts = np.bincount(view.y[view.training], minlength=view.outputs)
        return (len(view.training) / (view.outputs * np.maximum(counts, 1))).astype(np.float32)
    weights = np.ones(view.outputs, np.float32)
    for name, weight in given.items():
        if name not in view.names:
            known = ", ".join(view.names[:10])
            raise DataError(
                f"{dataset}: training.class_weight: {name!r} is no class; there are {known}.{nearest(name, view.names)}"
            )
        weights[view.names.index(name)] = weight
    return weights
