"""The computation in a phase of training, estimated from its recipe without reading data. No TensorFlow."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, prod
from typing import Any

from pipeline.data.catalogue import Dataset
from pipeline.params.checks.layer_shapes import layer_shape
from pipeline.params.checks.recipe import class_count
from pipeline.params.checks.shapes import KERNEL
from pipeline.params.faults import FaultsError
from pipeline.params.types.layers import ConvLayer, DenseLayer, KerasLayer
from pipeline.params.types.phases import Phase
from pipeline.params.types.recipe import DataSpec, ModelSpec, frozen_blocks

FORWARD = 2
"""Operations per multiplication of a forward pass: the multiplication and an addition."""
TRAINED = 6
"""Operations per multiplication where the gradients of inputs and weights are computed too."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Work:
    """Steps of one batch each, and floating-point operations in `dense` layers and in convolutions (`convolved`)."""

    steps: int
    dense: int
    convolved: int


@dataclass(frozen=True)
class Part:
    """One hidden block or the output: its multiplications in a forward pass of one image; whether it is a convolution."""

    multiplications: int
    convolves: bool = False


def work(phase: Phase, dataset: Dataset, folds: int | None = None) -> Work:
    """Return the work of `phase` on `dataset`, with `folds` for cross-validation; early stopping is ignored.

    Example:
        >>> [work(phase, CATALOGUE["mnist"]).steps for phase in phases_of(recipe)]
    """
    recipe = phase.recipe
    epochs = recipe.training.epochs
    training, validation = image_counts(recipe.data, dataset, folds)
    frozen, trained = _frozen_and_trained(phase, dataset)
    per_frozen = FORWARD * (training + validation) * (1 if phase.cache_features else epochs)
    per_trained = (TRAINED * training + FORWARD * validation) * epochs
    dense, convolved = (
        per_frozen * _multiplications(frozen, convolves) + per_trained * _multiplications(trained, convolves)
        for convolves in (False, True)
    )
    return Work(ceil(training / recipe.training.batch_size) * epochs, dense, convolved)


def _multiplications(parts: Sequence[Part], convolves: bool) -> int:
    return sum(part.multiplications for part in parts if part.convolves == convolves)


def image_counts(data: DataSpec, dataset: Dataset, folds: int | None = None) -> tuple[int, int]:
    """Return how many images (or pairs) train and how many validate, if all classes are equally frequent."""
    total, all_classes = dataset.train_count, len(dataset.class_names)
    classes = all_classes if data.classes is None else len(data.classes)
    held_out = total // folds if folds else data.held_out(total, dataset.validation)
    left = max(1, (total - held_out) * classes // all_classes - data.skip)
    return data.used_of(left, classes), held_out * classes // all_classes


def parts_of(model: ModelSpec, image: Shape, outputs: int) -> tuple[list[Part], list[Part]]:
    """Return a model's hidden blocks, and what is above: the blocks that join two towers, and the output of `outputs` units.

    `image` is the shape of one tower's input: `(height, width[, channels])`, or `(numbers,)`. Blocks of two towers count
    twice.
    """
    shape: Shape = (*image, 1) if len(image) == 2 else image
    hidden, top = [], []
    for spec in model.unrolled():
        part, shape = _block(spec, shape)
        hidden.append(Part(part.multiplications * model.towers, part.convolves))
    width = prod(shape) * model.towers
    for units in (*model.joint, *([outputs] if model.output.weights else [])):
        top.append(Part(width * units))
        width = units
    return hidden, top


def _frozen_and_trained(phase: Phase, dataset: Dataset) -> tuple[list[Part], list[Part]]:
    """Return the parts below the first one that trains, and all others."""
    recipe = phase.recipe
    chain = recipe.chain
    if chain is None:
        return [], []  # what a function builds is known only once it has run
    outputs = chain.output.units or class_count(recipe, len(dataset.class_names)) or 1
    is_flat_pair = recipe.data.pairs is not None and chain.towers == 1
    image = (2 * prod(dataset.image_shape),) if is_flat_pair else dataset.image_shape
    hidden, top = parts_of(chain, image, outputs)
    frozen = frozen_blocks(phase.trainable, len(hidden))
    return hidden[:frozen], hidden[frozen:] + top


def _block(spec: object, shape: Shape) -> tuple[Part, Shape]:
    """Return a block's part and the shape of its output; unknown layers count as zero and keep the shape."""
    if isinstance(spec, DenseLayer):
        return Part(prod(shape) * spec.units), (spec.units,)
    if isinstance(spec, KerasLayer):
        return Part(0), _output_shape(spec.name, spec.arguments, shape)
    if isinstance(spec, ConvLayer) and len(shape) == 3:
        output = _output_shape("Conv2D", {key: getattr(spec, key) for key in KERNEL}, shape)
        return Part(prod(output) * prod(spec.kernel_size) * shape[2], True), output
    return Part(0), shape


def _output_shape(name: str, arguments: Mapping[str, Any], shape: Shape) -> Shape:
    """Return the output shape of a Keras layer; the shape of its input where the layer does not accept that."""
    with suppress(FaultsError):
        return layer_shape(name, arguments, shape) or shape
    return shape
