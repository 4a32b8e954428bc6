"""A recipe completed by what a function of the user's own compiled its model with, as Keras Tuner's `build(hp)` does."""

from collections.abc import Mapping
from typing import Any

import keras

from pipeline.build.built import BuildError, built
from pipeline.core.metrics import Task
from pipeline.params.expansion.resolve import canonical
from pipeline.params.faults import FaultsError, read_as
from pipeline.params.keras_names.catalogue import find
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.recipe import CLIPS, COMPILED, Recipe

BETWEEN = ("name", "reduction", "dtype", "learning_rate", "loss_scale_factor", "gradient_accumulation_steps")
"""Settings in Keras's configurations that are no arguments of a recipe, or are read apart."""


def as_compiled(recipe: Recipe, input_shape: Any, outputs: int, task: Task) -> Recipe:
    """Return `recipe` with the optimizer, the loss and the metrics that its function compiles the model with.

    Raises `BuildError` where the function does not compile it, or the recipe names a loss or metrics too.
    """
    if recipe.optimizer.name != COMPILED or not isinstance(recipe.model, BuiltModel):
        return recipe
    model, name = built(recipe.model, input_shape, outputs, task), recipe.model.build
    if not model.compiled:
        raise BuildError(f"{name} does not compile its model, and the recipe has no optimizer; give it one")
    for key in ("loss", "metrics"):
        if getattr(recipe.training, key) is not None:
            raise BuildError(f"{name} compiles its model with {key} of its own; leave training.{key} out")
    config = model.get_compile_config()
    plain = canonical(recipe)
    plain["optimizer"] = _optimizer(model.optimizer)
    plain["training"] |= {"loss": _loss(config["loss"]), "metrics": _metrics(config.get("metrics"))}
    try:
        return read_as(Recipe, plain)
    except FaultsError as error:
        raise BuildError(f"{name} compiles its model with what cannot be used here: {error}") from error


def _optimizer(optimizer: keras.Optimizer) -> dict[str, Any]:
    config = optimizer.get_config()
    rate = config["learning_rate"]
    if not isinstance(rate, int | float):
        raise BuildError(
            "the compiled optimizer has a schedule; give the recipe a schedule instead, and a number there"
        )
    clips = {key: config[key] for key in CLIPS if config.get(key) is not None}
    defaults = type(optimizer)().get_config()
    own = {
        key: value
        for key, value in config.items()
        if key not in (*BETWEEN, *CLIPS) and value != defaults.get(key)
    }
    return {"name": type(optimizer).__name__, "learning_rate": float(f"{rate:.7g}"), **own, **clips}


def _loss(given: Any) -> dict[str, Any]:
    loss = keras.losses.get(given) if isinstance(given, str | Mapping) else given
    name = loss.__name__ if not isinstance(loss, keras.losses.Loss) else type(loss).__name__
    symbol = find("losses", name)
    if symbol is None:
        raise BuildError(
            f"the model is compiled with the loss {name}, which is not of Keras; name it in training.loss"
        )
    return {"name": symbol.name, **(_changed(loss) if isinstance(loss, keras.losses.Loss) else {})}


def _metrics(given: Any) -> list[Any] | None:
    if not given:
        return None
    return [_metric(metric) for metric in (given.values() if isinstance(given, Mapping) else given)]


def _metric(given: Any) -> Any:
    if isinstance(given, str):
        return "accuracy" if given == "acc" else given
    metric = keras.metrics.get(given) if isinstance(given, Mapping) else given
    changed = {
        key: value for key, value in _changed(metric).items() if isinstance(value, int | float | str | bool)
    }
    return {"name": type(metric).__name__, "as": metric.name, **changed}


def _changed(thing: Any) -> dict[str, Any]:
    """Return the settings of a loss or a metric that are not its defaults."""
    config = thing.get_config()
    try:
        defaults = type(thing)().get_config()
    except TypeError:
        defaults = {}
    return {
        key: value
        for key, value in config.items()
        if key not in BETWEEN and value is not None and value != defaults.get(key)
    }
