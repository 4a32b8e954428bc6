"""The computation in a phase of training, estimated from its recipe without reading data. No TensorFlow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from math import ceil, prod
from typing import Any

from pipeline.data.catalogue import Dataset
from pipeline.engine.measured import TRAINED
from pipeline.params.checks.recipe import class_count
from pipeline.params.numbers import is_integer
from pipeline.params.types.layers import ConvLayer, DenseLayer, KerasLayer
from pipeline.params.types.phase_spec import frozen_blocks
from pipeline.params.types.phases import Phase
from pipeline.params.types.recipe import DataSpec, ModelSpec

FORWARD = 2
"""Operations per multiplication of a forward pass: the multiplication and an addition."""

PER_LAYER = 0.125
"""Of the work of tracing and compiling two hidden layers, what each further one adds."""
UNKNOWN_LAYERS = 24

Shape = tuple[int, ...]
Summary = Mapping[str, Any]


@dataclass(frozen=True)
class Work:
    """Steps of one batch each, floating-point operations in `dense` layers and in convolutions (`convolved`), and `graphs`
    to trace and compile, in those of two hidden layers.
    """

    steps: float = 0
    dense: float = 0
    convolved: float = 0
    graphs: float = 0

    def __add__(self, other: "Work") -> "Work":
        pairs = zip(astuple(self), astuple(other), strict=True)
        return Work(*(mine + its for mine, its in pairs))

    def __mul__(self, times: float) -> "Work":
        return Work(*(times * part for part in astuple(self)))


@dataclass(frozen=True)
class Part:
    """One hidden block or the output: its multiplications in a forward pass of one image; whether it is a convolution."""

    multiplications: int
    convolves: bool = False


def work(phase: Phase, dataset: Dataset, folds: int | None = None, summary: Summary | None = None) -> Work:
    """Return the work of `phase` on `dataset`, with `folds` for cross-validation; early stopping is ignored.

    `summary` is what was found out about a model that a function builds, in the form of `store.models`; without it nothing
    is known of such a model but its steps.

    Example:
        >>> [work(phase, CATALOGUE["mnist"]).steps for phase in phases_of(recipe)]
    """
    recipe = phase.recipe
    epochs = recipe.training.epochs
    training, validation = image_counts(recipe.data, dataset, folds)
    frozen, trained = _frozen_and_trained(phase, dataset, summary)
    per_frozen = FORWARD * (training + validation) * (1 if phase.cache_features else epochs)
    per_trained = (TRAINED * training + FORWARD * validation) * epochs
    dense, convolved = (
        per_frozen * _multiplications(frozen, convolves) + per_trained * _multiplications(trained, convolves)
        for convolves in (False, True)
    )
    return Work(ceil(training / recipe.training.batch_size) * epochs, dense, convolved)


def graphs(phase: Phase, summary: Summary | None = None) -> float:
    """Return the work of tracing and compiling a phase's graph, in graphs of a chain of two hidden layers.

    Measured with chains of 2 and of 101 layers, between which it is linear; of a model that a function builds, and of which
    nothing is known yet, it is taken to be that of `UNKNOWN_LAYERS`. `summary`: see `work`.
    """
    chain = phase.recipe.chain
    known = len(summary.get("layers", ())) if summary else UNKNOWN_LAYERS
    layers = known if chain is None else len(chain.unrolled())
    return 1 + (layers - 2) * PER_LAYER


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


def _frozen_and_trained(
    phase: Phase, dataset: Dataset, summary: Summary | None
) -> tuple[list[Part], list[Part]]:
    """Return the parts below the first one that trains, and all others."""
    recipe = phase.recipe
    chain = recipe.chain
    if chain is None:
        return _built_parts(summary or {})
    outputs = chain.output.units or class_count(recipe, len(dataset.class_names)) or 1
    is_flat_pair = recipe.data.pairs is not None and chain.towers == 1
    image = (2 * prod(dataset.image_shape),) if is_flat_pair else dataset.image_shape
    hidden, top = parts_of(chain, image, outputs)
    frozen = frozen_blocks(phase.trainable, len(hidden))
    return hidden[:frozen], hidden[frozen:] + top


def _built_parts(summary: Summary) -> tuple[list[Part], list[Part]]:
    """Return the layers of a built model that do not train, and those that do.

    Each weight counts once at each place of the output: exact for dense layers and convolutions, near for most others.
    """
    frozen: list[Part] = []
    trained: list[Part] = []
    for layer in summary.get("layers", ()):
        shape = [int(side) for side in re.findall(r"\d+", layer["output_shape"].partition("]")[0])]
        if layer["parameters"] and not any(
            other["name"].startswith(f"{layer['name']}/") for other in summary["layers"]
        ):
            part = Part(layer["parameters"] * prod(shape[:-1]), "Conv" in layer["class_name"])
            (trained if layer["trainable"] else frozen).append(part)
    return frozen, trained


def _block(spec: object, shape: Shape) -> tuple[Part, Shape]:
    """Return a block's part and about the shape of its output; layers other than blocks count as zero."""
    if isinstance(spec, DenseLayer):
        return Part(prod(shape) * spec.units), (spec.units,)
    if isinstance(spec, ConvLayer) and len(shape) == 3:
        same = spec.padding == "same"
        output = (*_windows(shape[:2], spec.kernel_size, spec.strides, same), spec.filters)
        return Part(prod(output) * prod(spec.kernel_size) * shape[2], True), output
    return Part(0), _pooled(spec, shape) if isinstance(spec, KerasLayer) else shape


def _windows(extents: Shape, size: Shape, strides: Shape, same: bool) -> Shape:
    """Return how many windows of `size`, `strides` apart, fit into each extent."""
    sides = zip(extents, size, strides, strict=True)
    return tuple(
        max(1, ceil((side if same else side - window + 1) / stride)) for side, window, stride in sides
    )


def _pooled(layer: KerasLayer, shape: Shape) -> Shape:
    """Return what pooling makes of a shape; other layers are taken to keep it."""
    if len(shape) != 3 or not layer.name.endswith("Pooling2D"):
        return shape
    if layer.name.startswith("Global"):
        return shape[2:]
    size = _pair(layer.arguments.get("pool_size", 2))
    strides = size if layer.arguments.get("strides") is None else _pair(layer.arguments["strides"])
    if size is None or strides is None:
        return shape
    return (*_windows(shape[:2], size, strides, layer.arguments.get("padding") == "same"), shape[2])


def _pair(value: Any) -> Shape | None:
    """Return a number for both extents, or two; None for what Keras will refuse."""
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    return pair if len(pair) == 2 and all(is_integer(side) and side > 0 for side in pair) else None
