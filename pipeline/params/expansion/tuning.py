"""The search of each variant: the ablation's with the variant's own ranges, each checked on the recipe it tunes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.data.catalogue import Dataset
from pipeline.params.checks.validation import TUNED
from pipeline.params.expansion.drafts import VariantDraft
from pipeline.params.expansion.resolve import canonical, with_values
from pipeline.params.faults import Fault, FaultsError, Where, dotted, fault_at, read_as, show
from pipeline.params.types.built_model import BuiltModel
from pipeline.params.types.phases import phases_of
from pipeline.params.types.recipe import Recipe
from pipeline.params.types.study import Ablation, Extras
from pipeline.params.types.tune import AnyRange, Tune, values_to_check

Ranges = Mapping[str, AnyRange | None]
Misfit = tuple[Where, str]
"""Where a range is that does not fit a recipe, relative to the ablation, and why it does not."""


def searches(
    ablation: Ablation,
    drafts: Sequence[VariantDraft],
    recipes: Mapping[str, Recipe],
    dataset: Dataset | None,
) -> tuple[dict[str, Tune | None], list[Fault]]:
    """Return every variant's search, and the faults, their places relative to the ablation.

    A range that no variant can use is one fault; where only some can, the fault names the others.
    """
    tunes: dict[str, Tune | None] = {}
    faults: list[Fault] = []
    misfits: dict[Misfit, list[str]] = {}
    for draft in drafts:
        own, own_faults = _own_ranges(ablation, draft)
        faults += own_faults
        tune = tunes[draft.name] = _search(ablation, own)
        if tune is not None and draft.name in recipes:
            for misfit in _misfits(tune, own, draft, recipes[draft.name], dataset):
                misfits.setdefault(misfit, []).append(draft.name)
    grouped = [_fault_in_variants(misfit, names, len(recipes)) for misfit, names in misfits.items()]
    return tunes, [*faults, *grouped]


def _own_ranges(ablation: Ablation, draft: VariantDraft) -> tuple[Ranges, list[Fault]]:
    """Return a variant's own ranges (None drops one of the ablation's), and what is wrong with them."""
    try:
        own = read_as(Extras, draft.extras).tune
    except FaultsError as error:
        return {}, [fault.under(*draft.where) for fault in error.faults]
    where = (*draft.where, "tune")
    if own is None:
        return {}, []
    if ablation.tune is None:
        text = "the ablation tunes nothing, so a variant cannot either; give it a tune"
        return {}, [fault_at(text, *where)]
    if ablation.tune.is_declared:
        text = "the ablation searches what each build declares; fix a value in the variant's model instead"
        return {}, [fault_at(text, *where, "space")]
    empty = _search(ablation, own.space) is None
    return own.space, [fault_at("leaves nothing to tune", *where, "space")] if empty else []


def _search(ablation: Ablation, own: Ranges) -> Tune | None:
    """Return the ablation's search with a variant's own ranges; None where there is nothing to tune."""
    if ablation.tune is None or not own or ablation.tune.is_declared:
        return ablation.tune
    ranges = {**ablation.tune.space, **own}
    space = {path: choice for path, choice in ranges.items() if choice is not None}
    return ablation.tune.model_copy(update={"space": space}) if space else None


def _misfits(
    tune: Tune, own: Ranges, draft: VariantDraft, recipe: Recipe, dataset: Dataset | None
) -> Iterator[Misfit]:
    if recipe.optimizer.finds_rate:
        yield ("tune",), "optimizer.learning_rate: finder is a search of its own; tune nothing else with it"
        return
    if recipe.data.validation == 0:
        yield ("tune",), TUNED
        return
    if tune.is_declared:
        if not (isinstance(recipe.model, BuiltModel) and recipe.model.takes_hyperparameters):
            yield ("tune", "space"), "hp needs a model.build whose function takes hp"
        return
    plain = canonical(recipe)
    each_fits = True
    for path, choice in tune.space.items():
        values = values_to_check(choice)
        texts = (_misfit(plain, path, value, dataset) for value in values)
        text = next(filter(None, texts), None) or _without_effect(plain, path, values)
        if text is not None:
            each_fits = False
            yield (*(draft.where if path in own else ()), "tune", "space", path), text
    if each_fits and (text := _conflict(plain, tune, dataset)):
        yield (*(draft.where if own else ()), "tune", "space"), text


def _misfit(plain: Mapping[str, Any], path: str, value: object, dataset: Dataset | None) -> str | None:
    _, faults = with_values(plain, {path: value}, dataset)
    if not faults:
        return None
    where = dotted(faults[0].places[0])
    elsewhere = "" if where == path or where.startswith(f"{path}.") else f"{where} "
    return f"{show(value)} does not fit: {elsewhere}{faults[0].text}"


def _without_effect(plain: Mapping[str, Any], path: str, values: Sequence[object]) -> str | None:
    """Return the sentence for a range that a recipe's phases overrule, so that all trials would be equal."""
    if not plain["phases"] or len(values) < 2:
        return None
    first, last = (_phase_recipes(plain, path, values[end]) for end in (0, -1))
    return "changes nothing: every phase sets it itself" if first == last else None


def _phase_recipes(plain: Mapping[str, Any], path: str, value: object) -> list[Recipe]:
    recipe, _ = with_values(plain, {path: value})
    return [phase.recipe for phase in phases_of(recipe)] if recipe else []


def _conflict(plain: Mapping[str, Any], tune: Tune, dataset: Dataset | None) -> str | None:
    """Return the sentence for ranges whose first or last values, each of which fits alone, do not fit together."""
    for end in (0, -1):
        values = {path: values_to_check(choice)[end] for path, choice in tune.space.items()}
        _, faults = with_values(plain, values, dataset)
        if faults:
            shown = ", ".join(f"{path}: {show(value)}" for path, value in values.items())
            return f"{shown} do not fit together: {dotted(faults[0].places[0])} {faults[0].text}"
    return None


def _fault_in_variants(misfit: Misfit, names: Sequence[str], count: int) -> Fault:
    """Return the fault of a misfit in the variants `names`, listed where the ablation has others (`count` in all)."""
    where, text = misfit
    if where[0] == "tune" and len(names) < count:
        text += f" (in {', '.join(names)}; others may keep it: give these a space of their own)"
    return fault_at(text, *where)
