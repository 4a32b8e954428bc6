"""How many threads TensorFlow's operations share: one where every core can have a convolutional net of its own.

The pool's size is that of the whole process, and fixed before TensorFlow starts. Two threads help a convolution little, and
two nets at a time get into each other's way in a pool of two; side by side with one thread each they take about half the
time (docs/performance.md). XLA's programs, so dense nets, want the pool to themselves.
"""

from collections.abc import Sequence
from contextlib import suppress

import keras
import tensorflow as tf

from pipeline.core.machine import cores
from pipeline.data.catalogue import Dataset
from pipeline.executors.worker import set_threads
from pipeline.params.types.layers import ConvLayer, KerasLayer
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.study import Study
from pipeline.planning.ablation import AblationState
from pipeline.planning.work import missing_runs_of

SHARE = 0.8
"""Of the missing runs, at least, that convolve."""


def set_pool(study: Study, states: Sequence[AblationState], stored: set[str]) -> None:
    """Give TensorFlow's pool the size that the study says, or else that suits what `states` lack.

    Where TensorFlow has started, as in a process that has trained before, its own choice stays.
    """
    if study.executor.threads is not None:
        set_threads(study.executor.threads)
    elif one_net_a_core(study, states, stored):
        with suppress(RuntimeError):
            set_threads(1)


def one_net_a_core(study: Study, states: Sequence[AblationState], stored: set[str]) -> bool:
    """Return whether what `states` lack is mostly convolutional nets, and enough of them for every core."""
    if study.executor.kind != "local" or study.engine == "fit" or keras.backend.backend() != "tensorflow":
        return False
    missing = {True: 0, False: 0}
    for state in states:
        for variant in state.variants:
            missing[convolves(variant.variant.recipe, state.dataset)] += missing_runs_of(variant, stored)
    enough = missing[True] >= cores() > 1 and missing[True] >= SHARE * sum(missing.values())
    return enough and not tf.config.list_physical_devices("GPU")


def convolves(recipe: Recipe, dataset: Dataset) -> bool:
    """Return whether a recipe's model convolves; of one that a function builds it is assumed where the data are images."""
    chain = recipe.chain
    if chain is None:
        return dataset.is_image
    return any(
        isinstance(layer, ConvLayer) or (isinstance(layer, KerasLayer) and "Conv" in layer.name)
        for layer in chain.layers
    )
