"""Plain data into validated recipes, and back."""

from collections.abc import Mapping
from typing import Any

from pipeline.data.catalogue import Dataset
from pipeline.params.checks.recipe import recipe_faults
from pipeline.params.faults import Fault, FaultsError, fault_at, read_as
from pipeline.params.patches import assign
from pipeline.params.types.recipe import Recipe


def canonical(recipe: Recipe) -> dict[str, Any]:
    """Return the complete recipe as plain JSON, defaults included, the same however it was written."""
    plain: dict[str, Any] = recipe.model_dump(mode="json")
    return plain


def validated(raw: Mapping[str, Any], dataset: Dataset | None) -> tuple[Recipe | None, list[Fault]]:
    """Return the recipe in plain data, or None and its faults.

    `dataset` is the record of its data set; None for a user's own, which is not read here.
    """
    try:
        recipe = read_as(Recipe, raw)
    except FaultsError as error:
        return None, error.faults
    faults = recipe_faults(recipe, dataset)
    return (None, faults) if faults else (recipe, [])


def with_values(
    plain: Mapping[str, Any], values: Mapping[str, object], dataset: Dataset | None = None
) -> tuple[Recipe | None, list[Fault]]:
    """Return a canonical recipe with dotted paths set and validated again, or None and its faults."""
    changed = dict(plain)
    for path, value in values.items():
        try:
            changed = assign(changed, path, value)
        except KeyError as error:
            return None, [fault_at(f"there is no item {error.args[0]} in this list", path)]
    return validated(changed, dataset)
