"""How much there is to compute in a phase of training, reckoned from its recipe without reading any data. No TensorFlow."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import Any

from pydantic_core import PydanticCustomError

from pipeline.data.catalogue import Dataset
from pipeline.params.freezing import frozen_blocks
from pipeline.params.layer_shapes import layer_shape
from pipeline.params.layers import ConvLayer, DenseLayer, KerasLayer
from pipeline.params.phases import Phase
from pipeline.params.recipe import DataSpec, ModelSpec
from pipeline.params.rules import told_apart
from pipeline.params.shapes import KERNEL

FORWARD = 2  # operations a multiplication stands for in a forward pass: itself, and an addition
TRAINED = 6  # and with the gradients of inputs and weights

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Work:
    """Steps of a batch, and floating-point operations in dense layers and in convolutions."""

    steps: int
    dense: int
    convolved: int


@dataclass(frozen=True)
class Part:
    """What one image takes in one hidden block or the output: multiplications of a forward pass."""

    multiplications: int
    convolves: bool = False


def work(phase: Phase, dataset: Dataset, folds: int | None = None) -> Work:
    """Return what `phase` takes on `dataset`, with as many `folds` for cross-validation; early stopping is left aside."""
    recipe = phase.recipe
    epochs = recipe.training.epochs
    training, validation = images(recipe.data, dataset, folds)
    below, above = _frozen_and_learning(phase, dataset)
    seen = FORWARD * (training + validation) * (1 if phase.cache_features else epochs)
    learned = (TRAINED * training + FORWARD * validation) * epochs
    operations = {False: 0, True: 0}
    for parts, each in ((below, seen), (above, learned)):
        for part in parts:
            operations[part.convolves] += part.multiplications * each
    return Work(-(-training // recipe.training.batch_size) * epochs, operations[False], operations[True])


def images(data: DataSpec, dataset: Dataset, folds: int | None = None) -> tuple[int, int]:
    """Return how many images train and how many validate, or pairs of them, if every class is as frequent as the others."""
    count, known = dataset.train_count, len(dataset.class_names)
    chosen = known if data.classes is None else len(data.classes)
    held_out = count // folds if folds else data.held_out(count, dataset.validation)
    left = max(1, (count - held_out) * chosen // known - data.skip)
    most = data.per_class * chosen if data.per_class else data.limit or left
    return data.pairs or min(left, most), held_out * chosen // known


def parts_of(model: ModelSpec, image: Shape, outputs: int) -> tuple[list[Part], list[Part]]:
    """Return the parts of a model of so many `outputs`: its hidden blocks, then what joins two towers, and the output.

    `image` is what one tower sees: `(height, width[, channels])`, or `(numbers,)`. Blocks of two towers count twice.
    """
    shape: Shape = (*image, 1) if len(image) == 2 else image
    hidden, top = [], []
    for spec in [layer for layer in model.layers for _ in range(getattr(layer, "repeat", 1))]:
        part, shape = _block(spec, shape)
        hidden.append(Part(part.multiplications * model.towers, part.convolves))
    width = prod(shape) * model.towers
    for units in (*model.joint, outputs):
        top.append(Part(width * units))
        width = units
    return hidden, top


def _frozen_and_learning(phase: Phase, dataset: Dataset) -> tuple[list[Part], list[Part]]:
    """Return the parts below the first that trains, and all others."""
    recipe = phase.recipe
    outputs = recipe.model.output.units or told_apart(recipe, len(dataset.class_names)) or 1
    in_one = recipe.data.pairs is not None and recipe.model.towers == 1  # a pair as one flat vector
    image = (2 * prod(dataset.image_shape),) if in_one else dataset.image_shape
    hidden, top = parts_of(recipe.model, image, outputs)
    frozen = frozen_blocks(phase.trainable, len(hidden))
    return hidden[:frozen], hidden[frozen:] + top


def _block(spec: object, shape: Shape) -> tuple[Part, Shape]:
    """Return a block's part, and the shape of what it gives; what is unknown here counts nothing and changes no shape."""
    if isinstance(spec, DenseLayer):
        return Part(prod(shape) * spec.units), (spec.units,)
    if isinstance(spec, KerasLayer):
        return Part(0), _after(spec.name, spec.arguments, shape)
    if isinstance(spec, ConvLayer) and len(shape) == 3:
        made = _after("Conv2D", {key: getattr(spec, key) for key in KERNEL}, shape)
        return Part(prod(made) * prod(spec.kernel_size) * shape[2], True), made
    return Part(0), shape


def _after(name: str, arguments: Mapping[str, Any], shape: Shape) -> Shape:
    """Return what a layer of Keras gives; what does not fit, as a data set of one's own that is not known yet, passes."""
    with suppress(PydanticCustomError):
        return layer_shape(name, arguments, shape) or shape
    return shape
