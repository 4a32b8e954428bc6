"""The search of each variant: the ablation's with its own ranges, each checked on the recipe it tunes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from pipeline.data.catalogue import Dataset
from pipeline.params.drafts import Draft
from pipeline.params.faults import Fault, Where, dotted, fault, faults_of, show
from pipeline.params.phases import phases_of
from pipeline.params.recipe import Recipe
from pipeline.params.resolve import applied, canonical
from pipeline.params.schema import Ablation, Extras
from pipeline.params.spaces import Tune, members

Misfit = tuple[Where, str]


def tuning(
    ablation: Ablation, found: Sequence[Draft], recipes: Mapping[str, Recipe], dataset: Dataset | None
) -> tuple[dict[str, Tune | None], list[Fault]]:
    """Return every variant's search, and the faults, their places relative to the ablation.

    A range that no variant can use is one fault; where only some can, the fault names the others.
    """
    tunes: dict[str, Tune | None] = {}
    faults: list[Fault] = []
    misfits: dict[Misfit, list[str]] = {}
    for draft in found:
        tunes[draft.name], own, wrong = _own(ablation, draft)
        faults += wrong
        if (tune := tunes[draft.name]) is not None and draft.name in recipes:
            for misfit in _misfits(tune, own, draft, recipes[draft.name], dataset):
                misfits.setdefault(misfit, []).append(draft.name)
    return tunes, [*faults, *(_grouped(misfit, names, len(recipes)) for misfit, names in misfits.items())]


def _own(ablation: Ablation, draft: Draft) -> tuple[Tune | None, frozenset[str], list[Fault]]:
    """Return a variant's search, and which paths of its space are its own."""
    where = (*draft.where, "tune")
    try:
        extras = Extras.model_validate(draft.extras)
    except ValidationError as error:
        return ablation.tune, frozenset(), [each.under(*draft.where) for each in faults_of(error)]
    if extras.tune is None:
        return ablation.tune, frozenset(), []
    if ablation.tune is None:
        return (
            None,
            frozenset(),
            [fault("the ablation tunes nothing, so a variant cannot either; give it a tune", *where)],
        )
    both = {**ablation.tune.space, **extras.tune.space}
    space = {path: choice for path, choice in both.items() if choice is not None}
    if not space:
        return None, frozenset(), [fault("leaves nothing to tune", *where, "space")]
    return ablation.tune.model_copy(update={"space": space}), frozenset(extras.tune.space), []


def _misfits(
    tune: Tune, own: frozenset[str], draft: Draft, recipe: Recipe, dataset: Dataset | None
) -> Iterator[Misfit]:
    if recipe.optimizer.finds_rate:
        yield ("tune",), "optimizer.learning_rate: finder is a search of its own; tune nothing beside it"
        return
    plain = canonical(recipe)
    alone = True
    for path, space in tune.space.items():
        where = (*(draft.where if path in own else ()), "tune", "space", path)
        texts = (_misfit(plain, path, value, dataset) for value in members(space))
        text = next((each for each in texts if each), None) or _idle(plain, path, members(space))
        if text is not None:
            alone = False
            yield where, text
    if alone and (text := _clash(plain, tune, dataset)):
        yield (*(draft.where if own else ()), "tune", "space"), text


def _idle(plain: Mapping[str, Any], path: str, values: Sequence[object]) -> str | None:
    """Return the sentence for a range that a recipe's phases overrule, so that all trials are alike."""
    if not plain["phases"] or len(values) < 2:
        return None
    first, last = (_trained(plain, path, values[end]) for end in (0, -1))
    return "changes nothing: every phase sets it itself" if first == last else None


def _trained(plain: Mapping[str, Any], path: str, value: object) -> list[Recipe]:
    recipe, _ = applied(plain, {path: value})
    return [phase.recipe for phase in phases_of(recipe)] if recipe else []


def _misfit(plain: Mapping[str, Any], path: str, value: object, dataset: Dataset | None) -> str | None:
    _, faults = applied(plain, {path: value}, dataset)
    if not faults:
        return None
    where = dotted(faults[0].at[0])
    elsewhere = "" if where == path or where.startswith(f"{path}.") else f"{where} "
    return f"{show(value)} does not fit: {elsewhere}{faults[0].text}"


def _clash(plain: Mapping[str, Any], tune: Tune, dataset: Dataset | None) -> str | None:
    """Return the sentence for ranges whose first or last members, each of which fits alone, do not fit together."""
    for end in (0, -1):
        values = {path: members(space)[end] for path, space in tune.space.items()}
        _, faults = applied(plain, values, dataset)
        if faults:
            shown = ", ".join(f"{path}: {show(value)}" for path, value in values.items())
            return f"{shown} do not fit together: {dotted(faults[0].at[0])} {faults[0].text}"
    return None


def _grouped(misfit: Misfit, names: Sequence[str], count: int) -> Fault:
    where, text = misfit
    if where[0] != "tune" or len(names) == count:
        return fault(text, *where)
    return fault(
        f"{text} (in {', '.join(names)}; others may keep it: give these a space of their own)", *where
    )
