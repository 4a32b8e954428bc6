"""Ablations expanded into plain variants, each with its complete, validated recipe."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipeline.core.errors import ParamsError, nearest
from pipeline.data.catalogue import CATALOGUE, Dataset
from pipeline.params.checks.metrics import judging_faults, measured_names
from pipeline.params.checks.replicates import replicates_faults
from pipeline.params.checks.validation import target_faults
from pipeline.params.expansion.beginnings import FIRST, VariantRecipe, begun
from pipeline.params.expansion.columns import column_names
from pipeline.params.expansion.drafts import Source, VariantDraft, variant_drafts
from pipeline.params.expansion.origin import is_from_patches, traced
from pipeline.params.expansion.resolve import canonical, validated, with_values
from pipeline.params.expansion.tuning import searches
from pipeline.params.faults import Fault, FaultsError, Where, fault_at, listing, read_as
from pipeline.params.patches import differences, merge
from pipeline.params.types.dataset import DatasetSpec, name_of
from pipeline.params.types.evaluation import Evaluation
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.reference import reference_faults
from pipeline.params.types.seeds import SeedPlan, looks_of
from pipeline.params.types.study import Ablation, Extras, Study
from pipeline.params.types.tune import Tune
from pipeline.params.types.variants import Expanded, Variant


def apply(recipe: Recipe, values: Mapping[str, object]) -> Recipe:
    """Return `recipe` with dotted paths set, such as `{"optimizer.learning_rate": 0.01}`, validated again.

    A number in a path indexes a list (`model.layers.0.units`). Raises `ParamsError` with every fault.
    """
    changed, faults = with_values(canonical(recipe), values)
    if changed is None:
        raise ParamsError("tuned values", [fault.sentence() for fault in faults])
    return changed


def expand(study: Study, name: str) -> Expanded:
    """Return an ablation's variants, computed once per study.

    Raises `ParamsError` with every fault (never for a study that `load` returned), and `KeyError` for an
    unknown ablation.
    """
    if name not in study._expanded:
        base = BaseRecipe(canonical(study.base), study.known, source=study.dataset)
        expansion = Expansion(study.ablations, base, study.seeds, study.evaluation)
        expanded, faults = expansion.of(name)
        if expanded is None:
            raise ParamsError(name, [fault.sentence() for fault in faults])
        study._expanded[name] = expanded
    return study._expanded[name]


class Expansion:
    """The ablations of a study, each expanded once it is asked for: its variants may begin with those of others."""

    def __init__(
        self,
        ablations: Mapping[str, Ablation],
        base: "BaseRecipe",
        seeds: int | SeedPlan | None = None,
        evaluation: Evaluation | None = None,
    ) -> None:
        self.ablations, self.base, self.seeds, self.evaluation = ablations, base, seeds, evaluation
        self._done: dict[str, tuple[Expanded | None, list[Fault]]] = {}
        self._open: list[str] = []

    def of(self, name: str) -> tuple[Expanded | None, list[Fault]]:
        """Return an ablation expanded, or None and every fault."""
        if name not in self._done:
            self._open.append(name)
            base = replace(self.base, others=partial(self._recipe, name))
            self._done[name] = expand_ablation(self.ablations[name], name, base, self.evaluation)
            self._open.pop()
        return self._done[name]

    def _recipe(self, asking: str, reference: str) -> Recipe:
        """Return the recipe of `ablation/variant`, with which a variant of the ablation `asking` begins."""
        name, _, variant = reference.partition("/")
        if name not in self.ablations:
            text = f"there is no ablation {name!r}.{nearest(name, self.ablations)}"
            raise FaultsError(fault_at(text, *FIRST))
        if name in self._open:
            raise FaultsError(
                fault_at(f"goes round in a circle: {' from '.join([*self._open, name])}", *FIRST)
            )
        other, own = self.ablations[name], self.ablations[asking]
        written = [ablation.seeds or self.seeds for ablation in (own, other)]
        seeds = [0 if number is None else looks_of(number)[-1] for number in written]
        if seeds[0] > seeds[1]:
            text = f"{name} has {seeds[1]} seeds, fewer than the {seeds[0]} of {asking}"
            raise FaultsError(fault_at(text, *FIRST))
        if own.replicates != other.replicates:
            raise FaultsError(fault_at(f"{name} has other replicates than {asking}", *FIRST))
        if (own.dataset or self.base.source) != (other.dataset or self.base.source):
            raise FaultsError(fault_at(f"{name} has another data set than {asking}", *FIRST))
        expanded, _ = self.of(name)
        if expanded is None:
            raise FaultsError(fault_at(f"{name} has faults of its own", *FIRST))
        names = [found.name for found in expanded.variants]
        if variant not in names:
            text = f"{name} has no variant {variant!r}; it has {listing(names)}.{nearest(variant, names)}"
            raise FaultsError(fault_at(text, *FIRST))
        chosen = expanded.variant(variant)
        if chosen.tune is not None or chosen.recipe.optimizer.finds_rate:
            raise FaultsError(fault_at(f"{reference} is tuned: its recipe is not known here", *FIRST))
        return chosen.recipe


def check_against(study: Study, name: str, dataset: Dataset) -> None:
    """Raise `ParamsError` where an ablation does not fit its data set: one's own, of which `load` knew nothing."""
    source = study.ablations[name].dataset or study.dataset
    ablation = study.ablations[name].model_copy(update={"dataset": None})
    base = BaseRecipe(canonical(study.base), dataset, source=source)
    _, faults = Expansion({**study.ablations, name: ablation}, base, study.seeds, study.evaluation).of(name)
    if faults:
        raise ParamsError(f"{name}, on {dataset.name}", [fault.sentence() for fault in faults])


@dataclass(frozen=True)
class BaseRecipe:
    """What every variant changes: the base as plain data, and the record of its data set (None: a user's own).

    `valid` is False where the base had faults and its faulty sections were replaced, only to find the faults of
    the variants too.
    """

    plain: Mapping[str, Any]
    dataset: Dataset | None
    valid: bool = True
    source: str | DatasetSpec | None = None
    others: VariantRecipe | None = None
    """The recipes of other ablations' variants; None where no variant can begin with one."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the data set's columns or inputs, None where they are not known yet."""
        return None if self.source is None else column_names(self.source)

    def of(self, ablation: Ablation) -> "BaseRecipe":
        """Return the base of an ablation, which may have a data set of its own."""
        if not ablation.dataset:
            return self
        return replace(self, dataset=CATALOGUE.get(name_of(ablation.dataset)), source=ablation.dataset)


def expand_ablation(
    ablation: Ablation, name: str, base: BaseRecipe, evaluation: Evaluation | None = None
) -> tuple[Expanded | None, list[Fault]]:
    """Return an ablation expanded, or None and every fault; `evaluation` are the study's diagnostics (None: unknown)."""
    at, base = ("ablations", name), base.of(ablation)
    drafts, own_faults = variant_drafts(ablation, base.columns)
    faults = [fault.under(*at) for fault in [*own_faults, *_baseline_faults(ablation, drafts)]]
    recipes: dict[str, Recipe] = {}
    for draft in drafts:
        recipe, recipe_faults = _resolved(draft, Source(("base",), ablation.base), base, at)
        faults += recipe_faults
        if recipe is not None:
            recipes[draft.name] = recipe
    tunes, search_faults = searches(ablation, drafts, recipes, base.dataset)
    faults += [fault.under(*at) for fault in search_faults]
    faults += [fault.under(*at) for fault in replicates_faults(ablation.replicates, recipes, base.source)]
    faults += [fault.under(*at) for fault in judging_faults(ablation.metric, recipes.values())]
    if ablation.target is not None:
        faults += [fault.under(*at) for fault in target_faults(ablation.target, recipes.values())]
    if evaluation is not None:
        on = evaluation.overridden(ablation.evaluation).switched_on
        faults += [fault.under(*at) for fault in _published_faults(drafts, recipes, on)]
    if faults or len(recipes) < len(drafts) or not drafts:
        return None, list(dict.fromkeys(faults))
    return _expanded(ablation, name, drafts, recipes, tunes), []


def _expanded(
    ablation: Ablation,
    name: str,
    drafts: Sequence[VariantDraft],
    recipes: Mapping[str, Recipe],
    tunes: Mapping[str, Tune | None],
) -> Expanded:
    baseline = ablation.baseline or drafts[0].name
    plain_baseline = canonical(recipes[baseline])
    variants = tuple(
        Variant(
            name=draft.name,
            recipe=recipes[draft.name],
            changes=differences(plain_baseline, canonical(recipes[draft.name])),
            levels=dict(draft.levels),
            tune=tunes[draft.name],
            reference=dict(draft.extras.get("reference") or {}),
        )
        for draft in drafts
    )
    return Expanded(name, ablation.kind, baseline, variants)


def _published_faults(
    drafts: Sequence[VariantDraft], recipes: Mapping[str, Recipe], diagnostics: Sequence[str]
) -> list[Fault]:
    """Return the faults of published values that results will not hold; what is malformed is among the other faults."""
    names = [draft.name for draft in drafts]
    faults = []
    for draft in drafts:
        with suppress(FaultsError):
            reference = read_as(Extras, draft.extras).reference
            if reference is not None and draft.name in recipes:
                phases = [phase.name for phase in phases_of(recipes[draft.name])]
                metrics = measured_names(recipes[draft.name])
                found = reference_faults(reference, phases, names, diagnostics, metrics)
                faults += [fault.under(*draft.where, "reference") for fault in found]
    return faults


def _baseline_faults(ablation: Ablation, drafts: Sequence[VariantDraft]) -> list[Fault]:
    names = [draft.name for draft in drafts]
    baseline = ablation.baseline
    if baseline is None or baseline in names or not names:
        return []
    text = f"{baseline!r} is not among the variants: {listing(names)}.{nearest(baseline, names)}"
    return [fault_at(text, "baseline")]


def _resolved(
    draft: VariantDraft, shared: Source, base: BaseRecipe, at: Where
) -> tuple[Recipe | None, list[Fault]]:
    """Return a variant's recipe, or None and its faults; `shared` is the patch of all variants of the ablation at `at`."""
    sources = (shared, *draft.sources)
    merged = dict(base.plain)
    for source in sources:
        merged = merge(merged, source.patch)
    try:
        recipe, faults = validated(begun(merged, base.others) if base.others else merged, base.dataset)
    except FaultsError as error:
        recipe, faults = None, error.faults
    own = [fault for fault in faults if base.valid or is_from_patches(fault, sources)]
    return recipe, [traced(fault, sources, at) for fault in own]
