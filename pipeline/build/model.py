"""A Keras model from a recipe.

Layers are named `block<i>_<part>` and `output`, so that phases can reuse and freeze blocks by number, and weights can be
drawn layer by layer, see `build.weights`. Those of a second tower are named `twin<i>_<part>`, those that join two towers
`joint<i>_<part>`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import keras

from pipeline.build.initializers import initializers_kept, seeded
from pipeline.build.resolve import activation_layer, make, make_layer
from pipeline.params.keras_names.named import Named
from pipeline.params.types.layers import AnyLayer, ConvLayer, DenseLayer, Noise, Normalisation
from pipeline.params.types.recipe import ModelSpec, Recipe, Top, Trainable

HEAD = "output"
TOWERS = ("block", "twin")
"""Prefixes of the names of layers: of the first tower and of the second."""
JOINT = "joint"

Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Block:
    """One hidden block of a recipe's model: the `spec` of its layer, its index, and the family it belongs to."""

    index: int
    spec: AnyLayer
    family: str = TOWERS[0]

    @property
    def prefix(self) -> str:
        """The beginning of the names of this block's layers."""
        return f"{self.family}{self.index}_"

    @property
    def layer_name(self) -> str:
        """The name of this block's layer, where the layer is named in the recipe."""
        return self.prefix + "layer"


def blocks(model: ModelSpec, tower: str = TOWERS[0]) -> list[Block]:
    """Return the hidden blocks of one tower of a recipe's model, repeats written out; all towers have equal ones."""
    return [Block(index, spec, tower) for index, spec in enumerate(model.unrolled())]


def joint_blocks(model: ModelSpec) -> list[Block]:
    """Return the dense blocks that take the outputs of two towers."""
    return [Block(index, DenseLayer(units=units), JOINT) for index, units in enumerate(model.joint)]


def all_blocks(model: ModelSpec) -> list[Block]:
    """Return the blocks of every tower and those that join them."""
    towers = [block for tower in TOWERS[: model.towers] for block in blocks(model, tower)]
    return towers + joint_blocks(model)


def is_image_model(model: ModelSpec) -> bool:
    """Return whether the model takes images `[height, width, channels]` rather than flat vectors."""
    return any(not isinstance(spec, DenseLayer) for spec in model.layers)


def convolves(model: keras.Model) -> bool:
    """Return whether a model has a layer with more than one output vector per image."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer | Half)]
    return any(len(layer.output.shape) > 2 for layer in layers)


def output_units(model: ModelSpec, classes: int) -> int:
    """Return the width of the output layer: one unit per class, unless the recipe sets it."""
    return model.output.units or classes


def build_model(recipe: Recipe, image_shape: Sequence[int], classes: int) -> keras.Model:
    """Return the untrained model of `recipe` for images of `image_shape` (`height, width[, channels]`).

    For pairs of images `image_shape` begins with 2.
    """
    # Seeded, since a layer of the user's own may also draw what is no weight: that is then the same for every run.
    with initializers_kept(), seeded(0):
        inputs = keras.Input(_input_shape(recipe.model, image_shape))
        hidden = _towers(recipe, inputs) if recipe.model.towers == 2 else _tower(recipe, inputs, TOWERS[0])
        return keras.Model(inputs, _head(recipe, hidden, classes))


@keras.saving.register_keras_serializable("pipeline")
class Half(keras.layers.Layer):
    """One image of a pair: half `index` of a flat vector, or entry `index` of `[2, height, width, channels]`."""

    def __init__(self, index: int, **options: Any) -> None:
        super().__init__(**options)
        self.index = index

    def call(self, inputs: Any) -> Any:
        """Return the image of each pair in the batch."""
        if len(inputs.shape) > 2:
            return inputs[:, self.index]
        size = inputs.shape[-1] // 2
        return inputs[:, self.index * size : (self.index + 1) * size]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which a saved layer is loaded."""
        return {**super().get_config(), "index": self.index}


def _tower(recipe: Recipe, hidden: Any, tower: str) -> Any:
    """Return the outputs of the hidden blocks of one tower for its input."""
    normalisation = recipe.model.normalisation
    if "input" in normalisation.where:
        name = "input_norm" if tower == TOWERS[0] else f"{tower}_input_norm"
        hidden = _batch_normalisation(normalisation, name)(hidden)
    return _through(recipe, hidden, blocks(recipe.model, tower))


def _towers(recipe: Recipe, inputs: Any) -> Any:
    ends = [
        _tower(recipe, Half(index, name=f"half{index}")(inputs), tower) for index, tower in enumerate(TOWERS)
    ]
    flat = [
        end if len(end.shape) == 2 else keras.layers.Flatten(name=f"{tower}_flatten")(end)
        for end, tower in zip(ends, TOWERS, strict=True)
    ]
    return _through(recipe, keras.layers.Concatenate(name=JOINT)(flat), joint_blocks(recipe.model))


def _through(recipe: Recipe, hidden: Any, chain: Sequence[Block]) -> Any:
    for block in chain:
        for layer in _block_layers(recipe, block, flat=len(hidden.shape) == 2):
            hidden = layer(hidden)
    return hidden


def freeze_layers(model: keras.Model, trainable: Trainable, count: int) -> None:
    """Freeze all layers except those of the blocks that a phase trains; the head and what joins towers always train.

    `trainable` is `all`, `head`, `{top: k}` or `{only: [indexes]}`; `count` is the number of hidden blocks.
    """
    trained = _trained_blocks(trainable, count)
    for layer in model.layers:
        layer.trainable = (
            layer.name.startswith((HEAD, JOINT)) or trainable == "all" or block_index(layer.name) in trained
        )


def block_index(layer_name: str) -> int | None:
    """Return the number in `block<i>_<part>`, or in a second tower's `twin<i>_<part>`; None for other layers."""
    match = re.match(rf"(?:{'|'.join(TOWERS)})(\d+)_", layer_name)
    return int(match[1]) if match else None


def _trained_blocks(trainable: Trainable, count: int) -> set[int]:
    if trainable == "all":
        return set(range(count))
    if trainable == "head":
        return set()
    if isinstance(trainable, Top):
        return set(range(count - trainable.top, count))
    return set(trainable.only)


def _input_shape(model: ModelSpec, image_shape: Sequence[int]) -> tuple[int, ...]:
    if is_image_model(model):
        pair, image = image_shape[: model.towers - 1], image_shape[model.towers - 1 :]
        return (*pair, *image, 1) if len(image) == 2 else (*pair, *image)
    return (prod(image_shape),)


def _block_layers(recipe: Recipe, block: Block, flat: bool) -> Iterator[keras.layers.Layer]:
    spec = block.spec
    if isinstance(spec, DenseLayer):
        yield from _dense_block(recipe, spec, block.prefix, flat)
    elif isinstance(spec, ConvLayer):
        yield from _weighted_block(recipe, spec, block.prefix, _conv(recipe, spec, block.prefix))
    else:
        yield make_layer(spec, name=block.layer_name)


def _dense_block(recipe: Recipe, spec: DenseLayer, prefix: str, flat: bool) -> Iterator[keras.layers.Layer]:
    if not flat:
        yield keras.layers.Flatten(name=prefix + "flatten")
    dropout = _own_or(spec.dropout, recipe.regularisation.dropout)
    if dropout is not None and dropout.where == "before":
        yield _dropout(dropout, prefix)
    dense = keras.layers.Dense(spec.units, name=prefix + "dense", **_weight_arguments(recipe, spec))
    yield from _weighted_block(recipe, spec, prefix, dense)
    if dropout is not None and dropout.where == "after":
        yield _dropout(dropout, prefix)


def _weighted_block(
    recipe: Recipe, spec: DenseLayer | ConvLayer, prefix: str, layer: keras.layers.Layer
) -> Iterator[keras.layers.Layer]:
    normalisation = _own_or(spec.normalisation, recipe.model.normalisation)
    yield layer
    if "before" in normalisation.where:
        yield _batch_normalisation(normalisation, prefix + "norm")
    yield activation_layer(_own_or(spec.activation, recipe.model.activation), prefix + "activation")
    if "after" in normalisation.where:
        yield _batch_normalisation(normalisation, prefix + "norm")


def _batch_normalisation(normalisation: Normalisation, name: str) -> keras.layers.Layer:
    return make_layer(Named(name="BatchNormalization", **normalisation.arguments), name=name)


def _conv(recipe: Recipe, spec: ConvLayer, prefix: str) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        spec.filters,
        spec.kernel_size,
        strides=spec.strides,
        padding=spec.padding,
        name=prefix + "conv",
        **_weight_arguments(recipe, spec),
    )


def _weight_arguments(recipe: Recipe, spec: DenseLayer | ConvLayer) -> dict[str, Any]:
    """Return the arguments shared by layers with a kernel; a bias before batch normalisation would have no effect."""
    normalisation = _own_or(spec.normalisation, recipe.model.normalisation)
    use_bias = _own_or(spec.use_bias, recipe.model.use_bias) and "before" not in normalisation.where
    return {
        "use_bias": use_bias,
        "kernel_initializer": make("initializers", _own_or(spec.initializer, recipe.model.initializer)),
        **_penalties(recipe),
    }


def _penalties(recipe: Recipe) -> dict[str, Any]:
    regularisation = recipe.regularisation
    arguments = {}
    if regularisation.kernel_regularizer is not None:
        arguments["kernel_regularizer"] = make("regularizers", regularisation.kernel_regularizer)
    if regularisation.kernel_constraint is not None:
        arguments["kernel_constraint"] = make("constraints", regularisation.kernel_constraint)
    return arguments


def _head(recipe: Recipe, hidden: Any, classes: int) -> Any:
    model = recipe.model
    dropout = recipe.regularisation.dropout
    if len(hidden.shape) > 2:
        hidden = keras.layers.Flatten(name="output_flatten")(hidden)
    if not model.output.weights:
        return activation_layer(model.output.activation, "output_activation")(hidden)
    if dropout is not None and dropout.where == "before":
        hidden = _dropout(dropout, "output_")(hidden)
    arguments = {
        "kernel_initializer": make("initializers", model.output.initializer),
        **_head_regularizer(recipe),
    }
    hidden = keras.layers.Dense(output_units(model, classes), name=HEAD, **arguments)(hidden)
    return activation_layer(model.output.activation, "output_activation")(hidden)


def _head_regularizer(recipe: Recipe) -> dict[str, Any]:
    """Return the output layer's penalty; constraints are for hidden kernels only, since they would limit the logits."""
    penalties = _penalties(recipe)
    penalties.pop("kernel_constraint", None)
    return penalties


def _dropout(dropout: Noise, prefix: str) -> keras.layers.Layer:
    return make_layer(dropout, name=prefix + "dropout")


def _own_or(own: Setting | None, default: Setting) -> Setting:
    """Return a layer's own setting, or the `default` of its model where it has none."""
    return default if own is None else own
