"""Variants before they are resolved: which patches, written where, make each one."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.params.faults import Fault, Where, fault
from pipeline.params.merge import patch_at
from pipeline.params.schema import Ablation

OWN = ("tune", "reference")
LARGEST = 1000


@dataclass(frozen=True)
class Source:
    """A patch and where it was written; `whole` where it was spelt as a value under a dotted path."""

    where: Where
    patch: Mapping[str, Any]
    whole: bool = False


@dataclass(frozen=True)
class Draft:
    """A variant's name, its patches in the order they are laid on the base, and what it holds besides."""

    name: str
    where: Where
    sources: tuple[Source, ...]
    levels: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, Any] = field(default_factory=dict)


def drafts(ablation: Ablation) -> tuple[list[Draft], list[Fault]]:
    """Return an ablation's variants in order, and the faults that leave no names to speak of."""
    if ablation.grid is not None:
        return _grid(ablation.grid)
    kind = ablation.kind
    patches = getattr(ablation, kind)
    if kind in LAID_TOGETHER and len(patches) > LARGEST:
        return [], [fault(f"has {len(patches)} patches; at most {LARGEST} are allowed", kind)]
    return list(KINDS[kind](patches)), []


def _variants(patches: Mapping[str, Mapping[str, Any]]) -> Iterator[Draft]:
    for name, patch in patches.items():
        yield _plain("variants", name, patch)


def _plain(kind: str, name: str, patch: Mapping[str, Any]) -> Draft:
    own = {key: value for key, value in patch.items() if key in OWN}
    rest = {key: value for key, value in patch.items() if key not in OWN}
    return Draft(name, (kind, name), (Source((kind, name), rest),), extras=own)


def _ladder(rungs: Mapping[str, Mapping[str, Any]]) -> Iterator[Draft]:
    below: tuple[Source, ...] = ()
    for name, patch in rungs.items():
        rung = _plain("ladder", name, patch)
        below = (*below, *rung.sources)
        yield Draft(name, rung.where, below, extras=rung.extras)


def _leave_one_out(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[Draft]:
    sources = {part: Source(("leave_one_out", part), patch) for part, patch in parts.items()}
    yield Draft("full", ("leave_one_out",), tuple(sources.values()))
    for part in parts:
        rest = tuple(source for name, source in sources.items() if name != part)
        yield Draft(f"without_{part}", ("leave_one_out", part), rest)


def _grid(factors: Mapping[str, Mapping[str, Any] | list[Any]]) -> tuple[list[Draft], list[Fault]]:
    levels = {factor: _levels(factor, written) for factor, written in factors.items()}
    size = 1
    for factor, named in levels.items():
        size *= len(named)
        if len(dict(named)) < len(named):
            return [], [
                fault(
                    f"has two levels called the same: {', '.join(name for name, _ in named)}", "grid", factor
                )
            ]
    if size > LARGEST:
        return [], [fault(f"makes {size} variants; at most {LARGEST} are allowed", "grid")]
    found = [_cell(dict(zip(levels, cell, strict=True))) for cell in itertools.product(*levels.values())]
    names = [draft.name for draft in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    return (
        ([], [fault(f"two combinations are both called {twice!r}; rename a level", "grid")])
        if twice
        else (found, [])
    )


def _cell(cell: Mapping[str, tuple[str, Source]]) -> Draft:
    levels = {factor: level for factor, (level, _) in cell.items()}
    return Draft("-".join(levels.values()), ("grid",), tuple(source for _, source in cell.values()), levels)


def _levels(factor: str, written: Mapping[str, Any] | list[Any]) -> list[tuple[str, Source]]:
    if isinstance(written, Mapping):
        return [(level, Source(("grid", factor, level), patch)) for level, patch in written.items()]
    return [
        (level_name(value), Source(("grid", factor, index), patch_at(factor, value), whole=True))
        for index, value in enumerate(written)
    ]


def level_name(value: object) -> str:
    """Return what a level given only by its value is called: letters, digits, `_`, `.`, `+` and `-` kept."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_") or "_"


KINDS = {"variants": _variants, "ladder": _ladder, "leave_one_out": _leave_one_out}
LAID_TOGETHER = {"ladder", "leave_one_out"}  # each variant takes the patches of the others too
