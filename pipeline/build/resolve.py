"""From a name in params to the Keras object of that name."""

from collections.abc import Mapping
from typing import Any

import keras

from pipeline.core.plugins import is_plugin, load_object
from pipeline.core.project import root
from pipeline.params.keras_names.arguments import nested_namespace
from pipeline.params.keras_names.named import Named


def make(namespace: str, named: Named, **defaults: object) -> Any:
    """Return the Keras object of `namespace` (`optimizers`, `losses`, …) that `named` describes.

    The arguments of `named`, which the user wrote, override `defaults`. A name of the form `module:Name` is the user's own
    class, imported from the project.

    Example: `make("losses", Named(name="Huber", delta=2.0), reduction="none")`.
    """
    # Not `deserialize`: it does not know all losses that Keras exports.
    constructor: Any = (
        load_object(named.name, root())
        if is_plugin(named.name)
        else getattr(getattr(keras, namespace), named.name)
    )
    return constructor(**{**defaults, **named.arguments})


def make_layer(named: Named, **defaults: object) -> keras.layers.Layer:
    """Return the Keras layer that `named` describes; its arguments may name Keras objects themselves, see `_nested`."""
    if is_plugin(named.name):
        return make("layers", named, **defaults)
    arguments = {key: _nested(key, value) for key, value in named.arguments.items()}
    return getattr(keras.layers, named.name)(**{**defaults, **arguments})


def _nested(argument: str, value: object) -> object:
    """Return an argument's value, or the object that it names where it is a mapping: `kernel_regularizer: {name: l2}`."""
    namespace = nested_namespace(argument)
    if namespace is None or not isinstance(value, Mapping):
        return value
    named = Named.model_validate(value)
    return activation_layer(named, named.name) if namespace == "activations" else make(namespace, named)


def activation_layer(named: Named, name: str) -> keras.layers.Layer:
    """Return a layer called `name` that applies the activation `named`, a function or a layer (PReLU)."""
    if is_plugin(named.name):
        return keras.layers.Activation(load_object(named.name, root()), name=name)
    if not named.arguments and hasattr(keras.activations, named.name):
        return keras.layers.Activation(named.name, name=name)
    own_layer = _layer_of_activation(named.name)
    if own_layer is None:
        return FunctionLayer(named.name, named.arguments, name=name)
    return own_layer(**named.arguments, name=name)


@keras.saving.register_keras_serializable("pipeline")
class FunctionLayer(keras.layers.Layer):
    """An activation function of Keras that has no layer, with arguments: `celu` with its `alpha`."""

    def __init__(self, function: str, arguments: dict[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self.function, self.arguments = function, arguments

    def call(self, inputs: Any) -> Any:
        """Apply the function."""
        return getattr(keras.activations, self.function)(inputs, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments from which a saved layer is loaded."""
        return {**super().get_config(), "function": self.function, "arguments": self.arguments}


def _layer_of_activation(name: str) -> type[keras.layers.Layer] | None:
    """Return the layer class of an activation, if there is one: `leaky_relu` and `LeakyReLU` are the same."""
    folded = name.replace("_", "").lower()
    names = {candidate.lower(): candidate for candidate in dir(keras.layers)}
    return getattr(keras.layers, names[folded]) if folded in names else None
