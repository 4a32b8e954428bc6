"""Plain data into validated recipes, and back."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pipeline.data.catalogue import Dataset
from pipeline.params import rules
from pipeline.params.faults import Fault, fault, faults_of
from pipeline.params.merge import assign
from pipeline.params.recipe import Recipe


def canonical(recipe: Recipe) -> dict[str, Any]:
    """Return the complete recipe as plain JSON, defaults included, the same however it was written."""
    plain: dict[str, Any] = recipe.model_dump(mode="json")
    return plain


def validated(raw: Mapping[str, Any], dataset: Dataset | None) -> tuple[Recipe | None, list[Fault]]:
    """Return the recipe in plain data, or its faults; `dataset` is what is known of its data set, if anything."""
    try:
        recipe = Recipe.model_validate(raw)
    except ValidationError as error:
        return None, faults_of(error)
    faults = rules.data_faults(recipe, dataset)
    return (None, faults) if faults else (recipe, [])


def applied(
    plain: Mapping[str, Any], values: Mapping[str, object], dataset: Dataset | None = None
) -> tuple[Recipe | None, list[Fault]]:
    """Return the recipe that a canonical one becomes with dotted paths set, or the faults."""
    changed = dict(plain)
    for path, value in values.items():
        try:
            changed = assign(changed, path, value)
        except KeyError as error:
            return None, [fault(f"there is no item {error.args[0]} in this list", path)]
    return validated(changed, dataset)
