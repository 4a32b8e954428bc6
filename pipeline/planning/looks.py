"""Looks at an ablation's variants: which go on to more seeds, and which are ended. See docs/method.md.

A variant that is added after a look begins a family of its own.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import nan

from pipeline.core.digests import digest
from pipeline.params.expansion.resolve import canonical
from pipeline.planning.ablation import AblationState, VariantState
from pipeline.planning.ledger import Declared, Ledger, is_over
from pipeline.stats.plans import Plan
from pipeline.store import Store


def declare(state: AblationState, ledger: Ledger) -> None:
    """Set the families of an ablation whose hyperparameters are all known, and how many seeds each variant has now."""
    keys = keys_of(state)
    group = _group(state)
    latest, study, first = ledger.latest(state.title), 1, 0
    if latest is not None:
        study, first = latest.study, latest.first
        changed = latest.plans[-1].looks != state.looks or not latest.fresh
        if state.fresh and changed:
            study, first = study + 1, ledger.seeds_used(state.title)
    known = [family for family in ledger.of(state.title, group) if family.study == study]
    families = [
        family.replanned(state.looks) for family in known if not keys.keys().isdisjoint(family.members)
    ]
    new = {
        key: variant.variant.name
        for key, variant in keys.items()
        if not any(key in family.members for family in families)
    }
    if new:
        margin = (state.margin.size, state.margin.relative)
        plans = (Plan(state.looks),)
        families.append(
            Declared(state.title, group, new, plans, margin, first=first, fresh=state.fresh, study=study)
        )
    state.families = families
    _set_seeds(state, keys)


def foresee(state: AblationState, ledger: Ledger) -> None:
    """Set the seeds of variants that were ended before, of an ablation in which others have yet to be searched."""
    if not state.baseline.is_chosen:
        return
    latest, group = ledger.latest(state.title), _group(state)
    study = latest.study if latest else 1
    families = [family for family in ledger.of(state.title, group) if family.study == study]
    for key, variant in keys_of(state).items():
        family = next((family for family in families if key in family.ended), None)
        if family is not None:
            variant.set_seeds(family.ended[key], family.first)
            state.ended.add(variant.variant.name)


def advance(state: AblationState, store: Store) -> bool:
    """Look at what is trained; return whether a variant goes on to more seeds. All that it has must be stored."""
    if state.families is None:
        return False
    keys = keys_of(state)
    measured = measurements(state, store)
    before = {variant.variant.name: variant.seeds for variant in state.variants}
    families = []
    for family in state.families:
        names = {key: keys[key].variant.name for key in family.members if key in keys}
        families.append(_looked_at(state, family, names, measured))
    state.families = families
    _set_seeds(state, keys)
    return any(variant.seeds > before[variant.variant.name] for variant in state.variants)


def _looked_at(
    state: AblationState,
    family: Declared,
    names: Mapping[str, str],
    measured: Mapping[str, Mapping[int, float]],
) -> Declared:
    from pipeline.stats.looks import follow  # which imports scipy

    declared, baseline = family.family(names), state.baseline.variant.name
    courses = follow(measured, baseline, state.margin_now(measured), declared, state.metric.higher_is_better)
    looks = [look.seeds for course in courses.values() for look in course.looks]
    ended = {
        key: last.seeds if (last := courses[name].last) is not None else declared.looks[-1]
        for key, name in names.items()
        if courses[name].goes_on_to is None
    }
    shown = max(variant.seeds for variant in state.variants)
    return replace(family, seen=max([family.seen, *looks]), shown=max(family.shown, shown), ended=ended)


def _set_seeds(state: AblationState, keys: Mapping[str, VariantState]) -> None:
    """Give each variant the seeds of its next look, or those after which it was ended; the baseline the most of all."""
    most = 0
    for family in state.families or ():
        looks = family.family(family.members).looks
        later = next((look for look in looks if look > family.seen), None)
        wanted = state.looks[-1] if is_over(family.plans) else 0
        for key in family.members:
            if key in keys:
                seeds = max(family.ended.get(key, later or looks[-1]), wanted)
                keys[key].set_seeds(seeds, family.first)
                most = max(most, seeds)
    first = state.families[0].first if state.families else 0
    state.baseline.set_seeds(most or state.looks[-1], first)


def measurements(state: AblationState, store: Store) -> dict[str, dict[int, float]]:
    """Return variant -> seed -> value of the judging metric, as far as stored; NaN for replicates that diverged."""
    name = f"test_{state.metric.name}"
    measured: dict[str, dict[int, float]] = {}
    for variant in state.variants:
        values = measured.setdefault(variant.variant.name, {})
        for run in variant.replicates:
            record = store.runs.get(run.key)
            if record is not None:
                value = record.metrics.get(name, nan) if record.outcome == "finished" else nan
                values[run.seed] = float(value)
    return measured


def _group(state: AblationState) -> str:
    """Return what all comparisons of an ablation have in common: data, split, metric and baseline."""
    context, baseline = state.baseline.context, state.baseline
    parts = [context.dataset, context.data_digest, context.study_seed, state.metric.name]
    if baseline.per_search:
        parts.append(str([search.resample for search in baseline.searches]))
    return digest([*parts, *map(canonical, baseline.frozen_recipes)])


def keys_of(state: AblationState) -> dict[str, VariantState]:
    """Return the variants besides the baseline whose hyperparameters are known, by the keys that they have in families.

    The key is that of the recipe, with a number where several have the same.
    """
    keys: dict[str, VariantState] = {}
    counts: Counter[str] = Counter()
    for variant in state.variants:
        if variant is not state.baseline and variant.is_chosen:
            recipes = [canonical(recipe) for recipe in variant.frozen_recipes]
            recipe = digest(recipes if variant.per_search else recipes[0])
            keys[f"{recipe}#{counts[recipe]}" if counts[recipe] else recipe] = variant
            counts[recipe] += 1
    return keys
