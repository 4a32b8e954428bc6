"""Models that functions build: one of the user's own, or one of `keras.applications`, with the head of the task."""

import inspect
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
from keras.src.backend.common import global_state

from pipeline.build.graph import is_graph
from pipeline.build.resolve import activation_layer
from pipeline.core.errors import UserError
from pipeline.core.metrics import Task
from pipeline.core.plugins import load_object
from pipeline.core.project import root
from pipeline.core.text import one_line
from pipeline.params.keras_names.named import Named
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.tasks import ACTIVATIONS

Shape = tuple[int, ...]
HEAD = "output"
LONGEST = 600
"""Characters that are shown of an error."""
NAMES = "object_name_uids"


class BuildError(UserError):
    """A function that builds no model, or one that does not suit the data."""


def built(
    model: BuiltModel, input_shape: Shape | Mapping[str, Shape], outputs: int, task: Task
) -> keras.Model:
    """Return the model that a function builds.

    `input_shape` is that of one row, without the batch; of several inputs by name. `outputs` is the number of classes,
    labels or numbers. Raises `BuildError` where the function raises, returns no model, or one with other outputs than the
    data have.
    """
    if model.application is not None:
        return _application(model, input_shape, outputs, task)
    net = called(model, input_shape, outputs, hyperparameters(model.arguments))
    if not isinstance(net, keras.Model):
        raise BuildError(f"{model.build} must return a keras.Model; it returned {type(net).__name__}")
    graph = _as_graph(model, net, input_shape)
    _check_outputs(model, graph, outputs, task)
    return graph


def _as_graph(model: BuiltModel, net: keras.Model, input_shape: Shape | Mapping[str, Shape]) -> keras.Model:
    """Return a model that is a graph, that of a subclassed one as a single layer; raises `BuildError` as `built` does."""
    try:
        if isinstance(net, keras.Sequential) and not net.built:
            net.build((None, *input_shape))
        inputs = _inputs(input_shape)
        if not is_graph(net):
            return keras.Model(inputs, net(inputs))
        net.compute_output_spec(inputs)
        return net
    except Exception as error:
        raise BuildError(
            f"{model.build}: its model does not take the data: {one_line(error)[:LONGEST]}"
        ) from error


def called(model: BuiltModel, input_shape: Any, outputs: int, hp: Any) -> Any:
    """Return what a function returns, with `hp` where it takes hyperparameters; raises `BuildError` where it raises."""
    function: Any = load_object(str(model.build), root())
    given = {"input_shape": input_shape, "outputs": outputs, "hp": hp}
    try:
        offered = inspect.signature(function).parameters
        given = {name: value for name, value in given.items() if name in offered}
        return function(**given, **({} if "hp" in given else model.arguments))
    except UserError:
        raise
    except Exception as error:
        raise BuildError(
            f"{model.build} raised {type(error).__name__}: {one_line(error)[:LONGEST]}"
        ) from error


def hyperparameters(values: Mapping[str, Any]) -> Any:
    """Return Keras Tuner's hyperparameters with these values; others have the defaults that `build` declares."""
    from keras_tuner import HyperParameters

    hp = HyperParameters()
    hp.values.update(values)
    return hp


def _application(
    model: BuiltModel, input_shape: Shape | Mapping[str, Shape], outputs: int, task: Task
) -> keras.Model:
    """Return an application without its own top, with pooling and a dense layer for the task on it."""
    if task == "map" or isinstance(input_shape, Mapping) or len(input_shape) != 3:
        raise BuildError(
            f"{model.application} takes images [height, width, channels], and predicts no map of them"
        )
    arguments = {"pooling": "avg", **model.arguments}
    weights = arguments.pop("weights", None)
    if isinstance(weights, str) and weights not in ("none", "imagenet"):
        weights = str(root() / weights)
    inputs = keras.Input(input_shape)
    pictures = inputs if input_shape[-1] == 3 else keras.layers.Concatenate(name="to_rgb")([inputs] * 3)
    if input_shape[-1] not in (1, 3):
        raise BuildError(
            f"{model.application} takes images with 1 or 3 channels; these have {input_shape[-1]}"
        )
    try:
        base = getattr(keras.applications, str(model.application))(
            include_top=False,
            weights=None if weights == "none" else weights,
            input_shape=(*input_shape[:2], 3),
            **arguments,
        )
    except Exception as error:
        raise BuildError(
            f"{model.application}: {type(error).__name__}: {one_line(error)[:LONGEST]}"
        ) from error
    features = base.call(pictures)
    if len(features.shape) > 2:
        features = keras.layers.Flatten(name="output_flatten")(features)
    hidden = keras.layers.Dense(outputs, name=HEAD)(features)
    return keras.Model(inputs, activation_layer(Named(name=ACTIVATIONS[task]), "output_activation")(hidden))


def _check_outputs(model: BuiltModel, net: keras.Model, outputs: int, task: Task) -> None:
    """Raise `BuildError` where the outputs of a model do not suit the targets."""
    shape = net.output_shape
    if not isinstance(shape, tuple) or isinstance(shape[0], tuple):
        raise BuildError(f"{model.build}: its model has several outputs; one is allowed")
    wanted = [outputs, 1] if task == "classes" and outputs == 2 else [outputs]
    rank = 4 if task == "map" else 2
    if len(shape) != rank or shape[-1] not in wanted:
        needed = f"(None, {'height, width, ' if task == 'map' else ''}{outputs})"
        raise BuildError(
            f"{model.build}: the output of its model has the shape {shape}; these targets, {task}, need {needed}"
        )


def _inputs(input_shape: Shape | Mapping[str, Shape]) -> Any:
    if isinstance(input_shape, Mapping):
        return {name: keras.Input(shape, name=name) for name, shape in input_shape.items()}
    return keras.Input(input_shape)


@contextmanager
def names_from_the_start() -> Iterator[None]:
    """Within this context layers without names get those that they would get in a new process: `dense`, `dense_1`."""
    before = global_state.get_global_attribute(NAMES)
    global_state.set_global_attribute(NAMES, defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute(NAMES, before if before is not None else defaultdict(int))
