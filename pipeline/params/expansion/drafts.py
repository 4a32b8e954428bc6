"""Variants before they are resolved: which patches, written where, each consists of."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.params.faults import Fault, Where, fault_at
from pipeline.params.patches import patch_at
from pipeline.params.types.phase_spec import Patch
from pipeline.params.types.study import Ablation, Extras

MOST_VARIANTS = 1000


@dataclass(frozen=True)
class Source:
    """A patch and where it was written; `whole` where it was written as a value under a dotted path."""

    where: Where
    patch: Mapping[str, Any]
    whole: bool = False


@dataclass(frozen=True)
class VariantDraft:
    """A variant's name, its patches in the order they are applied to the base, and its keys that are no patch."""

    name: str
    where: Where
    sources: tuple[Source, ...]
    levels: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)


def variant_drafts(
    ablation: Ablation, columns: Sequence[str] | None = None
) -> tuple[list[VariantDraft], list[Fault]]:
    """Return an ablation's variants in order, and the faults that leave them without names.

    `columns` are those of its data set, or its inputs; None where they are not known yet.
    """
    if ablation.grid is not None:
        return _grid(ablation.grid)
    kind = ablation.kind
    patches = getattr(ablation, kind)
    if patches == {"features": "all"}:
        if columns == ():
            return [], [fault_at("the data set has no columns, and no inputs with names", kind, "features")]
        patches = {"features": list(columns or ())}  # what is not fetched yet has only the whole
    if kind in CUMULATIVE and len(patches) > MOST_VARIANTS:
        return [], [fault_at(f"has {len(patches)} patches; at most {MOST_VARIANTS} are allowed", kind)]
    drafts = list(WAYS[kind](patches))
    repeated = _repeated([draft.name for draft in drafts])
    if repeated:
        return [], [fault_at(f"two variants would be called {repeated!r}", kind)]
    return drafts, []


def _variants(patches: Mapping[str, Patch]) -> Iterator[VariantDraft]:
    for name, patch in patches.items():
        yield _draft("variants", name, patch)


def _draft(kind: str, name: str, patch: Patch) -> VariantDraft:
    extras = {key: value for key, value in patch.items() if key in Extras.model_fields}
    recipe_patch = {key: value for key, value in patch.items() if key not in extras}
    return VariantDraft(name, (kind, name), (Source((kind, name), recipe_patch),), extras=extras)


def _ladder(rungs: Mapping[str, Patch]) -> Iterator[VariantDraft]:
    applied: tuple[Source, ...] = ()
    for name, patch in rungs.items():
        rung = _draft("ladder", name, patch)
        applied = (*applied, *rung.sources)
        yield replace(rung, sources=applied)


def _leave_one_out(parts: Mapping[str, Any]) -> Iterator[VariantDraft]:
    kind, items = next(iter(parts.items()))
    if isinstance(items, list):
        yield from _without_each(kind, items)
        return
    sources = {part: Source(("leave_one_out", part), patch) for part, patch in parts.items()}
    yield VariantDraft("full", ("leave_one_out",), tuple(sources.values()))
    for part in parts:
        others = tuple(source for name, source in sources.items() if name != part)
        yield VariantDraft(f"without_{part}", ("leave_one_out", part), others)


def _without_each(kind: str, items: Sequence[str]) -> Iterator[VariantDraft]:
    """Yield the whole and a variant for each layer or feature, taken out of the model or the data."""
    yield VariantDraft("full", ("leave_one_out", kind), ())
    for index, item in enumerate(items):
        where = ("leave_one_out", kind, index)
        patch = patch_at("model.without" if kind == "layers" else "data.without", [item])
        yield VariantDraft(without_name(item), where, (Source(where, patch, whole=True),))


def without_name(item: str) -> str:
    """Return the name of the variant without a layer or a feature: `se_*` becomes `without_se`."""
    named = re.sub(r"^[*?]+_*|_*[*?]+$", "", item) or item
    return "without_" + re.sub(r"[^A-Za-z0-9_-]", "_", named)[:50]


def _grid(factors: Mapping[str, Mapping[str, Patch] | list[Any]]) -> tuple[list[VariantDraft], list[Fault]]:
    levels = {factor: _levels(factor, written) for factor, written in factors.items()}
    for factor, sources in levels.items():
        names = [name for name, _ in sources]
        if _repeated(names):
            return [], [fault_at(f"has two levels with one name: {', '.join(names)}", "grid", factor)]
    size = math.prod(map(len, levels.values()))
    if size > MOST_VARIANTS:
        return [], [fault_at(f"makes {size} variants; at most {MOST_VARIANTS} are allowed", "grid")]
    drafts = [_cell(dict(zip(levels, cell, strict=True))) for cell in itertools.product(*levels.values())]
    repeated = _repeated([draft.name for draft in drafts])
    if repeated:
        return [], [fault_at(f"two combinations have the name {repeated!r}; rename a level", "grid")]
    return drafts, []


def _repeated(names: list[str]) -> str | None:
    """Return the first name that appears more than once."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _cell(cell: Mapping[str, tuple[str, Source]]) -> VariantDraft:
    levels = {factor: level for factor, (level, _) in cell.items()}
    sources = tuple(source for _, source in cell.values())
    return VariantDraft("-".join(levels.values()), ("grid",), sources, levels)


def _levels(factor: str, written: Mapping[str, Patch] | list[Any]) -> list[tuple[str, Source]]:
    if isinstance(written, Mapping):
        return [(level, Source(("grid", factor, level), patch)) for level, patch in written.items()]
    return [
        (level_name(value), Source(("grid", factor, index), patch_at(factor, value), whole=True))
        for index, value in enumerate(written)
    ]


def level_name(value: object) -> str:
    """Return the name of a level written only as a value: letters, digits, `_`, `.`, `+` and `-` are kept."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_") or "_"


WAYS = {"variants": _variants, "ladder": _ladder, "leave_one_out": _leave_one_out}
CUMULATIVE = {"ladder", "leave_one_out"}  # each variant has the patches of the others too
