"""A Keras model from a recipe.

Layers are named `block<i>_<part>` and `output`, so that phases can reuse and freeze blocks by number, and weights can be
drawn layer by layer, see `build.weights`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from pipeline.build.resolve import activation_layer, make, make_layer
from pipeline.params.layers import ConvLayer, DenseLayer
from pipeline.params.recipe import Recipe

HEAD = "output"


@dataclass(frozen=True)
class Block:
    """One hidden block of a recipe's model: the `spec` of its layer, its place, and the recipe's defaults applied."""

    index: int
    spec: Any

    @property
    def prefix(self) -> str:
        """The beginning of the names of this block's layers."""
        return f"block{self.index}_"


def blocks(model: Any) -> list[Block]:
    """Return the hidden blocks of a recipe's model, repeats written out."""
    specs = [spec for spec in model.layers for _ in range(getattr(spec, "repeat", 1))]
    return [Block(index, spec) for index, spec in enumerate(specs)]


def is_image_model(model: Any) -> bool:
    """Tell whether the model takes images `[height, width, channels]` rather than flat vectors."""
    return any(not isinstance(spec, DenseLayer) for spec in model.layers)


def convolves(model: keras.Model) -> bool:
    """Tell whether a model has a layer that gives more than one vector an image."""
    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    return any(len(layer.output.shape) > 2 for layer in layers)


def output_units(model: Any, classes: int) -> int:
    """Return the width of the output layer: one unit a class, unless the recipe says otherwise."""
    return model.output.units or classes


def build_model(recipe: Recipe, image_shape: Sequence[int], classes: int) -> keras.Model:
    """Return the untrained model of `recipe` for images of `image_shape` (`height, width[, channels]`)."""
    model = recipe.model
    shape = _input_shape(model, image_shape)
    inputs = keras.Input(shape)
    hidden = inputs
    if "input" in model.normalisation:
        hidden = keras.layers.BatchNormalization(name="input_norm")(hidden)
    for block in blocks(model):
        for layer in _block_layers(recipe, block, flat=len(hidden.shape) == 2):
            hidden = layer(hidden)
    return keras.Model(inputs, _head(recipe, hidden, classes))


def trainable_layers(model: keras.Model, trainable: Any, count: int) -> None:
    """Freeze all layers but those of the blocks that a phase trains; the head always trains.

    `trainable` is `all`, `head`, `{top: k}` or `{only: [indexes]}`; `count` is the number of hidden blocks.
    """
    chosen = _trained_blocks(trainable, count)
    for layer in model.layers:
        layer.trainable = (
            layer.name.startswith(HEAD) or trainable == "all" or block_index(layer.name) in chosen
        )


def block_index(layer_name: str) -> int | None:
    """Return the number in `block<i>_<part>`, or None for other layers."""
    head = layer_name.partition("_")[0]
    return int(head[5:]) if head.startswith("block") else None


def _trained_blocks(trainable: Any, count: int) -> set[int]:
    if trainable == "all":
        return set(range(count))
    if trainable == "head":
        return set()
    if getattr(trainable, "top", None) is not None:
        return set(range(count - trainable.top, count))
    return set(trainable.only)


def _input_shape(model: Any, image_shape: Sequence[int]) -> tuple[int, ...]:
    if is_image_model(model):
        return (*image_shape, 1) if len(image_shape) == 2 else tuple(image_shape)
    size = 1
    for extent in image_shape:
        size *= extent
    return (size,)


def _block_layers(recipe: Recipe, block: Block, flat: bool) -> Iterator[keras.layers.Layer]:
    spec = block.spec
    if isinstance(spec, DenseLayer):
        yield from _dense_block(recipe, block, flat)
    elif isinstance(spec, ConvLayer):
        yield from _weighted_block(recipe, block, _conv(recipe, block))
    else:
        yield make_layer(spec, name=block.prefix + "layer")


def _dense_block(recipe: Recipe, block: Block, flat: bool) -> Iterator[keras.layers.Layer]:
    if not flat:
        yield keras.layers.Flatten(name=block.prefix + "flatten")
    dropout = _dropout_of(recipe, block.spec)
    if dropout is not None and dropout.where == "before":
        yield _dropout(dropout, block.prefix)
    dense = keras.layers.Dense(
        block.spec.units, name=block.prefix + "dense", **_weight_arguments(recipe, block.spec)
    )
    yield from _weighted_block(recipe, block, dense)
    if dropout is not None and dropout.where == "after":
        yield _dropout(dropout, block.prefix)


def _weighted_block(recipe: Recipe, block: Block, layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    normalisation = _own_or(block.spec.normalisation, recipe.model.normalisation)
    yield layer
    if "before" in normalisation:
        yield keras.layers.BatchNormalization(name=block.prefix + "norm")
    yield activation_layer(
        _own_or(block.spec.activation, recipe.model.activation), block.prefix + "activation"
    )
    if "after" in normalisation:
        yield keras.layers.BatchNormalization(name=block.prefix + "norm")


def _conv(recipe: Recipe, block: Block) -> keras.layers.Layer:
    spec = block.spec
    return keras.layers.Conv2D(
        spec.filters,
        spec.kernel_size,
        strides=spec.strides,
        padding=spec.padding,
        name=block.prefix + "conv",
        **_weight_arguments(recipe, spec),
    )


def _weight_arguments(recipe: Recipe, spec: Any) -> dict[str, Any]:
    """Return the arguments shared by layers with a kernel; a bias before batch normalisation would have no effect."""
    normalisation = _own_or(spec.normalisation, recipe.model.normalisation)
    use_bias = _own_or(spec.use_bias, recipe.model.use_bias) and "before" not in normalisation
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
    if dropout is not None and dropout.where == "before":
        hidden = _dropout(dropout, "output_")(hidden)
    arguments = {
        "kernel_initializer": make("initializers", model.output.initializer),
        **_head_regularizer(recipe),
    }
    hidden = keras.layers.Dense(output_units(model, classes), name="output", **arguments)(hidden)
    return activation_layer(model.output.activation, "output_activation")(hidden)


def _head_regularizer(recipe: Recipe) -> dict[str, Any]:
    """Return the output layer's penalty; constraints are for hidden kernels only, which would else cap the logits."""
    penalties = _penalties(recipe)
    penalties.pop("kernel_constraint", None)
    return penalties


def _dropout_of(recipe: Recipe, spec: Any) -> Any:
    return _own_or(spec.dropout, recipe.regularisation.dropout)


def _dropout(dropout: Any, prefix: str) -> keras.layers.Layer:
    return make_layer(dropout, name=prefix + "dropout")


def _own_or(own: Any, default: Any) -> Any:
    return default if own is None else own
