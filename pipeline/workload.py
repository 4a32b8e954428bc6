"""How much there is to compute in a phase of training, reckoned from its recipe without reading any data. No TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from pipeline.data.catalogue import Dataset
from pipeline.params.freezing import frozen_blocks
from pipeline.params.layers import ConvLayer, DenseLayer, KerasLayer
from pipeline.params.phases import Phase
from pipeline.params.recipe import DataSpec, ModelSpec
from pipeline.params.rules import told_apart

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
    if len(shape) != 3:
        return Part(0), shape
    if isinstance(spec, ConvLayer):
        places = _extent(shape, spec.kernel_size, spec.strides, spec.padding)
        kernel = prod(spec.kernel_size) * shape[2] * spec.filters
        return Part(prod(places) * kernel, True), (*places, spec.filters)
    if isinstance(spec, KerasLayer) and spec.name.endswith("Pooling2D"):
        return Part(0), _pooled(spec, shape)
    return Part(0), shape


def _pooled(spec: KerasLayer, shape: Shape) -> Shape:
    if spec.name.startswith("Global"):
        return shape[2:]
    window = _pair(spec.arguments.get("pool_size"), (2, 2))
    strides = _pair(spec.arguments.get("strides"), window)
    return (*_extent(shape, window, strides, spec.arguments.get("padding", "valid")), shape[2])


def _extent(shape: Shape, window: Sequence[int], strides: Sequence[int], padding: str) -> Shape:
    """Return the height and width of what a window gives that moves over an image."""
    room = [0 if padding == "same" else size - 1 for size in window]
    return tuple(
        max(1, -(-(side - less) // by)) for side, less, by in zip(shape[:2], room, strides, strict=True)
    )


def _pair(value: Any, otherwise: Sequence[int]) -> Sequence[int]:
    """Return the two numbers that Keras takes an argument for; `otherwise` where it is none that Keras could take."""
    pair = (value[0], value[-1]) if isinstance(value, list | tuple) and value else (value, value)
    return pair if all(isinstance(each, int) and each > 0 for each in pair) else otherwise
