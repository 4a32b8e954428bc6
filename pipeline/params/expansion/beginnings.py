"""`phases: [{from: ablation/variant}, ...]`: a variant begins where one of another ablation ends, with its phases."""

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.params.expansion.resolve import canonical
from pipeline.params.faults import FaultsError, fault_at, show
from pipeline.params.patches import patch_between
from pipeline.params.types.phase_spec import SECTIONS
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import Recipe

FROM = "from"
FIRST = ("phases", 0, FROM)

VariantRecipe = Callable[[str], Recipe]
"""From `ablation/variant` to the recipe of that variant; raises `FaultsError` where there is none that can be begun with."""


def begun(merged: Mapping[str, Any], others: VariantRecipe) -> Mapping[str, Any]:
    """Return a variant's merged patches, with the phases of the variant that its first phase names in place of that.

    Raises `FaultsError` where the phase says more than `from`, or as `others` does.
    """
    phases = merged.get("phases")
    if not isinstance(phases, list):
        return merged
    for index, phase in enumerate(phases):
        if isinstance(phase, Mapping) and FROM in phase and (index or len(phase) > 1):
            text = "must be the first phase, and say nothing else"
            raise FaultsError(fault_at(text, "phases", index, FROM))
    if not (phases and isinstance(phases[0], Mapping) and FROM in phases[0]):
        return merged
    reference = phases[0][FROM]
    if not isinstance(reference, str) or reference.count("/") != 1:
        raise FaultsError(fault_at(f"must be ablation/variant; got {show(reference)}", *FIRST))
    own = {key: item for key, item in merged.items() if key != "phases"}
    variant = reference.partition("/")[2]
    return {**merged, "phases": [*_phases(others(reference), own, variant), *phases[1:]]}


def _phases(recipe: Recipe, own: Mapping[str, Any], variant: str) -> list[dict[str, Any]]:
    """Return the phases of another variant as patches on the recipe `own`; a training without phases is called as it is."""
    plain = Recipe.model_validate(own).model_dump(mode="json")
    return [
        {
            **patch_between(_sections(plain), _sections(canonical(phase.recipe))),
            "name": variant if not recipe.phases else phase.name,
            **phase.settings,
        }
        for phase in phases_of(recipe)
    ]


def _sections(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {section: plain[section] for section in SECTIONS}
