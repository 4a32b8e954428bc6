"""Ablations expanded into plain variants, each with its complete, validated recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.errors import ParamsError, nearest
from pipeline.params.blame import is_owned, traced
from pipeline.params.drafts import Draft, Source, drafts
from pipeline.params.faults import Fault, Where, fault, listing
from pipeline.params.merge import differences, merge
from pipeline.params.recipe import Recipe
from pipeline.params.resolve import applied, canonical, validated
from pipeline.params.schema import Ablation, Study
from pipeline.params.spaces import Tune
from pipeline.params.tuning import tuning

__all__ = ["Expanded", "Ground", "Kind", "Variant", "apply", "canonical", "expand", "expansion"]

Kind = Literal["variants", "grid", "ladder", "leave_one_out"]


@dataclass(frozen=True)
class Variant:
    """A variant with its complete recipe.

    `changes`: flat dotted path -> value, wherever the recipe differs from the baseline's (None: reset).
    `levels`: factor -> level, in a grid. `tune`: the ablation's search with this variant's own ranges.
    `reference`: published figures.
    """

    name: str
    recipe: Recipe
    changes: dict[str, object] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    tune: Tune | None = None
    reference: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expanded:
    """An ablation's variants in the order written, its kind, and which of them is the baseline."""

    name: str
    kind: Kind
    baseline: str
    variants: tuple[Variant, ...]

    def variant(self, name: str) -> Variant:
        """Return a variant by name; raises `KeyError` where there is none."""
        return {variant.name: variant for variant in self.variants}[name]


def apply(recipe: Recipe, values: Mapping[str, object]) -> Recipe:
    """Return `recipe` with dotted paths set, such as `{"optimizer.learning_rate": 0.01}`, validated again.

    A number in a path indexes a list (`model.layers.0.units`). Raises `ParamsError` with every fault.
    """
    found, faults = applied(canonical(recipe), values)
    if found is None:
        raise ParamsError("tuned values", [each.sentence() for each in faults])
    return found


def expand(study: Study, name: str) -> Expanded:
    """Return an ablation's variants, computed once per study.

    Raises `ParamsError` with every fault (never for a study that `load` returned), and `KeyError` for an
    unknown ablation.
    """
    if name not in study._expanded:
        found, faults = expansion(study.ablations[name], name, Ground(canonical(study.base), study.known))
        if found is None:
            raise ParamsError(name, [each.sentence() for each in faults])
        study._expanded[name] = found
    return study._expanded[name]


@dataclass(frozen=True)
class Ground:
    """What every variant stands on: the base recipe as plain data, and what is known of the data set, if anything.

    `sound` is False where the base had faults of its own and was mended only to find the faults of what
    stands on it.
    """

    base: Mapping[str, Any]
    dataset: Dataset | None
    sound: bool = True

    def under(self, ablation: Ablation) -> "Ground":
        """Return the ground of an ablation, which may have a data set of its own."""
        return replace(self, dataset=CATALOGUE.get(ablation.dataset)) if ablation.dataset else self


def expansion(ablation: Ablation, name: str, ground: Ground) -> tuple[Expanded | None, list[Fault]]:
    """Return an ablation expanded, or None and every fault."""
    at, ground = ("ablations", name), ground.under(ablation)
    found, wrong = drafts(ablation)
    faults = [each.under(*at) for each in [*wrong, *_baseline_faults(ablation, found)]]
    recipes: dict[str, Recipe] = {}
    for draft in found:
        recipe, wrong = _resolved(draft, Source(("base",), ablation.base), ground, at)
        faults += wrong
        if recipe is not None:
            recipes[draft.name] = recipe
    tunes, wrong = tuning(ablation, found, recipes, ground.dataset)
    faults += [each.under(*at) for each in wrong]
    if faults or len(recipes) < len(found) or not found:
        return None, list(dict.fromkeys(faults))
    return _expanded(ablation, name, found, recipes, tunes), []


def _expanded(
    ablation: Ablation,
    name: str,
    found: list[Draft],
    recipes: Mapping[str, Recipe],
    tunes: Mapping[str, Tune | None],
) -> Expanded:
    baseline = _baseline(ablation, found)
    reference = canonical(recipes[baseline])
    variants = tuple(
        Variant(
            name=draft.name,
            recipe=recipes[draft.name],
            changes=differences(reference, canonical(recipes[draft.name])),
            levels=dict(draft.levels),
            tune=tunes[draft.name],
            reference=dict(draft.extras.get("reference") or {}),
        )
        for draft in found
    )
    return Expanded(name, cast(Kind, ablation.kind), baseline, variants)


def _baseline(ablation: Ablation, found: list[Draft]) -> str:
    return ablation.baseline or found[0].name


def _baseline_faults(ablation: Ablation, found: list[Draft]) -> list[Fault]:
    names = [draft.name for draft in found]
    wanted = ablation.baseline
    if wanted is None or wanted in names or not names:
        return []
    return [
        fault(f"{wanted!r} is not among the variants: {listing(names)}.{nearest(wanted, names)}", "baseline")
    ]


def _resolved(draft: Draft, shared: Source, ground: Ground, at: Where) -> tuple[Recipe | None, list[Fault]]:
    sources = (shared, *draft.sources)
    merged = dict(ground.base)
    for source in sources:
        merged = merge(merged, source.patch)
    recipe, faults = validated(merged, ground.dataset)
    mine = [each for each in faults if ground.sound or is_owned(each, sources)]
    return recipe, [traced(each, sources, at) for each in mine]
