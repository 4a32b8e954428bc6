"""From a name in params to the Keras object it stands for."""

from collections.abc import Mapping
from typing import Any

import keras

from pipeline.params.arguments import nested_namespace
from pipeline.params.names import Named
from pipeline.plugins import load_object
from pipeline.store import root


def make(namespace: str, named: Any, **more: object) -> Any:
    """Return the Keras object of `namespace` (`optimizers`, `losses`, …) that `named` asks for.

    `named` holds a `name` and arguments; `more` are arguments of ours, which what the user wrote overrides. A name of
    the form `module:Name` is the user's own class, imported from the project.
    """
    arguments = {**more, **named.arguments}
    if ":" in named.name:
        made: Any = load_object(named.name, root())
        return made(**arguments)
    # Not `deserialize`: of the losses, it does not know all that Keras exports.
    return getattr(getattr(keras, namespace), named.name)(**arguments)


def make_layer(named: Any, **more: object) -> keras.layers.Layer:
    """Return the Keras layer that `named` asks for."""
    if ":" in named.name:
        return make("layers", named, **more)
    arguments = {key: _nested(key, value) for key, value in named.arguments.items()}
    return getattr(keras.layers, named.name)(**{**more, **arguments})


def _nested(argument: str, value: object) -> object:
    """Return an argument's value, made into what it names where it is a mapping: `kernel_regularizer: {name: l2}`."""
    namespace = nested_namespace(argument)
    if namespace is None or not isinstance(value, Mapping):
        return value
    named = Named.model_validate(value)
    return activation_layer(named, named.name) if namespace == "activations" else make(namespace, named)


def activation_layer(named: Any, name: str) -> keras.layers.Layer:
    """Return a layer called `name` that applies the activation `named`, be it a function or a layer (PReLU)."""
    if ":" in named.name:
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

    def __init__(self, function: str, arguments: dict[str, Any], **more: Any) -> None:
        super().__init__(**more)
        self.function, self.arguments = function, arguments

    def call(self, inputs: Any) -> Any:
        """Apply the function."""
        return getattr(keras.activations, self.function)(inputs, **self.arguments)

    def get_config(self) -> dict[str, Any]:
        """Return what a saved model is loaded from."""
        return {**super().get_config(), "function": self.function, "arguments": self.arguments}


def _layer_of_activation(name: str) -> type[keras.layers.Layer] | None:
    """Return the layer class for an activation, if there is one: `leaky_relu` and `LeakyReLU` are the same."""
    folded = name.replace("_", "").lower()
    classes = {candidate.lower(): candidate for candidate in dir(keras.layers)}
    return getattr(keras.layers, classes[folded]) if folded in classes else None
