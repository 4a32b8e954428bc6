"""Which runs can be trained as one: pure functions of recipes, without Keras.

Two jobs have one graph where everything that shapes it is equal. What is an input of the graph may differ: seeds, initial
weights, learning rates and schedules, clipping limits, when to stop.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from pipeline.params.expansion.resolve import canonical
from pipeline.params.types.recipe import CLIPS, Recipe

Item = TypeVar("Item")

LIFTED = {  # paths in a recipe
    ("schedule",),
    ("optimizer", "learning_rate"),
    ("model", "initializer"),
    ("model", "output", "initializer"),
    ("training", "early_stopping"),
    ("data",),
}
PENALTIES = {"L1": ("l1",), "L2": ("l2",), "L1L2": ("l1", "l2")}
DROPOUTS = ("Dropout", "AlphaDropout")


def signature(recipe: Recipe, shape: Iterable[object], exact: bool = False) -> str:
    """Return what all jobs of a stack must share: `recipe` without what is lifted, and the `shape` of their data.

    `exact` signatures keep limits, strengths and rates, for engines that build them into the graph.
    """
    plain = _without_lifted(canonical(recipe), ())
    if not exact:
        _lift_limits(plain["optimizer"])
        _lift_strengths(plain["regularisation"])
    for layer in plain["model"]["layers"] if recipe.chain else ():
        if "name" not in layer:
            layer.pop("initializer", None)
    if recipe.chain is None or recipe.chain.replace:
        plain["model"] = recipe.model.model_dump(mode="json")  # initializers are then those of the template
    # Layers of the graph, though they are written among the data.
    augment = [layer.model_dump(mode="json") for layer in recipe.data.augment]
    return json.dumps([plain, augment, list(shape)], sort_keys=True)


def _lift_limits(optimizer: dict[str, Any]) -> None:
    for kind in CLIPS:
        optimizer[kind] = optimizer.get(kind) is not None


def _lift_strengths(regularisation: dict[str, Any]) -> None:
    """Remove how strong penalties and dropout are (see `lifting`), but not that they are there."""
    penalty, dropout = regularisation["kernel_regularizer"], regularisation["dropout"]
    if penalty is not None and penalty["name"] in PENALTIES:
        regularisation["kernel_regularizer"] = penalty["name"]
    if dropout is not None and dropout["name"] in DROPOUTS and dropout.get("rate", 0.0) > 0:
        dropout.pop("rate")


def _without_lifted(value: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: _without_lifted(item, (*path, key)) for key, item in value.items() if (*path, key) not in LIFTED
    }


def group(items: Sequence[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    """Return items grouped by their keys, in the order in which the keys first occur."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return list(groups.values())


def cut(items: Sequence[Item], largest: int) -> list[list[Item]]:
    """Return `items` in stacks of at most `largest`, all full but the last.

    Cut from the front, so that a study killed after any number of whole stacks forms the same ones when resumed.
    """
    return [list(items[start : start + largest]) for start in range(0, len(items), largest)]
