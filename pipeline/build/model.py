"""A Keras model from a recipe.

Layers are named `block<i>_<part>` and `output`, so that phases can reuse and freeze blocks by number, and weights can be
drawn layer by layer, see `build.weights`. Those of a second tower are named `twin<i>_<part>`, those that join two towers
`joint<i>_<part>`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import keras

from pipeline.build.built import HEAD, BuildError, Shape, built, names_from_the_start
from pipeline.build.computing import check_computes
from pipeline.build.graph import words
from pipeline.build.initializers import initializers_kept, keep_loaded, loaded_values, seeded
from pipeline.build.resolve import activation_layer, make, make_layer
from pipeline.build.surgery import Removed, replaced, without
from pipeline.core.errors import UserError
from pipeline.core.metrics import Task
from pipeline.params.keras_names.named import Named
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.layers import AnyLayer, ConvLayer, DenseLayer, KerasLayer, Noise, Normalisation
from pipeline.params.types.recipe import ModelSpec, Recipe
from pipeline.params.types.tasks import output_activation

TOWERS = ("block", "twin")
"""Prefixes of the names of layers: of the first tower and of the second."""
JOINT = "joint"
MOVING = (
    *("RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom", "RandomShear", "RandomPerspective"),
    *("RandomElasticTransform", "RandomCrop", "RandAugment", "AugMix"),
)
"""Augmentation that moves pixels, away from their classes in a map."""

Setting = TypeVar("Setting")


@dataclass(frozen=True)
class Block:
    """One hidden block of a recipe's model: the `spec` of its layer, its index, and the family it belongs to."""

    index: int
    spec: AnyLayer
    place: str
    """Where its layer is in a recipe: `model.layers[2]`."""
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
    places = [
        f"model.layers[{place}]"
        for place, spec in enumerate(model.layers)
        for _ in range(getattr(spec, "repeat", 1))
    ]
    return [
        Block(index, spec, place, tower)
        for index, (spec, place) in enumerate(zip(model.unrolled(), places, strict=True))
    ]


def joint_blocks(model: ModelSpec) -> list[Block]:
    """Return the dense blocks that take the outputs of two towers."""
    return [
        Block(index, DenseLayer(units=units), f"model.joint[{index}]", JOINT)
        for index, units in enumerate(model.joint)
    ]


def all_blocks(model: ModelSpec) -> list[Block]:
    """Return the blocks of every tower and those that join them."""
    towers = [block for tower in TOWERS[: model.towers] for block in blocks(model, tower)]
    return towers + joint_blocks(model)


def is_image_model(model: ModelSpec) -> bool:
    """Return whether the model takes images `[height, width, channels]` rather than flat vectors."""
    return any(not isinstance(spec, DenseLayer) for spec in model.layers)


def convolves(model: keras.Model) -> bool:
    """Return whether a model has a convolution, however deep."""
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())


def output_units(model: ModelSpec, outputs: int) -> int:
    """Return the width of the output layer: one unit per class, label or number, unless the recipe sets it."""
    return model.output.units or outputs


def build_model(
    recipe: Recipe,
    input_shape: Shape | Mapping[str, Shape],
    outputs: int,
    task: Task = "classes",
    trained: bool = False,
) -> keras.Model:
    """Return the untrained model of `recipe` for inputs of `input_shape`, such as images `(height, width[, channels])`.

    For pairs of images `input_shape` begins with 2; of several inputs it has the shapes by name. `outputs` is the number of
    classes, labels or numbers. `trained`: whether such a model has trained already, so that it need not be checked whether
    it can. Raises `BuildError` for what Keras refuses and where the user's own function builds no model that suits the
    data, and `UserError` for surgery that does not fit.
    """
    model, _ = operated(recipe, input_shape, outputs, task, trained)
    return model


def operated(
    recipe: Recipe,
    input_shape: Shape | Mapping[str, Shape],
    outputs: int,
    task: Task = "classes",
    trained: bool = False,
) -> tuple[keras.Model, Removed | None]:
    """Return the model as `build_model` does, and what was taken out of it, if anything."""
    # Seeded, since a layer of the user's own may also draw what is no weight: that is then the same for every run.
    removed = None
    with initializers_kept(), names_from_the_start(), seeded(0, own_code=recipe.chain is None):
        if isinstance(recipe.model, BuiltModel):
            model = built(recipe.model, input_shape, outputs, task)
            keep_loaded(model)
        else:
            model = _chain(recipe, recipe.model, input_shape, outputs, task)
        loaded = loaded_values(model)
        if recipe.model.without:
            model, removed = without(model, recipe.model.without)
        if recipe.model.replace:
            model = replaced(model, recipe.model.replace)
        if loaded:
            keep_loaded(model, loaded)
        model = _augmented(model, recipe.data.augment, task)
    if not trained:
        check_computes(model)
    return model, removed


def _chain(
    recipe: Recipe, chain: ModelSpec, input_shape: Shape | Mapping[str, Shape], outputs: int, task: Task
) -> keras.Model:
    if isinstance(input_shape, Mapping):
        raise BuildError(
            f"model.layers takes one input; these are {', '.join(input_shape)}: write a model.build"
        )
    if task == "map":
        raise BuildError(
            "model.layers predicts one class for each row; for maps of classes write a model.build"
        )
    inputs = keras.Input(_input_shape(chain, input_shape))
    hidden = _towers(recipe, chain, inputs) if chain.towers == 2 else _tower(recipe, chain, inputs, TOWERS[0])
    with _refused_at("model.output"):
        return keras.Model(inputs, _head(recipe, chain, hidden, outputs, task))


def _augmented(model: keras.Model, layers: Sequence[KerasLayer], task: Task) -> keras.Model:
    """Return a model whose inputs are changed by preprocessing layers while it trains."""
    if not layers:
        return model
    if task == "map":
        _check_pixels_stay(layers)
    if not isinstance(model.inputs, list) or len(model.inputs) != 1:
        raise BuildError("data.augment changes images, a single input; this model has several")
    inputs = keras.Input(model.inputs[0].shape[1:])
    changed = inputs
    for number, layer in enumerate(layers):
        with _refused_at(f"data.augment[{number}]"):
            changed = make_layer(layer, name=f"augment{number}")(changed)
    return keras.Model(inputs, model.call(changed))


def _check_pixels_stay(layers: Sequence[KerasLayer]) -> None:
    """Raise `BuildError` for layers that would move pixels away from their classes: augmentation changes no targets."""
    for layer in layers:
        if layer.name in MOVING:
            raise BuildError(
                f"data.augment: {layer.name} moves pixels, and would have to do so in the targets too; do it to both in "
                "the function that returns the data"
            )


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


def _tower(recipe: Recipe, chain: ModelSpec, hidden: Any, tower: str) -> Any:
    """Return the outputs of the hidden blocks of one tower for its input."""
    normalisation = chain.normalisation
    if "input" in normalisation.where:
        name = "input_norm" if tower == TOWERS[0] else f"{tower}_input_norm"
        hidden = _batch_normalisation(normalisation, name)(hidden)
    return _through(recipe, chain, hidden, blocks(chain, tower))


def _towers(recipe: Recipe, chain: ModelSpec, inputs: Any) -> Any:
    ends = [
        _tower(recipe, chain, Half(index, name=f"half{index}")(inputs), tower)
        for index, tower in enumerate(TOWERS)
    ]
    flat = [
        end if len(end.shape) == 2 else keras.layers.Flatten(name=f"{tower}_flatten")(end)
        for end, tower in zip(ends, TOWERS, strict=True)
    ]
    return _through(recipe, chain, keras.layers.Concatenate(name=JOINT)(flat), joint_blocks(chain))


def _through(recipe: Recipe, chain: ModelSpec, hidden: Any, sequence: Sequence[Block]) -> Any:
    for block in sequence:
        with _refused_at(block.place):
            for layer in _block_layers(recipe, chain, block, flat=len(hidden.shape) == 2):
                hidden = layer(hidden)
    return hidden


@contextmanager
def _refused_at(place: str) -> Iterator[None]:
    """Within this context what Keras refuses is a `BuildError` at a place in a recipe."""
    try:
        yield
    except BuildError as error:
        raise BuildError(f"{place}: {error}") from error
    except UserError:
        raise
    except Exception as error:
        raise BuildError(f"{place}: {words(error)}") from error


def _input_shape(model: ModelSpec, shape: Shape) -> Shape:
    """Return the shape of the inputs: as it is, or flat where all layers are dense."""
    return shape if is_image_model(model) else (prod(shape),)


def _block_layers(recipe: Recipe, chain: ModelSpec, block: Block, flat: bool) -> Iterator[keras.layers.Layer]:
    spec = block.spec
    if isinstance(spec, DenseLayer):
        yield from _dense_block(recipe, chain, spec, block.prefix, flat)
    elif isinstance(spec, ConvLayer):
        yield from _weighted_block(chain, spec, block.prefix, _conv(recipe, chain, spec, block.prefix))
    else:
        yield make_layer(spec, name=block.layer_name)


def _dense_block(
    recipe: Recipe, chain: ModelSpec, spec: DenseLayer, prefix: str, flat: bool
) -> Iterator[keras.layers.Layer]:
    if not flat:
        yield keras.layers.Flatten(name=prefix + "flatten")
    dropout = _own_or(spec.dropout, recipe.regularisation.dropout)
    if dropout is not None and dropout.where == "before":
        yield _dropout(dropout, prefix)
    dense = keras.layers.Dense(spec.units, name=prefix + "dense", **_weight_arguments(recipe, chain, spec))
    yield from _weighted_block(chain, spec, prefix, dense)
    if dropout is not None and dropout.where == "after":
        yield _dropout(dropout, prefix)


def _weighted_block(
    chain: ModelSpec, spec: DenseLayer | ConvLayer, prefix: str, layer: keras.layers.Layer
) -> Iterator[keras.layers.Layer]:
    normalisation = _own_or(spec.normalisation, chain.normalisation)
    yield layer
    if "before" in normalisation.where:
        yield _batch_normalisation(normalisation, prefix + "norm")
    yield activation_layer(_own_or(spec.activation, chain.activation), prefix + "activation")
    if "after" in normalisation.where:
        yield _batch_normalisation(normalisation, prefix + "norm")


def _batch_normalisation(normalisation: Normalisation, name: str) -> keras.layers.Layer:
    return make_layer(Named(name="BatchNormalization", **normalisation.arguments), name=name)


def _conv(recipe: Recipe, chain: ModelSpec, spec: ConvLayer, prefix: str) -> keras.layers.Layer:
    return keras.layers.Conv2D(
        spec.filters,
        spec.kernel_size,
        strides=spec.strides,
        padding=spec.padding,
        name=prefix + "conv",
        **_weight_arguments(recipe, chain, spec),
    )


def _weight_arguments(recipe: Recipe, chain: ModelSpec, spec: DenseLayer | ConvLayer) -> dict[str, Any]:
    """Return the arguments shared by layers with a kernel; a bias before batch normalisation would have no effect."""
    normalisation = _own_or(spec.normalisation, chain.normalisation)
    use_bias = _own_or(spec.use_bias, chain.use_bias) and "before" not in normalisation.where
    return {
        "use_bias": use_bias,
        "kernel_initializer": make("initializers", _own_or(spec.initializer, chain.initializer)),
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


def _head(recipe: Recipe, chain: ModelSpec, hidden: Any, outputs: int, task: Task) -> Any:
    activation = output_activation(recipe, task)
    dropout = recipe.regularisation.dropout
    if len(hidden.shape) > 2:
        hidden = keras.layers.Flatten(name="output_flatten")(hidden)
    if not chain.output.weights:
        if hidden.shape[-1] != outputs:
            raise BuildError(
                f"without weights the last hidden layer must give {outputs} numbers, one for each "
                f"of the targets, {task}; it gives {hidden.shape[-1]}"
            )
        return activation_layer(activation, "output_activation")(hidden)
    if dropout is not None and dropout.where == "before":
        hidden = _dropout(dropout, "output_")(hidden)
    arguments = {
        "kernel_initializer": make("initializers", chain.output.initializer),
        **_head_regularizer(recipe),
    }
    hidden = keras.layers.Dense(output_units(chain, outputs), name=HEAD, **arguments)(hidden)
    return activation_layer(activation, "output_activation")(hidden)


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
