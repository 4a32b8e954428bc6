"""Rules for recipes that hold out no validation images: nothing may depend on a validation value."""

from collections.abc import Iterable

from pipeline.core.errors import nearest
from pipeline.params.checks.metrics import curve_names
from pipeline.params.faults import Fault, fault_at, listing
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.schedules import Plateau

VALIDATION = ("data", "validation")
TUNED = "data.validation: 0 holds out no images, by which trials are compared; hold some out"


def validation_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of a recipe with `validation: 0` that reads validation values between epochs."""
    if recipe.data.validation != 0:
        return []
    faults = []
    if recipe.training.early_stopping is not None:
        faults.append(_unmeasured("early stopping", "training", "early_stopping"))
    if isinstance(recipe.schedule, Plateau):
        faults.append(_unmeasured("the plateau rule", "schedule"))
    return faults


def mixed_validation_faults(recipe: Recipe) -> list[Fault]:
    """Return the faults of phases that hold out images where the recipe holds out none, or the other way round."""
    text = "must be 0 in every phase or in none: curves continue from phase to phase"
    return [
        Fault((("phases", index, *VALIDATION), VALIDATION), text)
        for index, phase in enumerate(recipe.phases)
        if (recipe.in_phase(phase).data.validation == 0) != (recipe.data.validation == 0)
    ]


def target_faults(metrics: Iterable[str], recipes: Iterable[Recipe]) -> list[Fault]:
    """Return the faults of an ablation's target: not measured, or on validation rows where a recipe holds none out."""
    recipes = list(recipes)
    for metric in metrics:
        known = list(dict.fromkeys(name for recipe in recipes for name in curve_names(recipe)))
        if recipes and metric not in known:
            return [fault_at(f"must be one of {listing(known)}.{nearest(metric, known)}", "target", metric)]
    validated = [metric for metric in metrics if metric.startswith("val_")]
    if not validated or all(recipe.data.validation != 0 for recipe in recipes):
        return []
    return [
        Fault(
            (("target", validated[0]),), "is not measured where data.validation is 0; take that of training"
        )
    ]


def _unmeasured(what: str, *where: str) -> Fault:
    return Fault((where, VALIDATION), f"{what} needs validation images; data.validation is 0")
